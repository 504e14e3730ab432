// Elementwise operations, iota and random_bits: each element is a scalar program of its operands.
#include <algorithm>
#include <array>
#include <memory>

#include "ir/interpret_parts.h"
#include "ir/scalar.h"
#include "ir/scalar_element.h"

namespace weft::ir {

Literal interpret_elementwise(const Node& node, std::span<const Literal> operands) {
  ScalarBuilder builder;
  std::vector<Scalar> scalars;
  std::vector<const void*> params;
  for (const Literal& x : operands) {
    if (!is_computable(x.type().dtype)) no_arithmetic(node, x.type().dtype);
    scalars.push_back(builder.param(static_cast<int>(scalars.size()), x.type().dtype));
    params.push_back(x.data());
  }
  if (!is_computable(node.types[0].dtype)) no_arithmetic(node, node.types[0].dtype);
  const ScalarProgram program = builder.take(def(node.op).scalar(builder, scalars, node));

  Literal result = Literal::zeros({node.types[0].dtype, operands[0].type().shape});
  const std::unique_ptr<bool[]> splat(new bool[operands.size()]());
  eval_scalar_program(program, params, std::span<const bool>(splat.get(), operands.size()),
                      result.mutable_data(), result.type().elements());
  return result;
}

Literal interpret_random_bits(const Node& node, const Literal& key) {
  ScalarBuilder builder;
  const std::array scalars{builder.param(0, DType::u64), builder.param(1, DType::u64),
                           builder.param(2, DType::u64)};
  const ScalarProgram program = builder.take(def(node.op).scalar(builder, scalars, node));

  Literal result = Literal::zeros(node.types[0]);
  const std::int64_t n = result.type().elements();
  std::vector<std::uint64_t> index(static_cast<std::size_t>(n));
  for (std::int64_t i = 0; i < n; ++i) index[i] = static_cast<std::uint64_t>(i);
  const std::uint64_t* words = key.as<std::uint64_t>();
  const std::array<const void*, 3> params{&words[0], &words[1], index.data()};
  const std::array splat{true, true, false};
  eval_scalar_program(program, params, splat, result.mutable_data(), n);
  return result;
}

Literal interpret_iota(const Node& node) {
  Literal result = Literal::zeros(node.types[0]);
  const Shape& shape = node.types[0].shape;
  const auto axis = static_cast<std::size_t>(node.attrs.integer("axis"));
  const std::int64_t stride = row_major_strides(shape)[axis];
  const std::int64_t n = result.type().elements();
  element::with_type(
      result.type().dtype,
      [&]<class T>() {
        T* out = result.mutable_as<T>();
        for (std::int64_t i = 0; i < n; ++i)
          out[i] = element::convert<T>(i / stride % static_cast<std::int64_t>(shape[axis]));
      },
      [&] { no_arithmetic(node, node.types[0].dtype); });
  return result;
}

}  // namespace weft::ir
