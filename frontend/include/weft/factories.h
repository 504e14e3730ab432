// Tensors from nothing, from nested lists, and from memory that others own.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <span>

#include <weft/options.h>
#include <weft/tensor.h>

namespace weft {

/// Nested lists of numbers: `tensor({{1, 2}, {3, 4}})`. Integers make i64, floating-point numbers
/// f32 (the default dtype), bools bool. Lists of unequal lengths are an error.
class WEFT_API NestedList {
 public:
  template <class T>
  requires std::is_arithmetic_v<T> NestedList(T value) : values_{Scalar(value)} {}
  NestedList(std::initializer_list<NestedList> items);

  const Dims& sizes() const { return sizes_; }
  const std::vector<Scalar>& values() const { return values_; }
  /// Empty, or what is wrong with the nesting.
  const std::string& problem() const { return problem_; }

 private:
  Dims sizes_;
  std::vector<Scalar> values_;
  std::string problem_;
};

WEFT_API Tensor tensor(const NestedList& values, const Options& options = {}, Here = {});

namespace detail {
WEFT_API Tensor from_values(const void* data, DType dtype, const Shape& shape,
                            const Options& options, const Location& where);
}  // namespace detail

/// A copy of the values; dtype is the element type's own unless the options name one.
template <class T>
Tensor tensor(std::span<const T> values, const Options& options = {}, Here here = {}) {
  return detail::from_values(values.data(), dtype_of<T>, {static_cast<std::int64_t>(values.size())},
                             options, here);
}
template <class T>
Tensor tensor(const std::vector<T>& values, const Options& options = {}, Here here = {}) {
  if constexpr (std::is_same_v<T, bool>) {  // which has bits where others have elements
    const auto bytes = std::make_unique<bool[]>(values.size());
    std::copy(values.begin(), values.end(), bytes.get());
    return tensor(std::span<const bool>(bytes.get(), values.size()), options, here);
  } else {
    return tensor(std::span<const T>(values), options, here);
  }
}

WEFT_API Tensor zeros(const Shape& shape, const Options& options = {}, Here = {});
WEFT_API Tensor ones(const Shape& shape, const Options& options = {}, Here = {});
/// The dtype follows the value: i64 for an integer, f32 for a floating-point number, bool.
WEFT_API Tensor full(const Shape& shape, Scalar value, const Options& options = {}, Here = {});
/// Zeros: memory is never left undefined.
WEFT_API Tensor empty(const Shape& shape, const Options& options = {}, Here = {});
WEFT_API Tensor zeros_like(const Tensor& like, const Options& options = {}, Here = {});
WEFT_API Tensor ones_like(const Tensor& like, const Options& options = {}, Here = {});
WEFT_API Tensor full_like(const Tensor& like, Scalar value, const Options& options = {}, Here = {});
WEFT_API Tensor empty_like(const Tensor& like, const Options& options = {}, Here = {});

/// start, start + step, ... below end. i64 if all three are integers, else f32.
WEFT_API Tensor arange(Scalar start, Scalar end, Scalar step, const Options& options = {},
                       Here = {});
WEFT_API Tensor arange(Scalar start, Scalar end, Here = {});
WEFT_API Tensor arange(Scalar start, Scalar end, const Options& options, Here = {});
WEFT_API Tensor arange(Scalar end, Here = {});
WEFT_API Tensor arange(Scalar end, const Options& options, Here = {});
WEFT_API Tensor linspace(double start, double end, std::int64_t steps, const Options& options = {},
                         Here = {});
WEFT_API Tensor eye(std::int64_t n, const Options& options = {}, Here = {});
WEFT_API Tensor eye(std::int64_t n, std::int64_t m, const Options& options = {}, Here = {});

/// A tensor on memory that others own: no copy, in-place writes land in it at once, and what others
/// write to it is seen by everything that runs afterwards. The deleter is called when nothing
/// refers to the memory any more, at once if from_blob throws. Strides are in elements, row-major
/// unless given.
WEFT_API Tensor from_blob(void* data, const Shape& shape, const Options& options = {}, Here = {});
WEFT_API Tensor from_blob(void* data, const Shape& shape, const Dims& strides,
                          const Options& options = {}, Here = {});
WEFT_API Tensor from_blob(void* data, const Shape& shape, std::function<void(void*)> deleter,
                          const Options& options = {}, Here = {});
WEFT_API Tensor from_blob(void* data, const Shape& shape, const Dims& strides,
                          std::function<void(void*)> deleter, const Options& options = {},
                          Here = {});

}  // namespace weft
