#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include <weft/error.h>
#include "tests/ops/reference.h"

namespace weft::test {

using namespace weft::ir;

namespace {

using Index = std::vector<std::int64_t>;

/// Calls f(index, number) for every index of the shape, in row-major order.
template <class F>
void for_each_index(const Shape& shape, F f) {
  Index index(shape.size(), 0);
  const std::int64_t count = elements(shape);
  for (std::int64_t number = 0; number < count; ++number) {
    f(index, number);
    for (std::size_t k = shape.size(); k-- > 0;) {
      if (++index[k] < shape[k]) break;
      index[k] = 0;
    }
  }
}

std::int64_t number_of(const Index& index, const Shape& shape) {
  std::int64_t number = 0;
  for (std::size_t k = 0; k < shape.size(); ++k) number = number * shape[k] + index[k];
  return number;
}

/// A result each of whose elements is an element of x, or `otherwise` where `source` says -1.
template <class Source>
Literal picked(const Literal& x, const Shape& shape, Source source, std::uint64_t otherwise = 0) {
  Literal result = Literal::zeros({x.type().dtype, shape});
  for_each_index(shape, [&](const Index& index, std::int64_t number) {
    const std::int64_t from = source(index);
    set_element_bits(result, number, from < 0 ? otherwise : element_bits(x, from));
  });
  return result;
}

Literal broadcast(const Sample& s, const Literal& x) {
  const Ints& dims = s.attrs.ints("dims");
  return picked(x, to_shape(s.attrs.ints("shape")), [&](const Index& index) {
    Index from;
    for (std::size_t k = 0; k < dims.size(); ++k)
      from.push_back(x.type().shape[k] == 1 ? 0 : index[dims[k]]);
    return number_of(from, x.type().shape);
  });
}

Literal reshaped(const Sample& s, const Literal& x) {
  const Shape shape = to_shape(s.attrs.ints("shape"));
  return picked(x, shape, [&](const Index& index) { return number_of(index, shape); });
}

Literal permuted(const Sample& s, const Literal& x) {
  const Ints& permutation = s.attrs.ints("permutation");
  Shape shape;
  for (std::int64_t axis : permutation) shape.push_back(x.type().shape[axis]);
  return picked(x, shape, [&](const Index& index) {
    Index from(index.size());
    for (std::size_t k = 0; k < index.size(); ++k) from[permutation[k]] = index[k];
    return number_of(from, x.type().shape);
  });
}

Literal sliced(const Sample& s, const Literal& x) {
  const Ints &start = s.attrs.ints("start"), &limit = s.attrs.ints("limit"),
             &stride = s.attrs.ints("stride");
  Shape shape;
  for (std::size_t k = 0; k < start.size(); ++k) {
    std::int64_t count = 0;
    for (std::int64_t at = start[k]; at < limit[k]; at += stride[k]) ++count;
    shape.push_back(count);
  }
  return picked(x, shape, [&](const Index& index) {
    Index from(index.size());
    for (std::size_t k = 0; k < index.size(); ++k) from[k] = start[k] + index[k] * stride[k];
    return number_of(from, x.type().shape);
  });
}

Literal reversed(const Sample& s, const Literal& x) {
  return picked(x, x.type().shape, [&](Index index) {
    for (std::int64_t axis : s.attrs.ints("axes"))
      index[axis] = x.type().shape[axis] - 1 - index[axis];
    return number_of(index, x.type().shape);
  });
}

/// Asks of each result index whether an element of x landed there.
Literal padded(const Sample& s, const Literal& x, const Literal& value) {
  const Ints &low = s.attrs.ints("low"), &high = s.attrs.ints("high"),
             &interior = s.attrs.ints("interior");
  Shape shape;
  for (std::size_t k = 0; k < low.size(); ++k) {
    const std::int64_t n = x.type().shape[k];
    shape.push_back(low[k] + high[k] + n + (n > 0 ? (n - 1) * interior[k] : 0));
  }
  const auto source = [&](const Index& index) -> std::int64_t {
    Index from(index.size());
    for (std::size_t k = 0; k < index.size(); ++k) {
      const std::int64_t offset = index[k] - low[k];
      if (offset < 0 || offset % (interior[k] + 1) != 0) return -1;
      from[k] = offset / (interior[k] + 1);
      if (from[k] >= x.type().shape[k]) return -1;
    }
    return number_of(from, x.type().shape);
  };
  return picked(x, shape, source, element_bits(value, 0));
}

Literal concatenated(const Sample& s, std::span<const Literal> inputs) {
  const auto axis = static_cast<std::size_t>(s.attrs.integer("axis"));
  Shape shape = inputs[0].type().shape;
  shape[axis] = 0;
  for (const Literal& x : inputs) shape[axis] = shape[axis] + x.type().shape[axis];
  Literal result = Literal::zeros({inputs[0].type().dtype, shape});
  for_each_index(shape, [&](Index index, std::int64_t number) {
    std::size_t part = 0;
    while (index[axis] >= inputs[part].type().shape[axis])
      index[axis] -= inputs[part++].type().shape[axis];
    set_element_bits(result, number,
                     element_bits(inputs[part], number_of(index, inputs[part].type().shape)));
  });
  return result;
}

Literal counted(const Sample& s) {
  const Shape shape = to_shape(s.attrs.ints("shape"));
  Literal result = Literal::zeros({s.attrs.dtype("dtype"), shape});
  for_each_index(shape, [&](const Index& index, std::int64_t number) {
    const Literal one = Literal::scalar_int(s.attrs.dtype("dtype"), index[s.attrs.integer("axis")]);
    set_element_bits(result, number, element_bits(one, 0));
  });
  return result;
}

Literal random_words(const Sample& s, const Literal& key) {
  const Shape shape = to_shape(s.attrs.ints("shape"));
  Literal result = Literal::zeros({DType::u32, shape});
  const std::uint64_t k0 = element_bits(key, 0), k1 = element_bits(key, 1);
  const auto low = [](std::uint64_t x) { return static_cast<std::uint32_t>(x); };
  const auto high = [](std::uint64_t x) { return static_cast<std::uint32_t>(x >> 32); };
  for (std::int64_t i = 0; i < result.type().elements(); ++i) {
    const auto block = static_cast<std::uint64_t>(i) / 4;
    const auto words =
        philox_block({low(block), high(block), low(k1), high(k1)}, {low(k0), high(k0)});
    set_element_bits(result, i, words[static_cast<std::size_t>(i % 4)]);
  }
  return result;
}

/// Arithmetic of reductions and products: floats in long double, integers wrapping in 64 bits.
struct Number {
  long double real = 0;
  std::uint64_t bits = 0;
};

Number read(const Literal& x, std::int64_t i) {
  if (is_float(x.type().dtype)) return {x.at(i), 0};
  return {0, static_cast<std::uint64_t>(x.int_at(i))};
}
void write(Literal& x, std::int64_t i, Number n) {
  if (!is_float(x.type().dtype)) return set_element_bits(x, i, n.bits);
  const Literal one = Literal::scalar(x.type().dtype, static_cast<double>(n.real));
  set_element_bits(x, i, element_bits(one, 0));
}
Number sum(Number a, Number b) { return {a.real + b.real, a.bits + b.bits}; }
Number product(Number a, Number b) { return {a.real * b.real, a.bits * b.bits}; }

bool greater(DType dtype, Number a, Number b) {
  if (is_float(dtype)) return a.real > b.real;
  if (is_unsigned_int(dtype)) return a.bits > b.bits;
  return static_cast<std::int64_t>(a.bits) > static_cast<std::int64_t>(b.bits);
}

Number combined(const std::string& kind, DType dtype, Number a, Number b) {
  if (kind == "add") return sum(a, b);
  if (kind == "mul") return product(a, b);
  if (kind == "and") return {0, a.bits & b.bits};
  if (kind == "or") return {0, a.bits | b.bits};
  if (std::isnan(a.real) || std::isnan(b.real))
    return {std::numeric_limits<long double>::quiet_NaN(), 0};
  return greater(dtype, a, b) == (kind == "max") ? a : b;
}

/// What an empty reduction gives.
Number identity(const std::string& kind, DType dtype) {
  const long double infinity = std::numeric_limits<long double>::infinity();
  const int width = static_cast<int>(size_of(dtype)) * 8;
  const std::uint64_t all = ~std::uint64_t{0};
  const std::uint64_t top = std::uint64_t{1} << (width - 1);
  if (kind == "mul") return {1, 1};
  if (kind == "and") return {0, is_bool(dtype) ? 1 : all};
  if (kind == "max") return {-infinity, is_unsigned_int(dtype) ? 0 : ~(top - 1)};
  if (kind == "min") return {infinity, is_unsigned_int(dtype) ? all >> (64 - width) : top - 1};
  return {0, 0};
}

Literal reduced(const Sample& s, const Literal& x) {
  const Ints& axes = s.attrs.ints("axes");
  const std::string& kind = s.attrs.string("kind");
  const auto is_reduced = [&](std::size_t k) {
    return std::count(axes.begin(), axes.end(), static_cast<std::int64_t>(k)) != 0;
  };
  Shape shape;
  for (std::size_t k = 0; k < x.type().shape.size(); ++k)
    if (!is_reduced(k)) shape.push_back(x.type().shape[k]);
  std::vector<Number> totals(static_cast<std::size_t>(elements(shape)),
                             identity(kind, x.type().dtype));
  for_each_index(x.type().shape, [&](const Index& index, std::int64_t number) {
    Index to;
    for (std::size_t k = 0; k < index.size(); ++k)
      if (!is_reduced(k)) to.push_back(index[k]);
    Number& total = totals[static_cast<std::size_t>(number_of(to, shape))];
    total = combined(kind, x.type().dtype, total, read(x, number));
  });
  Literal result = Literal::zeros({x.type().dtype, shape});
  for (std::size_t i = 0; i < totals.size(); ++i)
    write(result, static_cast<std::int64_t>(i), totals[i]);
  return result;
}

Literal accumulated(const Sample& s, const Literal& x) {
  const auto axis = static_cast<std::size_t>(s.attrs.integer("axis"));
  const bool reverse = s.attrs.boolean("reverse");
  const Shape& shape = x.type().shape;
  Literal result = Literal::zeros(x.type());
  for_each_index(shape, [&](const Index& index, std::int64_t number) {
    Number total = identity(s.attrs.string("kind"), x.type().dtype);
    const std::int64_t own = index[axis];
    for (std::int64_t i = reverse ? shape[axis] - 1 : 0; reverse ? i >= own : i <= own;
         i += reverse ? -1 : 1) {
      Index from = index;
      from[axis] = i;
      total =
          combined(s.attrs.string("kind"), x.type().dtype, total, read(x, number_of(from, shape)));
    }
    write(result, number, total);
  });
  return result;
}

Literal extreme_index(const Sample& s, const Literal& x) {
  const auto axis = static_cast<std::size_t>(s.attrs.integer("axis"));
  Shape shape = x.type().shape;
  const std::int64_t n = shape[axis];
  shape.erase(shape.begin() + static_cast<std::ptrdiff_t>(axis));
  Literal result = Literal::zeros({DType::i64, shape});
  for_each_index(shape, [&](const Index& index, std::int64_t number) {
    std::int64_t best = -1;
    Number extreme;
    for (std::int64_t i = 0; i < n && !(best >= 0 && std::isnan(extreme.real)); ++i) {
      Index from = index;
      from.insert(from.begin() + static_cast<std::ptrdiff_t>(axis), i);
      const Number challenger = read(x, number_of(from, x.type().shape));
      const bool beats = s.op == Op::argmax ? greater(x.type().dtype, challenger, extreme)
                                            : greater(x.type().dtype, extreme, challenger);
      if (best < 0 || std::isnan(challenger.real) || beats) best = i, extreme = challenger;
    }
    set_element_bits(result, number, static_cast<std::uint64_t>(best));
  });
  return result;
}

Ints free_axes(const Literal& x, const Ints& contract, const Ints& batch) {
  Ints axes(static_cast<std::size_t>(x.type().rank()));
  std::iota(axes.begin(), axes.end(), 0);
  for (const Ints& taken : {contract, batch})
    for (std::int64_t axis : taken) axes.erase(std::find(axes.begin(), axes.end(), axis));
  return axes;
}

Shape sizes(const Literal& x, const Ints& axes) {
  Shape shape;
  for (std::int64_t axis : axes) shape.push_back(x.type().shape[axis]);
  return shape;
}

Literal dot(const Sample& s, const Literal& a, const Literal& b) {
  const IntLists &contract = s.attrs.int_lists("contract"), &batch = s.attrs.int_lists("batch");
  const Ints a_free = free_axes(a, contract[0], batch[0]),
             b_free = free_axes(b, contract[1], batch[1]);
  Shape shape = sizes(a, batch[0]);
  for (const Shape& part : {sizes(a, a_free), sizes(b, b_free)})
    shape.insert(shape.end(), part.begin(), part.end());
  Literal result = Literal::zeros({a.type().dtype, shape});
  for_each_index(shape, [&](const Index& index, std::int64_t number) {
    Index at_a(a.type().shape.size()), at_b(b.type().shape.size());
    auto next = index.begin();
    for (std::size_t k = 0; k < batch[0].size(); ++k)
      at_a[batch[0][k]] = at_b[batch[1][k]] = *next++;
    for (std::int64_t axis : a_free) at_a[axis] = *next++;
    for (std::int64_t axis : b_free) at_b[axis] = *next++;
    Number total;
    for_each_index(sizes(a, contract[0]), [&](const Index& k, std::int64_t) {
      for (std::size_t c = 0; c < k.size(); ++c) at_a[contract[0][c]] = at_b[contract[1][c]] = k[c];
      total = sum(total, product(read(a, number_of(at_a, a.type().shape)),
                                 read(b, number_of(at_b, b.type().shape))));
    });
    write(result, number, total);
  });
  return result;
}

/// The index of x for an index of the taken shape: the indexed axes become one, clamped.
Index taken_from(const Index& index, const Literal& x, const Literal& indices, std::int64_t axis) {
  const auto rank = static_cast<std::ptrdiff_t>(indices.type().rank());
  const Index at(index.begin() + axis, index.begin() + axis + rank);
  const std::int64_t row = indices.int_at(number_of(at, indices.type().shape));
  Index from(index.begin(), index.begin() + axis);
  from.push_back(std::clamp<std::int64_t>(row, 0, x.type().shape[axis] - 1));
  from.insert(from.end(), index.begin() + axis + rank, index.end());
  return from;
}

Literal gathered(const Sample& s, const Literal& x, const Literal& indices) {
  const std::int64_t axis = s.attrs.integer("axis");
  Shape shape(x.type().shape.begin(), x.type().shape.begin() + axis);
  shape.insert(shape.end(), indices.type().shape.begin(), indices.type().shape.end());
  shape.insert(shape.end(), x.type().shape.begin() + axis + 1, x.type().shape.end());
  return picked(x, shape, [&](const Index& index) {
    return number_of(taken_from(index, x, indices, axis), x.type().shape);
  });
}

/// Row-major over the updates: for one element of x that is the order of its indices.
Literal scattered(const Sample& s, std::span<const Literal> inputs) {
  const Literal &indices = inputs[1], &updates = inputs[2];
  Literal result = inputs[0];
  for_each_index(updates.type().shape, [&](const Index& index, std::int64_t number) {
    const Index at = taken_from(index, result, indices, s.attrs.integer("axis"));
    const std::int64_t to = number_of(at, result.type().shape);
    if (s.attrs.string("kind") == "set")
      set_element_bits(result, to, element_bits(updates, number));
    else
      write(result, to, sum(read(result, to), read(updates, number)));
  });
  return result;
}

}  // namespace

std::uint64_t element_bits(const Literal& x, std::int64_t i) {
  const std::size_t size = size_of(x.type().dtype);
  std::uint64_t bits = 0;
  std::memcpy(&bits, x.data() + static_cast<std::size_t>(i) * size, size);
  return bits;
}

void set_element_bits(Literal& x, std::int64_t i, std::uint64_t bits) {
  const std::size_t size = size_of(x.type().dtype);
  std::memcpy(x.mutable_data() + static_cast<std::size_t>(i) * size, &bits, size);
}

std::array<std::uint32_t, 4> philox_block(std::array<std::uint32_t, 4> counter,
                                          std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t left = std::uint64_t{0xD2511F53} * counter[0];
    const std::uint64_t right = std::uint64_t{0xCD9E8D57} * counter[2];
    counter = {static_cast<std::uint32_t>(right >> 32) ^ counter[1] ^ key[0],
               static_cast<std::uint32_t>(right),
               static_cast<std::uint32_t>(left >> 32) ^ counter[3] ^ key[1],
               static_cast<std::uint32_t>(left)};
    key[0] += 0x9E3779B9;
    key[1] += 0xBB67AE85;
  }
  return counter;
}

Literal structure_reference(const Sample& s, std::span<const Literal> inputs) {
  switch (s.op) {
    case Op::constant:
      return s.attrs.literal("value");
    case Op::iota:
      return counted(s);
    case Op::random_bits:
      return random_words(s, inputs[0]);
    case Op::broadcast_in_dim:
      return broadcast(s, inputs[0]);
    case Op::reshape:
      return reshaped(s, inputs[0]);
    case Op::transpose:
      return permuted(s, inputs[0]);
    case Op::slice:
      return sliced(s, inputs[0]);
    case Op::reverse:
      return reversed(s, inputs[0]);
    case Op::pad:
      return padded(s, inputs[0], inputs[1]);
    case Op::concatenate:
      return concatenated(s, inputs);
    case Op::reduce:
      return reduced(s, inputs[0]);
    case Op::argmax:
    case Op::argmin:
      return extreme_index(s, inputs[0]);
    case Op::cumulative:
      return accumulated(s, inputs[0]);
    case Op::dot_general:
      return dot(s, inputs[0], inputs[1]);
    case Op::attention:
    case Op::attention_gradient:
    case Op::attention_tangent:
      return attention_reference(s, inputs);
    case Op::gather:
      return gathered(s, inputs[0], inputs[1]);
    case Op::scatter:
      return scattered(s, inputs);
    case Op::optimization_barrier:
      return inputs[0];
    default:
      break;
  }
  throw InternalError("reference: none for " + std::string(def(s.op).name));
}

}  // namespace weft::test
