// Tensor: a handle on a storage and a view of it. Operations are recorded and run when a value is
// looked at (item, data, to_vector, printing, eval). Names and behaviour are PyTorch's.
#pragma once

#include <compare>
#include <concepts>
#include <iosfwd>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include <weft/device.h>
#include <weft/dtype.h>
#include <weft/error.h>
#include <weft/shape.h>

namespace weft {

class Tensor;
namespace detail {
struct TensorImpl;
struct Access;
}  // namespace detail

/// A C++ number. It is a weak literal: `x * 2` keeps x's dtype.
class Scalar {
 public:
  enum class Kind : std::uint8_t { flag, integer, real };

  template <class T>
  requires std::is_arithmetic_v<T> Scalar(T value)
      : kind_(std::is_same_v<T, bool>       ? Kind::flag
              : std::is_floating_point_v<T> ? Kind::real
                                            : Kind::integer),
        real_(static_cast<double>(value)),
        integer_(std::is_floating_point_v<T> ? 0 : static_cast<std::int64_t>(value)) {}

  Kind kind() const { return kind_; }
  bool is_real() const { return kind_ == Kind::real; }
  double real() const { return real_; }
  std::int64_t integer() const {
    return kind_ == Kind::real ? static_cast<std::int64_t>(real_) : integer_;
  }
  template <class T>
  requires std::is_arithmetic_v<T> T to()
  const {
    if constexpr (std::is_same_v<T, bool>) return real_ != 0;
    return is_real() ? static_cast<T>(real_) : static_cast<T>(integer_);
  }
  template <class T>
  requires std::is_arithmetic_v<T>
  explicit operator T() const { return to<T>(); }
  /// Whether an integer is an i64 (only unsigned numbers can be larger).
  bool fits_i64() const { return kind_ != Kind::integer || (real_ < 0) == (integer_ < 0); }

  // Numbers among themselves compute as Python's do: integers stay integers but for `/`.
  friend Scalar operator+(const Scalar& a, const Scalar& b) {
    return combine(a, b, [](auto x, auto y) { return x + y; });
  }
  friend Scalar operator-(const Scalar& a, const Scalar& b) {
    return combine(a, b, [](auto x, auto y) { return x - y; });
  }
  friend Scalar operator*(const Scalar& a, const Scalar& b) {
    return combine(a, b, [](auto x, auto y) { return x * y; });
  }
  friend Scalar operator/(const Scalar& a, const Scalar& b) { return a.real() / b.real(); }
  friend Scalar operator-(const Scalar& a) { return 0 - a; }
  friend bool operator==(const Scalar& a, const Scalar& b) {
    return a.is_real() || b.is_real() ? a.real_ == b.real_ : a.integer_ == b.integer_;
  }
  friend std::partial_ordering operator<=>(const Scalar& a, const Scalar& b) {
    if (a.is_real() || b.is_real()) return a.real_ <=> b.real_;
    return a.integer_ <=> b.integer_;
  }

 private:
  template <class F>
  static Scalar combine(const Scalar& a, const Scalar& b, F f) {
    if (a.is_real() || b.is_real()) return f(a.real_, b.real_);
    // Unsigned arithmetic wraps around; the signed one must not overflow.
    return static_cast<std::int64_t>(
        f(static_cast<std::uint64_t>(a.integer_), static_cast<std::uint64_t>(b.integer_)));
  }

  Kind kind_;
  double real_;
  std::int64_t integer_;
};

/// A tensor or a number, and the line that wrote it: what operators and binary functions take.
class Operand {
 public:
  Operand(const Tensor& t, std::source_location s = std::source_location::current())
      : tensor_(&t), where_(s) {}
  template <class T>
  requires std::is_arithmetic_v<T> Operand(T value,
                                           std::source_location s = std::source_location::current())
      : scalar_(value), where_(s) {}
  Operand(Scalar value, std::source_location s = std::source_location::current())
      : scalar_(value), where_(s) {}

  bool is_tensor() const { return tensor_ != nullptr; }
  const Tensor& tensor() const { return *tensor_; }
  const Scalar& scalar() const { return scalar_; }
  Here where() const { return where_; }

 private:
  const Tensor* tensor_ = nullptr;
  Scalar scalar_ = 0;
  Here where_;
};

/// A tensor, and the line that wrote it.
class TensorHere : public Operand {
 public:
  TensorHere(const Tensor& t, std::source_location s = std::source_location::current())
      : Operand(t, s) {}
};

/// A number, and the line that wrote it.
class NumberHere : public Operand {
 public:
  template <class T>
  requires std::is_arithmetic_v<T> NumberHere(
      T value, std::source_location s = std::source_location::current())
      : Operand(value, s) {}
  NumberHere(Scalar value, std::source_location s = std::source_location::current())
      : Operand(value, s) {}
};

/// One entry of an index: a position, a slice, `none`, `ellipsis`, or a tensor of positions.
class Index;
/// What stands between the brackets of `x[...]`, and the line that wrote it.
class IndexHere;

/// What `max(dim)` and `min(dim)` return; works with structured bindings.
struct ValuesIndices;

/// The text forms of a recorded program, from what was recorded to machine code.
enum class Stage : std::uint8_t { graph, fused, kernel, llvm, assembly, cuda };

/// Options of backward(). `retain_graph` is create_graph unless given.
struct BackwardOptions {
  std::optional<bool> retain_graph{};
  bool create_graph = false;
};

class WEFT_API Tensor {
 public:
  Tensor() = default;
  Tensor(const Tensor&) = default;
  Tensor(Tensor&&) noexcept = default;
  ~Tensor() = default;
  /// A named tensor becomes a handle on what `other` is; a temporary such as `x[0]` is written to.
  Tensor& operator=(const Tensor& other) & = default;
  Tensor& operator=(Tensor&& other) & noexcept = default;
  Tensor& operator=(const Operand& value) &&;

  // Properties. None of them runs anything.
  bool defined() const { return impl_ != nullptr; }
  const Shape& shape(Here = {}) const;
  std::int64_t size(std::int64_t dim, Here = {}) const;
  std::int64_t dim(Here = {}) const;
  std::int64_t numel(Here = {}) const;
  DType dtype(Here = {}) const;
  Device device(Here = {}) const;
  /// In elements, as PyTorch would lay it out.
  const std::vector<std::int64_t>& stride(Here = {}) const;
  bool is_contiguous(Here = {}) const;
  bool is_floating_point(Here here = {}) const { return is_float(dtype(here)); }
  bool is_same(const Tensor& other) const { return impl_ == other.impl_; }
  bool shares_storage(const Tensor& other, Here = {}) const;

  // Values. Each of these runs what is needed and not yet computed.
  /// The only element; T must be the dtype's own type (float for f32).
  template <class T>
  T item(Here = {}) const;
  /// The only element, of any dtype.
  Scalar item(Here = {}) const;
  /// The elements in row-major order, valid until the tensor is written to or dies.
  template <class T>
  const T* data(Here = {}) const;
  const void* data_ptr(Here = {}) const;
  template <class T>
  std::vector<T> to_vector(Here = {}) const;
  std::string str(Here = {}) const;  ///< As Python's repr prints it.
  explicit operator bool() const;
  Tensor& eval(Here = {});
  const Tensor& eval(Here = {}) const;
  /// What would run for this value: operations recorded, kernels, why they are or are not fused.
  std::string explain(Here = {}) const;
  std::string dump(Stage stage = Stage::graph, Here = {}) const;

  // Autograd.
  bool requires_grad(Here = {}) const;
  Tensor& requires_grad_(bool on = true, Here = {});
  bool is_leaf(Here = {}) const;
  Tensor grad(Here = {}) const;  ///< Undefined before the first backward pass and after zero_grad.
  void set_grad(const Tensor& grad, Here = {});
  void zero_grad(Here = {});  ///< Leaves grad() undefined.
  Tensor& retain_grad(Here = {});
  void backward(BackwardOptions options, Here = {}) const;
  void backward(const Tensor& gradient = {}, std::optional<bool> retain_graph = {},
                bool create_graph = false, Here = {}) const;
  Tensor detach(Here = {}) const;  ///< Shares the storage, but takes no part in gradients.
  Tensor& detach_(Here = {});

  // Copies and conversions.
  Tensor clone(Here = {}) const;
  Tensor contiguous(Here = {}) const;
  Tensor to(DType dtype, Here = {}) const;
  Tensor to(const Device& device, Here = {}) const;
  Tensor type_as(const Tensor& other, Here = {}) const;
  Tensor cpu(Here here = {}) const { return to(Device(), here); }

  // Views: they share the storage.
  Tensor view(const Shape& shape, Here = {}) const;
  Tensor view_as(const Tensor& other, Here = {}) const;
  Tensor reshape(const Shape& shape, Here = {}) const;  ///< A view where PyTorch gives one.
  Tensor reshape_as(const Tensor& other, Here = {}) const;
  Tensor t(Here = {}) const;
  Tensor T(Here = {}) const;   ///< Reverses all dimensions.
  Tensor mT(Here = {}) const;  ///< Swaps the last two.
  Tensor transpose(std::int64_t dim0, std::int64_t dim1, Here = {}) const;
  Tensor permute(const Dims& dims, Here = {}) const;
  Tensor movedim(std::int64_t source, std::int64_t destination, Here = {}) const;
  Tensor squeeze(Here = {}) const;
  Tensor squeeze(std::int64_t dim, Here = {}) const;
  Tensor unsqueeze(std::int64_t dim, Here = {}) const;
  Tensor expand(const Shape& shape, Here = {}) const;  ///< -1 keeps a size.
  Tensor expand_as(const Tensor& other, Here = {}) const;
  Tensor flatten(std::int64_t start_dim = 0, std::int64_t end_dim = -1, Here = {}) const;
  Tensor unflatten(std::int64_t dim, const Shape& sizes, Here = {}) const;
  Tensor narrow(std::int64_t dim, std::int64_t start, std::int64_t length, Here = {}) const;
  Tensor select(std::int64_t dim, std::int64_t index, Here = {}) const;
  Tensor slice(std::int64_t dim, Slice range, Here = {}) const;
  Tensor diagonal(Here = {}) const;  ///< Of a matrix; a copy, where PyTorch gives a view.
  std::vector<Tensor> split(std::int64_t split_size, std::int64_t dim = 0, Here = {}) const;
  std::vector<Tensor> split(const Dims& sizes, std::int64_t dim = 0, Here = {}) const;
  std::vector<Tensor> chunk(std::int64_t chunks, std::int64_t dim = 0, Here = {}) const;
  std::vector<Tensor> unbind(std::int64_t dim = 0, Here = {}) const;

  // Indexing. `x[0] = 1` and `x[Slice(0, 2)] = y` write through the view.
  Tensor operator[](const IndexHere& entry) const;
  /// `x.index({0, Slice(1, none), ellipsis, none, positions})`; a view unless a tensor is among
  /// them.
  Tensor index(const std::vector<Index>& indices, Here = {}) const;
  Tensor& index_put_(const std::vector<Index>& indices, const Operand& value,
                     bool accumulate = false, Here = {});
  Tensor index_select(std::int64_t dim, const Tensor& positions, Here = {}) const;
  Tensor gather(std::int64_t dim, const Tensor& positions, Here = {}) const;
  Tensor take_along_dim(const Tensor& positions, std::int64_t dim, Here = {}) const;
  Tensor take(const Tensor& positions, Here = {}) const;  ///< Of the flattened tensor.
  Tensor scatter_add(std::int64_t dim, const Tensor& positions, const Tensor& source,
                     Here = {}) const;
  Tensor index_add(std::int64_t dim, const Tensor& positions, const Tensor& source,
                   Here = {}) const;
  Tensor masked_fill(const Tensor& mask, const Operand& value, Here = {}) const;

  // Copies that rearrange.
  Tensor flip(const Dims& dims, Here = {}) const;
  Tensor repeat(const Shape& repeats, Here = {}) const;
  Tensor roll(std::int64_t shift, std::int64_t dim, Here = {}) const;
  Tensor tril(std::int64_t diagonal = 0, Here = {}) const;
  Tensor triu(std::int64_t diagonal = 0, Here = {}) const;
  Tensor broadcast_to(const Shape& shape, Here here = {}) const { return expand(shape, here); }

  // Elementwise; integers become the default float where PyTorch makes them so.
  Tensor abs(Here = {}) const;
  Tensor neg(Here = {}) const;
  Tensor sign(Here = {}) const;
  Tensor floor(Here = {}) const;
  Tensor ceil(Here = {}) const;
  Tensor round(Here = {}) const;  ///< Half to even.
  Tensor trunc(Here = {}) const;
  Tensor frac(Here = {}) const;
  Tensor sqrt(Here = {}) const;
  Tensor rsqrt(Here = {}) const;
  Tensor cbrt(Here = {}) const;
  Tensor square(Here = {}) const;
  Tensor reciprocal(Here = {}) const;
  Tensor exp(Here = {}) const;
  Tensor exp2(Here = {}) const;
  Tensor expm1(Here = {}) const;
  Tensor log(Here = {}) const;
  Tensor log2(Here = {}) const;
  Tensor log10(Here = {}) const;
  Tensor log1p(Here = {}) const;
  Tensor sin(Here = {}) const;
  Tensor cos(Here = {}) const;
  Tensor tan(Here = {}) const;
  Tensor asin(Here = {}) const;
  Tensor acos(Here = {}) const;
  Tensor atan(Here = {}) const;
  Tensor sinh(Here = {}) const;
  Tensor cosh(Here = {}) const;
  Tensor tanh(Here = {}) const;
  Tensor asinh(Here = {}) const;
  Tensor acosh(Here = {}) const;
  Tensor atanh(Here = {}) const;
  Tensor erf(Here = {}) const;
  Tensor erfc(Here = {}) const;
  Tensor erfinv(Here = {}) const;
  Tensor lgamma(Here = {}) const;
  Tensor digamma(Here = {}) const;
  Tensor polygamma(std::int64_t n, Here = {}) const;
  Tensor sigmoid(Here = {}) const;
  Tensor relu(Here = {}) const;
  Tensor logical_not(Here = {}) const;
  Tensor bitwise_not(Here = {}) const;
  Tensor isnan(Here = {}) const;
  Tensor isinf(Here = {}) const;
  Tensor isfinite(Here = {}) const;

  Tensor add(const Operand& other, Scalar alpha = 1) const;  ///< this + alpha * other
  Tensor sub(const Operand& other, Scalar alpha = 1) const;
  Tensor mul(const Operand& other) const;
  Tensor div(const Operand& other) const;
  Tensor pow(const Operand& exponent) const;
  Tensor remainder(const Operand& other) const;     ///< Sign of the divisor.
  Tensor fmod(const Operand& other) const;          ///< Sign of the dividend.
  Tensor floor_divide(const Operand& other) const;  ///< Rounds down.
  Tensor atan2(const Operand& other) const;
  Tensor maximum(const Operand& other) const;
  Tensor minimum(const Operand& other) const;
  Tensor eq(const Operand& other) const;
  Tensor ne(const Operand& other) const;
  Tensor lt(const Operand& other) const;
  Tensor le(const Operand& other) const;
  Tensor gt(const Operand& other) const;
  Tensor ge(const Operand& other) const;
  Tensor logical_and(const Operand& other) const;
  Tensor logical_or(const Operand& other) const;
  Tensor logical_xor(const Operand& other) const;
  Tensor clamp(const Operand& low, const Operand& high) const;
  Tensor clamp_min(const Operand& low) const;
  Tensor clamp_max(const Operand& high) const;

  // In place: every alias sees the write. The result is converted to this tensor's dtype.
  Tensor& add_(const Operand& other, Scalar alpha = 1);
  Tensor& sub_(const Operand& other, Scalar alpha = 1);
  Tensor& mul_(const Operand& other);
  Tensor& div_(const Operand& other);
  Tensor& pow_(const Operand& exponent);
  Tensor& clamp_(const Operand& low, const Operand& high);
  Tensor& copy_(const Operand& source);
  Tensor& fill_(const Operand& value);
  Tensor& masked_fill_(const Tensor& mask, const Operand& value, Here = {});
  Tensor& zero_(Here = {});
  Tensor& neg_(Here = {});
  Tensor& abs_(Here = {});
  Tensor& exp_(Here = {});
  Tensor& log_(Here = {});
  Tensor& sqrt_(Here = {});
  Tensor& relu_(Here = {});
  Tensor& sigmoid_(Here = {});
  Tensor& tanh_(Here = {});
  Tensor& uniform_(double low = 0, double high = 1, Here = {});
  Tensor& normal_(double mean = 0, double std = 1, Here = {});
  Tensor& operator+=(const Operand& other) & { return add_(other); }
  Tensor& operator-=(const Operand& other) & { return sub_(other); }
  Tensor& operator*=(const Operand& other) & { return mul_(other); }
  Tensor& operator/=(const Operand& other) & { return div_(other); }
  Tensor& operator+=(const Operand& other) && { return add_(other); }
  Tensor& operator-=(const Operand& other) && { return sub_(other); }
  Tensor& operator*=(const Operand& other) && { return mul_(other); }
  Tensor& operator/=(const Operand& other) && { return div_(other); }

  // Reductions; without dimensions, and with `{}`, over all of them.
  Tensor sum(const Dims& dims = {}, bool keepdim = false, Here = {}) const;
  template <AxisNumber N>
  Tensor sum(N dim, bool keepdim = false, Here here = {}) const {
    return sum(Dims{dim}, keepdim, here);
  }
  Tensor mean(const Dims& dims = {}, bool keepdim = false, Here = {}) const;
  template <AxisNumber N>
  Tensor mean(N dim, bool keepdim = false, Here here = {}) const {
    return mean(Dims{dim}, keepdim, here);
  }
  Tensor prod(Here = {}) const;
  Tensor prod(Axis dim, bool keepdim = false, Here = {}) const;
  Tensor amax(const Dims& dims, bool keepdim = false, Here = {}) const;
  Tensor amin(const Dims& dims, bool keepdim = false, Here = {}) const;
  Tensor max(Here = {}) const;
  ValuesIndices max(Axis dim, bool keepdim = false, Here = {}) const;
  Tensor min(Here = {}) const;
  ValuesIndices min(Axis dim, bool keepdim = false, Here = {}) const;
  Tensor argmax(Here = {}) const;
  Tensor argmax(Axis dim, bool keepdim = false, Here = {}) const;
  Tensor argmin(Here = {}) const;
  Tensor argmin(Axis dim, bool keepdim = false, Here = {}) const;
  Tensor var(const Dims& dims = {}, bool unbiased = true, bool keepdim = false, Here = {}) const;
  template <std::same_as<bool> Bool>
  Tensor var(Bool unbiased, Here here = {}) const {
    return var(Dims{}, unbiased, false, here);
  }
  template <AxisNumber N>
  Tensor var(N dim, bool unbiased = true, bool keepdim = false, Here here = {}) const {
    return var(Dims{dim}, unbiased, keepdim, here);
  }
  Tensor std(const Dims& dims = {}, bool unbiased = true, bool keepdim = false, Here = {}) const;
  template <std::same_as<bool> Bool>
  Tensor std(Bool unbiased, Here here = {}) const {
    return std(Dims{}, unbiased, false, here);
  }
  template <AxisNumber N>
  Tensor std(N dim, bool unbiased = true, bool keepdim = false, Here here = {}) const {
    return std(Dims{dim}, unbiased, keepdim, here);
  }
  Tensor norm(double p = 2, Here = {}) const;
  Tensor norm(double p, const Dims& dims, bool keepdim = false, Here = {}) const;
  Tensor all(Here = {}) const;
  Tensor all(Axis dim, bool keepdim = false, Here = {}) const;
  Tensor any(Here = {}) const;
  Tensor any(Axis dim, bool keepdim = false, Here = {}) const;
  Tensor count_nonzero(Here = {}) const;
  Tensor logsumexp(const Dims& dims, bool keepdim = false, Here = {}) const;
  Tensor softmax(std::int64_t dim, Here = {}) const;
  Tensor log_softmax(std::int64_t dim, Here = {}) const;

  // Cumulative operations along a dimension.
  Tensor cumsum(std::int64_t dim, std::optional<DType> dtype = {}, Here = {}) const;
  Tensor cumprod(std::int64_t dim, std::optional<DType> dtype = {}, Here = {}) const;
  ValuesIndices cummax(std::int64_t dim, Here = {}) const;
  ValuesIndices cummin(std::int64_t dim, Here = {}) const;

  // Products.
  Tensor matmul(const Tensor& other, Here = {}) const;
  Tensor mm(const Tensor& other, Here = {}) const;
  Tensor bmm(const Tensor& other, Here = {}) const;
  Tensor mv(const Tensor& other, Here = {}) const;
  Tensor dot(const Tensor& other, Here = {}) const;
  Tensor outer(const Tensor& other, Here = {}) const;

 private:
  friend struct detail::Access;
  explicit Tensor(std::shared_ptr<detail::TensorImpl> impl) : impl_(std::move(impl)) {}

  /// The evaluated elements, which stay as they are while the pointer lives.
  std::shared_ptr<const void> elements(const Location& where) const;
  /// The same, after checking that they are of the dtype that `function` asks for.
  std::shared_ptr<const void> typed_elements(DType wanted, const char* function,
                                             const Location& where) const;

  std::shared_ptr<detail::TensorImpl> impl_;
};

struct ValuesIndices {
  Tensor values;
  Tensor indices;
};

class Index {
 public:
  enum class Kind : std::uint8_t { position, range, new_axis, rest, gather };

  template <class T>
  requires std::is_integral_v<T> Index(T position)
      : kind_(Kind::position), position_(static_cast<std::int64_t>(position)) {}
  Index(Slice range) : kind_(Kind::range), slice_(range) {}
  Index(None) : kind_(Kind::new_axis) {}
  Index(Ellipsis) : kind_(Kind::rest) {}
  Index(Tensor positions) : kind_(Kind::gather), tensor_(std::move(positions)) {}

  Kind kind() const { return kind_; }
  std::int64_t position() const { return position_; }
  const Slice& slice() const { return slice_; }
  const Tensor& tensor() const { return tensor_; }

 private:
  Kind kind_;
  std::int64_t position_ = 0;
  Slice slice_;
  Tensor tensor_;
};

class IndexHere : public Index {
 public:
  template <class T>
  requires std::is_convertible_v<T, Index> IndexHere(
      T&& entry, std::source_location s = std::source_location::current())
      : Index(std::forward<T>(entry)), where_(s) {}
  Here where() const { return where_; }

 private:
  Here where_;
};

template <class T>
T Tensor::item(Here here) const {
  return *static_cast<const T*>(typed_elements(dtype_of<T>, "item", here).get());
}

template <class T>
const T* Tensor::data(Here here) const {
  return static_cast<const T*>(typed_elements(dtype_of<T>, "data", here).get());
}

template <class T>
std::vector<T> Tensor::to_vector(Here here) const {
  const auto memory = typed_elements(dtype_of<T>, "to_vector", here);
  const T* first = static_cast<const T*>(memory.get());
  return std::vector<T>(first, first + numel());
}

WEFT_API std::ostream& operator<<(std::ostream& out, const TensorHere& tensor);

/// Python's torch.set_printoptions.
struct PrintOptions {
  int precision = 4;              ///< 0 to 100.
  std::int64_t threshold = 1000;  ///< Not negative.
  std::int64_t edgeitems = 3;     ///< At least 1, as is linewidth.
  int linewidth = 80;
  std::optional<bool> sci_mode{};
};
WEFT_API void set_printoptions(const PrintOptions& options, Here = {});

WEFT_API void eval(const std::vector<Tensor>& tensors, Here = {});

/// Runs together what these tensors need.
template <class... Tensors>
requires(std::is_convertible_v<const Tensors&, Tensor>&&...) void eval(const TensorHere& first,
                                                                       const Tensors&... others) {
  eval(std::vector<Tensor>{first.tensor(), others...}, first.where());
}

}  // namespace weft
