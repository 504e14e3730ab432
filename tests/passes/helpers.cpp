#include "tests/passes/helpers.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <sstream>

#include "passes/autodiff.h"

namespace weft::test {
namespace {

using namespace ir;

double draw(std::mt19937_64& random, DType dtype, double low, double high, bool specials) {
  std::uniform_real_distribution<double> uniform(low, high);
  if (is_bool(dtype)) return static_cast<double>(random() % 2);
  if (is_unsigned_int(dtype)) return static_cast<double>(random() % 8);
  if (is_int(dtype)) return static_cast<double>(random() % 15) - 7;
  const double infinity = std::numeric_limits<double>::infinity();
  const double odd[] = {0.0, -0.0, infinity, -infinity, std::nan(""), 1e-42, -1e-42, 1, -1};
  if (specials && random() % 4 == 0) return odd[random() % std::size(odd)];
  return uniform(random);
}

void store(Literal& literal, std::int64_t i, double value) {
  const DType dtype = literal.type().dtype;
  const Literal element = is_float(dtype) || is_bool(dtype)
                              ? Literal::scalar(dtype, value)
                              : Literal::scalar_int(dtype, static_cast<std::int64_t>(value));
  const std::size_t size = size_of(dtype);
  std::copy_n(element.data(), size, literal.mutable_data() + static_cast<std::size_t>(i) * size);
}

bool same_element(const Literal& a, const Literal& b, std::int64_t i) {
  const std::size_t size = size_of(a.type().dtype), at = static_cast<std::size_t>(i) * size;
  if (std::memcmp(a.data() + at, b.data() + at, size) == 0) return true;
  return is_float(a.type().dtype) && std::isnan(a.at(i)) && std::isnan(b.at(i));
}

std::string compare_bits(const std::vector<Literal>& a, const std::vector<Literal>& b) {
  std::ostringstream out;
  if (a.size() != b.size()) return "different numbers of results";
  for (std::size_t r = 0; r < a.size(); ++r) {
    if (a[r].type() != b[r].type())
      return "result types " + a[r].type().str() + " and " + b[r].type().str();
    for (std::int64_t i = 0; i < a[r].type().elements(); ++i) {
      if (same_element(a[r], b[r], i)) continue;
      out.precision(17);
      out << "result " << r << " element " << i << ": " << a[r].at(i) << " and " << b[r].at(i);
      return out.str();
    }
  }
  return "";
}

/// x + step * direction.
Literal moved(const Literal& x, const Literal& direction, double step) {
  Literal result = x;
  for (std::int64_t i = 0; i < x.type().elements(); ++i)
    store(result, i, x.at(i) + step * direction.at(i));
  return result;
}

double dot(const Literal& a, const Literal& b) {
  double sum = 0;
  for (std::int64_t i = 0; i < a.type().elements(); ++i) sum += a.at(i) * b.at(i);
  return sum;
}

bool close(double a, double b, double tolerance) {
  return std::fabs(a - b) <= tolerance * std::max({1.0, std::fabs(a), std::fabs(b)});
}

/// (f(x + h v) - f(x - h v)) / 2h for each result.
std::vector<Literal> central_differences(const Graph& f, const std::vector<Literal>& x,
                                         const std::vector<std::size_t>& wrt,
                                         const std::vector<Literal>& v, double h) {
  std::vector<Literal> above = x, below = x;
  for (std::size_t k = 0; k < wrt.size(); ++k) {
    above[wrt[k]] = moved(x[wrt[k]], v[k], h);
    below[wrt[k]] = moved(x[wrt[k]], v[k], -h);
  }
  std::vector<Literal> high = interpret(f, above), low = interpret(f, below);
  for (std::size_t r = 0; r < high.size(); ++r) {
    Literal slope = Literal::zeros(high[r].type());
    if (is_float(high[r].type().dtype))
      for (std::int64_t i = 0; i < high[r].type().elements(); ++i)
        store(slope, i, (high[r].at(i) - low[r].at(i)) / (2 * h));
    high[r] = slope;
  }
  return high;
}

std::vector<Literal> directions(const Graph& f, const std::vector<std::size_t>& wrt,
                                std::uint64_t seed) {
  std::vector<Literal> v;
  for (const std::size_t k : wrt)
    v.push_back(random_literal(f.type(f.param(k)), seed * 77 + k, -1, 1));
  return v;
}

/// Of all results of f; `forward` is f's jvp.
std::vector<Literal> tangents_at(const Graph& f, const Graph& forward,
                                 const std::vector<Literal>& x, const std::vector<Literal>& v) {
  std::vector<Literal> inputs = x;
  inputs.insert(inputs.end(), v.begin(), v.end());
  std::vector<Literal> results = interpret(forward, inputs);
  results.erase(results.begin(), results.begin() + static_cast<std::ptrdiff_t>(f.results().size()));
  return results;
}

}  // namespace

Literal random_literal(const Type& type, std::uint64_t seed, double low, double high,
                       bool specials) {
  std::mt19937_64 random(seed);
  Literal literal = Literal::zeros(type);
  for (std::int64_t i = 0; i < type.elements(); ++i)
    store(literal, i, draw(random, type.dtype, low, high, specials));
  return literal;
}

std::vector<Literal> random_inputs(const Graph& graph, std::uint64_t seed, double low, double high,
                                   bool specials) {
  std::vector<Literal> inputs;
  for (std::size_t k = 0; k < graph.param_count(); ++k)
    inputs.push_back(
        random_literal(graph.type(graph.param(k)), seed * 1000 + k, low, high, specials));
  return inputs;
}

std::string difference(const Graph& a, const Graph& b) {
  for (const std::uint64_t seed : {1, 2, 3, 4}) {
    const std::vector<Literal> inputs = random_inputs(a, seed, -2, 2, seed > 2);
    const std::string wrong = compare_bits(interpret(a, inputs), interpret(b, inputs));
    if (!wrong.empty()) return wrong + "\n" + print(a) + "\n" + print(b);
  }
  return "";
}

std::string difference(const std::vector<Literal>& a, const std::vector<Literal>& b,
                       double tolerance) {
  std::ostringstream out;
  if (a.size() != b.size()) return "different numbers of results";
  for (std::size_t r = 0; r < a.size(); ++r) {
    if (a[r].type() != b[r].type())
      return "result types " + a[r].type().str() + " and " + b[r].type().str();
    for (std::int64_t i = 0; i < a[r].type().elements(); ++i) {
      if (close(a[r].at(i), b[r].at(i), tolerance)) continue;
      out << "result " << r << " element " << i << ": " << a[r].at(i) << " and " << b[r].at(i);
      return out.str();
    }
  }
  return "";
}

std::vector<std::size_t> float_parameters(const Graph& f) {
  std::vector<std::size_t> wrt;
  for (std::size_t k = 0; k < f.param_count(); ++k)
    if (is_float(f.type(f.param(k)).dtype)) wrt.push_back(k);
  return wrt;
}

std::string check_tangents(const Graph& f, std::uint64_t seed) {
  const std::vector<std::size_t> wrt = float_parameters(f);
  const Graph forward = passes::jvp(f, wrt);
  verify(forward);
  const std::vector<Literal> x = random_inputs(f, seed), v = directions(f, wrt, seed);
  const std::vector<Literal> slopes = central_differences(f, x, wrt, v, 1e-6);
  const std::string wrong = difference(tangents_at(f, forward, x, v), slopes, 1e-6);
  return wrong.empty() ? "" : "jvp against differences: " + wrong + "\n" + print(forward);
}

std::string check_transposition(const Graph& f, std::uint64_t seed) {
  const std::vector<std::size_t> wrt = float_parameters(f);
  const Graph reverse = passes::vjp(f, wrt).graph;
  verify(reverse);
  const std::vector<Literal> x = random_inputs(f, seed), v = directions(f, wrt, seed);
  std::vector<Literal> with_u = x;
  double forward_product = 0, reverse_product = 0;
  for (const Literal& tangent : tangents_at(f, passes::jvp(f, wrt), x, v)) {
    if (!is_float(tangent.type().dtype)) continue;
    with_u.push_back(random_literal(tangent.type(), seed * 99 + with_u.size(), -1, 1));
    forward_product += dot(with_u.back(), tangent);
  }
  const std::vector<Literal> gradients = interpret(reverse, with_u);
  for (std::size_t k = 0; k < wrt.size(); ++k)
    reverse_product += dot(gradients[f.results().size() + k], v[k]);
  if (!std::isfinite(forward_product) || close(forward_product, reverse_product, 1e-9)) return "";
  return "<u, Jv> = " + std::to_string(forward_product) +
         ", <J'u, v> = " + std::to_string(reverse_product) + "\n" + print(reverse);
}

std::string check_derivatives(const Graph& f, std::uint64_t seed) {
  const std::string wrong = check_tangents(f, seed);
  return wrong.empty() ? check_transposition(f, seed) : wrong;
}

}  // namespace weft::test
