// Operations as free functions, in PyTorch's names (torch.* and the stateless torch.nn.functional).
// Most are methods of Tensor too, where shapes and dtypes are said.
#pragma once

#include <optional>
#include <vector>

#include <weft/tensor.h>

namespace weft {

// Operators. A number is a weak literal; int / int is a float, as in PyTorch.
// One side is a tensor; numbers among themselves keep their own arithmetic.
#define WEFT_OPERATOR(OP)                                             \
  WEFT_API Tensor operator OP(const TensorHere& a, const Operand& b); \
  WEFT_API Tensor operator OP(const NumberHere& a, const TensorHere& b);
WEFT_OPERATOR(+)
WEFT_OPERATOR(-)
WEFT_OPERATOR(*)
WEFT_OPERATOR(/)
WEFT_OPERATOR(==)
WEFT_OPERATOR(!=)
WEFT_OPERATOR(<)
WEFT_OPERATOR(<=)
WEFT_OPERATOR(>)
WEFT_OPERATOR(>=)
// Bool and integers only.
WEFT_OPERATOR(&)
WEFT_OPERATOR(|)
WEFT_OPERATOR(^)
#undef WEFT_OPERATOR
WEFT_API Tensor operator-(const TensorHere& x);
WEFT_API Tensor operator~(const TensorHere& x);

// Elementwise, one operand.
WEFT_API Tensor abs(const Tensor& x, Here = {});
WEFT_API Tensor neg(const Tensor& x, Here = {});
WEFT_API Tensor sign(const Tensor& x, Here = {});
WEFT_API Tensor floor(const Tensor& x, Here = {});
WEFT_API Tensor ceil(const Tensor& x, Here = {});
WEFT_API Tensor round(const Tensor& x, Here = {});
WEFT_API Tensor trunc(const Tensor& x, Here = {});
WEFT_API Tensor frac(const Tensor& x, Here = {});
WEFT_API Tensor sqrt(const Tensor& x, Here = {});
WEFT_API Tensor rsqrt(const Tensor& x, Here = {});
WEFT_API Tensor cbrt(const Tensor& x, Here = {});
WEFT_API Tensor square(const Tensor& x, Here = {});
WEFT_API Tensor reciprocal(const Tensor& x, Here = {});
WEFT_API Tensor exp(const Tensor& x, Here = {});
WEFT_API Tensor exp2(const Tensor& x, Here = {});
WEFT_API Tensor expm1(const Tensor& x, Here = {});
WEFT_API Tensor log(const Tensor& x, Here = {});
WEFT_API Tensor log2(const Tensor& x, Here = {});
WEFT_API Tensor log10(const Tensor& x, Here = {});
WEFT_API Tensor log1p(const Tensor& x, Here = {});
WEFT_API Tensor sin(const Tensor& x, Here = {});
WEFT_API Tensor cos(const Tensor& x, Here = {});
WEFT_API Tensor tan(const Tensor& x, Here = {});
WEFT_API Tensor asin(const Tensor& x, Here = {});
WEFT_API Tensor acos(const Tensor& x, Here = {});
WEFT_API Tensor atan(const Tensor& x, Here = {});
WEFT_API Tensor sinh(const Tensor& x, Here = {});
WEFT_API Tensor cosh(const Tensor& x, Here = {});
WEFT_API Tensor tanh(const Tensor& x, Here = {});
WEFT_API Tensor asinh(const Tensor& x, Here = {});
WEFT_API Tensor acosh(const Tensor& x, Here = {});
WEFT_API Tensor atanh(const Tensor& x, Here = {});
WEFT_API Tensor erf(const Tensor& x, Here = {});
WEFT_API Tensor erfc(const Tensor& x, Here = {});
WEFT_API Tensor erfinv(const Tensor& x, Here = {});
WEFT_API Tensor lgamma(const Tensor& x, Here = {});
WEFT_API Tensor digamma(const Tensor& x, Here = {});
/// The n-th derivative of digamma: digamma itself for n = 0; n is at most 100.
WEFT_API Tensor polygamma(std::int64_t n, const Tensor& x, Here = {});
WEFT_API Tensor sigmoid(const Tensor& x, Here = {});
WEFT_API Tensor relu(const Tensor& x, Here = {});
WEFT_API Tensor logical_not(const Tensor& x, Here = {});
WEFT_API Tensor bitwise_not(const Tensor& x, Here = {});
WEFT_API Tensor isnan(const Tensor& x, Here = {});
WEFT_API Tensor isinf(const Tensor& x, Here = {});
WEFT_API Tensor isfinite(const Tensor& x, Here = {});

// Elementwise, several operands.
WEFT_API Tensor add(const Operand& a, const Operand& b, Scalar alpha = 1);
WEFT_API Tensor sub(const Operand& a, const Operand& b, Scalar alpha = 1);
WEFT_API Tensor mul(const Operand& a, const Operand& b);
WEFT_API Tensor div(const Operand& a, const Operand& b);
WEFT_API Tensor pow(const Operand& a, const Operand& b);
WEFT_API Tensor remainder(const Operand& a, const Operand& b);
WEFT_API Tensor fmod(const Operand& a, const Operand& b);
WEFT_API Tensor floor_divide(const Operand& a, const Operand& b);
WEFT_API Tensor atan2(const Operand& a, const Operand& b);
WEFT_API Tensor maximum(const Operand& a, const Operand& b);
WEFT_API Tensor minimum(const Operand& a, const Operand& b);
WEFT_API Tensor eq(const Operand& a, const Operand& b);
WEFT_API Tensor ne(const Operand& a, const Operand& b);
WEFT_API Tensor lt(const Operand& a, const Operand& b);
WEFT_API Tensor le(const Operand& a, const Operand& b);
WEFT_API Tensor gt(const Operand& a, const Operand& b);
WEFT_API Tensor ge(const Operand& a, const Operand& b);
WEFT_API Tensor logical_and(const Operand& a, const Operand& b);
WEFT_API Tensor logical_or(const Operand& a, const Operand& b);
WEFT_API Tensor logical_xor(const Operand& a, const Operand& b);
WEFT_API Tensor bitwise_and(const Operand& a, const Operand& b);
WEFT_API Tensor bitwise_or(const Operand& a, const Operand& b);
WEFT_API Tensor bitwise_xor(const Operand& a, const Operand& b);
WEFT_API Tensor bitwise_left_shift(const Operand& a, const Operand& b);
WEFT_API Tensor bitwise_right_shift(const Operand& a, const Operand& b);
/// a where the condition holds, else b.
WEFT_API Tensor where(const Tensor& condition, const Operand& a, const Operand& b);
WEFT_API Tensor clamp(const Tensor& x, const Operand& low, const Operand& high);
WEFT_API Tensor clamp_min(const Tensor& x, const Operand& low);
WEFT_API Tensor clamp_max(const Tensor& x, const Operand& high);
/// start + weight * (end - start)
WEFT_API Tensor lerp(const Operand& start, const Operand& end, const Operand& weight);
WEFT_API Tensor isclose(const Tensor& a, const Tensor& b, double rtol = 1e-5, double atol = 1e-8,
                        bool equal_nan = false, Here = {});

// Comparisons that look at values.
WEFT_API bool allclose(const Tensor& a, const Tensor& b, double rtol = 1e-5, double atol = 1e-8,
                       bool equal_nan = false, Here = {});
/// Same shape and same elements.
WEFT_API bool equal(const Tensor& a, const Tensor& b, Here = {});

// Reductions.
WEFT_API Tensor sum(const Tensor& x, const Dims& dims = {}, bool keepdim = false, Here = {});
template <AxisNumber N>
Tensor sum(const Tensor& x, N dim, bool keepdim = false, Here here = {}) {
  return sum(x, Dims{dim}, keepdim, here);
}
WEFT_API Tensor mean(const Tensor& x, const Dims& dims = {}, bool keepdim = false, Here = {});
template <AxisNumber N>
Tensor mean(const Tensor& x, N dim, bool keepdim = false, Here here = {}) {
  return mean(x, Dims{dim}, keepdim, here);
}
WEFT_API Tensor prod(const Tensor& x, Here = {});
WEFT_API Tensor prod(const Tensor& x, Axis dim, bool keepdim = false, Here = {});
WEFT_API Tensor amax(const Tensor& x, const Dims& dims, bool keepdim = false, Here = {});
WEFT_API Tensor amin(const Tensor& x, const Dims& dims, bool keepdim = false, Here = {});
WEFT_API Tensor max(const Tensor& x, Here = {});
WEFT_API ValuesIndices max(const Tensor& x, Axis dim, bool keepdim = false, Here = {});
WEFT_API Tensor min(const Tensor& x, Here = {});
WEFT_API ValuesIndices min(const Tensor& x, Axis dim, bool keepdim = false, Here = {});
WEFT_API Tensor argmax(const Tensor& x, Here = {});
WEFT_API Tensor argmax(const Tensor& x, Axis dim, bool keepdim = false, Here = {});
WEFT_API Tensor argmin(const Tensor& x, Here = {});
WEFT_API Tensor argmin(const Tensor& x, Axis dim, bool keepdim = false, Here = {});
WEFT_API Tensor all(const Tensor& x, Here = {});
WEFT_API Tensor all(const Tensor& x, Axis dim, bool keepdim = false, Here = {});
WEFT_API Tensor any(const Tensor& x, Here = {});
WEFT_API Tensor any(const Tensor& x, Axis dim, bool keepdim = false, Here = {});
WEFT_API Tensor var(const Tensor& x, const Dims& dims = {}, bool unbiased = true,
                    bool keepdim = false, Here = {});
template <std::same_as<bool> Bool>
Tensor var(const Tensor& x, Bool unbiased, Here here = {}) {
  return x.var(Dims{}, unbiased, false, here);
}
template <AxisNumber N>
Tensor var(const Tensor& x, N dim, bool unbiased = true, bool keepdim = false, Here here = {}) {
  return var(x, Dims{dim}, unbiased, keepdim, here);
}
WEFT_API Tensor std(const Tensor& x, const Dims& dims = {}, bool unbiased = true,
                    bool keepdim = false, Here = {});
template <std::same_as<bool> Bool>
Tensor std(const Tensor& x, Bool unbiased, Here here = {}) {
  return x.std(Dims{}, unbiased, false, here);
}
template <AxisNumber N>
Tensor std(const Tensor& x, N dim, bool unbiased = true, bool keepdim = false, Here here = {}) {
  return std(x, Dims{dim}, unbiased, keepdim, here);
}
WEFT_API Tensor norm(const Tensor& x, double p = 2, Here = {});
WEFT_API Tensor norm(const Tensor& x, double p, const Dims& dims, bool keepdim = false, Here = {});
WEFT_API Tensor count_nonzero(const Tensor& x, Here = {});
WEFT_API Tensor logsumexp(const Tensor& x, const Dims& dims, bool keepdim = false, Here = {});
WEFT_API Tensor softmax(const Tensor& x, std::int64_t dim, Here = {});
WEFT_API Tensor log_softmax(const Tensor& x, std::int64_t dim, Here = {});

// Cumulative operations: each element combined with those before it along `dim`; results have x's
// shape. A scalar has one dimension here, too. Errors: a dimension that x does not have.
/// Sums so far, in `dtype` or x's: i64 for bool and signed integers. Floats are summed in blocks of
/// 16, so that results do not depend on the machine; chunks of 65,536 elements are joined by their
/// sums (ir/reduce_order.h).
WEFT_API Tensor cumsum(const Tensor& x, std::int64_t dim, std::optional<DType> dtype = {},
                       Here = {});
/// Products so far, likewise; the gradient is exact at zeros.
WEFT_API Tensor cumprod(const Tensor& x, std::int64_t dim, std::optional<DType> dtype = {},
                        Here = {});
/// The largest so far, and where it is (i64): of equal ones the last. After a NaN all are NaN. The
/// gradient goes to the positions returned.
WEFT_API ValuesIndices cummax(const Tensor& x, std::int64_t dim, Here = {});
/// The smallest so far, likewise.
WEFT_API ValuesIndices cummin(const Tensor& x, std::int64_t dim, Here = {});

// Views and rearrangements.
WEFT_API Tensor reshape(const Tensor& x, const Shape& shape, Here = {});
WEFT_API Tensor transpose(const Tensor& x, std::int64_t dim0, std::int64_t dim1, Here = {});
WEFT_API Tensor permute(const Tensor& x, const Dims& dims, Here = {});
WEFT_API Tensor squeeze(const Tensor& x, Here = {});
WEFT_API Tensor squeeze(const Tensor& x, std::int64_t dim, Here = {});
WEFT_API Tensor unsqueeze(const Tensor& x, std::int64_t dim, Here = {});
WEFT_API Tensor flatten(const Tensor& x, std::int64_t start_dim = 0, std::int64_t end_dim = -1,
                        Here = {});
WEFT_API Tensor broadcast_to(const Tensor& x, const Shape& shape, Here = {});
WEFT_API std::vector<Tensor> chunk(const Tensor& x, std::int64_t chunks, std::int64_t dim = 0,
                                   Here = {});
WEFT_API std::vector<Tensor> split(const Tensor& x, std::int64_t split_size, std::int64_t dim = 0,
                                   Here = {});
WEFT_API Tensor flip(const Tensor& x, const Dims& dims, Here = {});
WEFT_API Tensor roll(const Tensor& x, std::int64_t shift, std::int64_t dim, Here = {});
WEFT_API Tensor tril(const Tensor& x, std::int64_t diagonal = 0, Here = {});
WEFT_API Tensor triu(const Tensor& x, std::int64_t diagonal = 0, Here = {});
WEFT_API Tensor cat(const std::vector<Tensor>& tensors, std::int64_t dim = 0, Here = {});
WEFT_API Tensor stack(const std::vector<Tensor>& tensors, std::int64_t dim = 0, Here = {});
/// `padding` holds (before, after) for the last dimension first, as in torch.nn.functional.pad.
WEFT_API Tensor pad(const Tensor& x, const Dims& padding, Scalar value = 0, Here = {});
WEFT_API Tensor index_select(const Tensor& x, std::int64_t dim, const Tensor& positions, Here = {});
WEFT_API Tensor gather(const Tensor& x, std::int64_t dim, const Tensor& positions, Here = {});
WEFT_API Tensor take_along_dim(const Tensor& x, const Tensor& positions, std::int64_t dim,
                               Here = {});
WEFT_API Tensor masked_fill(const Tensor& x, const Tensor& mask, const Operand& value, Here = {});
/// i64; -1 takes one more than the largest class, which looks at the values.
WEFT_API Tensor one_hot(const Tensor& classes, std::int64_t num_classes = -1, Here = {});

// Products.
WEFT_API Tensor matmul(const Tensor& a, const Tensor& b, Here = {});
WEFT_API Tensor mm(const Tensor& a, const Tensor& b, Here = {});
WEFT_API Tensor bmm(const Tensor& a, const Tensor& b, Here = {});
WEFT_API Tensor mv(const Tensor& a, const Tensor& b, Here = {});
WEFT_API Tensor dot(const Tensor& a, const Tensor& b, Here = {});
WEFT_API Tensor outer(const Tensor& a, const Tensor& b, Here = {});
/// `einsum("bij,bjk->bik", {a, b})`, with letters, commas, an optional arrow, and no ellipsis.
WEFT_API Tensor einsum(const std::string& equation, const std::vector<Tensor>& operands, Here = {});

// Activations.
WEFT_API Tensor gelu(const Tensor& x, Here = {});  ///< x * Phi(x), exact.
WEFT_API Tensor gelu_tanh(const Tensor& x, Here = {});
WEFT_API Tensor silu(const Tensor& x, Here = {});
WEFT_API Tensor softplus(const Tensor& x, double beta = 1, double threshold = 20, Here = {});
WEFT_API Tensor leaky_relu(const Tensor& x, double negative_slope = 0.01, Here = {});
WEFT_API Tensor elu(const Tensor& x, double alpha = 1, Here = {});
WEFT_API Tensor logsigmoid(const Tensor& x, Here = {});
WEFT_API Tensor layer_norm(const Tensor& x, const Shape& normalized_shape,
                           const Tensor& weight = {}, const Tensor& bias = {}, double eps = 1e-5,
                           Here = {});

/// softmax(scale * query @ key.T + attn_mask) @ value, as in torch.nn.functional: query [..., S,
/// D], key [..., T, D], value [..., T, E] of one dtype, f32 or f64, give [..., S, E]; leading
/// dimensions broadcast. `is_causal` lets query i see keys 0 to i. A bool mask says which keys are
/// seen, one of numbers is added. `scale` is 1/sqrt(D) unless given. Without a mask one kernel with
/// online softmax (Dao et al., "FlashAttention", 2022), which does not store the scores; its
/// gradients are one kernel too.
WEFT_API Tensor scaled_dot_product_attention(const Tensor& query, const Tensor& key,
                                             const Tensor& value, const Tensor& attn_mask = {},
                                             bool is_causal = false,
                                             std::optional<double> scale = {}, Here = {});

}  // namespace weft
