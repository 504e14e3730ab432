// Products of matrices, vectors and batches of them; einsum.
#include <algorithm>
#include <numeric>

#include <weft/ops.h>
#include "frontend/expr.h"
#include "frontend/storage.h"

namespace weft {

using detail::OpScope;
using detail::Ref;
using detail::wrap;
namespace expr = detail::expr;

namespace {

std::string dims_of(const Tensor& t) {
  std::string text;
  for (std::int64_t size : t.shape()) text += (text.empty() ? "" : "x") + std::to_string(size);
  return text;
}

void check_operands(const Tensor& a, const Tensor& b) {
  if (a.dtype() != b.dtype()) {
    detail::fail("operand 1 has dtype " + std::string(name(b.dtype())) +
                 ", expected operand 0's dtype " + std::string(name(a.dtype())));
  }
}

void check_rank(const Tensor& t, int operand, std::int64_t rank) {
  if (t.dim() != rank) {
    detail::fail("operand " + std::to_string(operand) + " has shape " + t.shape().str() +
                 ", expected " + std::to_string(rank) + " dimensions");
  }
}

Ref number(const Tensor& t) {
  const Ref v = detail::read(t);
  if (is_bool(t.dtype())) detail::fail("expected numbers, got bool operands");
  return v;
}

/// [..., m, k] x [..., k, n], both at least matrices.
Ref batched(const Tensor& a, const Tensor& b) {
  if (a.size(-1) != b.size(-2)) {
    detail::fail("mat1 and mat2 shapes cannot be multiplied (" + dims_of(a) + " and " + dims_of(b) +
                 ")");
  }
  Ref x = number(a), y = number(b);
  const std::int64_t rank_a = a.dim();
  if (b.dim() == 2) return expr::dot_general(x, y, {{rank_a - 1}, {0}});
  // Batch dimensions broadcast.
  ir::Shape batch_a(x->type.shape.begin(), x->type.shape.end() - 2);
  ir::Shape batch_b(y->type.shape.begin(), y->type.shape.end() - 2);
  const ir::Shape common = detail::broadcast_shapes({batch_a, batch_b});
  const auto widen = [&](const Ref& v) {
    ir::Shape shape = common;
    shape.insert(shape.end(), v->type.shape.end() - 2, v->type.shape.end());
    return expr::broadcast_to(v, shape);
  };
  ir::Ints batch(common.size());
  std::iota(batch.begin(), batch.end(), 0);
  const auto n = static_cast<std::int64_t>(batch.size());
  return expr::dot_general(widen(x), widen(y), {{n + 1}, {n}}, {batch, batch});
}

/// One term of an einsum: a value and a letter for each of its axes.
struct Term {
  Ref value;
  std::string letters;
};

/// Sums over the letters that nobody else names.
Term sum_out(Term term, const std::string& needed) {
  ir::Ints axes;
  std::string kept;
  for (std::size_t k = 0; k < term.letters.size(); ++k) {
    if (needed.find(term.letters[k]) == std::string::npos) {
      axes.push_back(static_cast<std::int64_t>(k));
    } else {
      kept += term.letters[k];
    }
  }
  return {expr::reduce(term.value, "add", axes, false), kept};
}

Term contract(const Term& a, const Term& b, const std::string& needed) {
  ir::IntLists contracted(2), batch(2);
  std::string shared, free_a, free_b = b.letters;
  for (std::size_t i = 0; i < a.letters.size(); ++i) {
    const std::size_t j = b.letters.find(a.letters[i]);
    if (j == std::string::npos) {
      free_a += a.letters[i];
      continue;
    }
    if (a.value->type.shape[i] != b.value->type.shape[j]) {
      detail::fail(std::string("letter '") + a.letters[i] + "' is " +
                   std::to_string(a.value->type.shape[i]) + " in one operand and " +
                   std::to_string(b.value->type.shape[j]) + " in another");
    }
    const bool stays = needed.find(a.letters[i]) != std::string::npos;
    ir::IntLists& lists = stays ? batch : contracted;
    lists[0].push_back(static_cast<std::int64_t>(i));
    lists[1].push_back(static_cast<std::int64_t>(j));
    if (stays) shared += a.letters[i];
    std::erase(free_b, a.letters[i]);
  }
  return {expr::dot_general(a.value, b.value, contracted, batch), shared + free_a + free_b};
}

struct Equation {
  std::vector<std::string> inputs;
  std::string output;
};

Equation parse_equation(const std::string& text) {
  Equation equation;
  std::string letters;
  const std::size_t arrow = text.find("->");
  const std::string left = text.substr(0, arrow);
  for (char c : left + ",") {
    if (c == ',') {
      equation.inputs.push_back(std::exchange(letters, {}));
    } else if (std::isalpha(static_cast<unsigned char>(c))) {
      if (letters.find(c) != std::string::npos) {
        detail::fail_unsupported(std::string("letter '") + c + "' twice in one operand of \"" +
                                 text + "\"; take the diagonal first");
      }
      letters += c;
    } else if (c != ' ') {
      detail::fail("expected letters, commas and one arrow, got \"" + text + "\"");
    }
  }
  if (arrow != std::string::npos) {
    for (char c : text.substr(arrow + 2)) {
      if (c == ' ') continue;
      if (left.find(c) == std::string::npos || equation.output.find(c) != std::string::npos) {
        detail::fail(std::string("output letter '") + c + "' of \"" + text +
                     "\" must be an input's, and stand there once");
      }
      equation.output += c;
    }
    return equation;
  }
  // Without an arrow: the letters that occur once, in order of the alphabet.
  for (char c : left) {
    if (std::isalpha(static_cast<unsigned char>(c)) &&
        std::count(left.begin(), left.end(), c) == 1) {
      equation.output += c;
    }
  }
  std::sort(equation.output.begin(), equation.output.end());
  return equation;
}

}  // namespace

Tensor matmul(const Tensor& a, const Tensor& b, Here here) {
  const OpScope scope("matmul", here);
  check_operands(a, b);
  if (a.dim() == 0 || b.dim() == 0) {
    detail::fail("both arguments need to be at least 1D, but they are " + std::to_string(a.dim()) +
                 "D and " + std::to_string(b.dim()) + "D");
  }
  const Tensor left = a.dim() == 1 ? a.unsqueeze(0) : a;
  const Tensor right = b.dim() == 1 ? b.unsqueeze(1) : b;
  Ref product = batched(left, right);
  ir::Shape shape = product->type.shape;
  if (b.dim() == 1) shape.pop_back();
  if (a.dim() == 1) shape.erase(shape.end() - (b.dim() == 1 ? 1 : 2));
  return wrap(expr::reshape(product, shape));
}

Tensor mm(const Tensor& a, const Tensor& b, Here here) {
  const OpScope scope("mm", here);
  check_rank(a, 0, 2);
  check_rank(b, 1, 2);
  return matmul(a, b);
}

Tensor bmm(const Tensor& a, const Tensor& b, Here here) {
  const OpScope scope("bmm", here);
  check_rank(a, 0, 3);
  check_rank(b, 1, 3);
  if (a.size(0) != b.size(0)) {
    detail::fail("operand 1 has batch size " + std::to_string(b.size(0)) +
                 ", expected operand 0's " + std::to_string(a.size(0)));
  }
  return matmul(a, b);
}

Tensor mv(const Tensor& a, const Tensor& b, Here here) {
  const OpScope scope("mv", here);
  check_rank(a, 0, 2);
  check_rank(b, 1, 1);
  return matmul(a, b);
}

Tensor dot(const Tensor& a, const Tensor& b, Here here) {
  const OpScope scope("dot", here);
  check_rank(a, 0, 1);
  check_rank(b, 1, 1);
  return matmul(a, b);
}

Tensor outer(const Tensor& a, const Tensor& b, Here here) {
  const OpScope scope("outer", here);
  check_rank(a, 0, 1);
  check_rank(b, 1, 1);
  return a.unsqueeze(1) * b;
}

Tensor einsum(const std::string& equation, const std::vector<Tensor>& operands, Here here) {
  const OpScope scope("einsum", here);
  const Equation parsed = parse_equation(equation);
  if (parsed.inputs.size() != operands.size() || operands.empty()) {
    detail::fail("\"" + equation + "\" names " + std::to_string(parsed.inputs.size()) +
                 " operands, got " + std::to_string(operands.size()));
  }
  std::vector<Term> terms;
  for (std::size_t k = 0; k < operands.size(); ++k) {
    check_operands(operands[0], operands[k]);
    check_rank(operands[k], static_cast<int>(k),
               static_cast<std::int64_t>(parsed.inputs[k].size()));
    terms.push_back({number(operands[k]), parsed.inputs[k]});
  }
  Term result = terms[0];
  for (std::size_t k = 0; k < terms.size(); ++k) {
    std::string later = parsed.output;
    for (std::size_t l = k + 1; l < terms.size(); ++l) later += terms[l].letters;
    if (k > 0) {
      const Term next = sum_out(terms[k], later + result.letters);
      result = contract(result, next, later);
    } else {
      result = sum_out(result, later);
    }
  }
  result = sum_out(result, parsed.output);
  ir::Ints order;
  for (char c : parsed.output) order.push_back(static_cast<std::int64_t>(result.letters.find(c)));
  return wrap(expr::transpose(result.value, order));
}

Tensor Tensor::matmul(const Tensor& other, Here here) const {
  return weft::matmul(*this, other, here);
}
Tensor Tensor::mm(const Tensor& other, Here here) const { return weft::mm(*this, other, here); }
Tensor Tensor::bmm(const Tensor& other, Here here) const { return weft::bmm(*this, other, here); }
Tensor Tensor::mv(const Tensor& other, Here here) const { return weft::mv(*this, other, here); }
Tensor Tensor::dot(const Tensor& other, Here here) const { return weft::dot(*this, other, here); }
Tensor Tensor::outer(const Tensor& other, Here here) const {
  return weft::outer(*this, other, here);
}

}  // namespace weft
