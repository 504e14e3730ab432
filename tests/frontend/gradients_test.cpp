// First and second derivatives of the API's functions, against finite differences.
#include "tests/frontend/check.h"

using namespace weft;
using namespace weft::tests;

namespace {

struct Function {
  std::string name;
  std::function<Tensor(const Tensor&)> of;  // of a [2, 3] tensor
  double low = -2, high = 2;
};

const std::vector<Function>& functions() {
  static const std::vector<Function> all = {
      {"sin(x)*x", [](Tensor x) { return sin(x) * x; }},
      {"pow 3", [](Tensor x) { return pow(x, 3); }},
      {"pow 2.5", [](Tensor x) { return pow(x, 2.5); }, 0.5, 2},
      {"pow tensor", [](Tensor x) { return pow(x, x * 0.5); }, 0.5, 2},
      {"2 pow", [](Tensor x) { return pow(2, x); }},
      {"div", [](Tensor x) { return x / (x * x + 1); }},
      {"rsqrt", [](Tensor x) { return rsqrt(x); }, 0.5, 2},
      {"cbrt", [](Tensor x) { return cbrt(x); }, 0.5, 2},
      {"exp2 log2", [](Tensor x) { return exp2(x) * log2(x); }, 0.5, 2},
      {"expm1 log1p", [](Tensor x) { return expm1(x) + log1p(x); }, -0.5, 1},
      {"tan", [](Tensor x) { return tan(x); }, -1, 1},
      {"asin acos", [](Tensor x) { return asin(x) * acos(x); }, -0.8, 0.8},
      {"atan2", [](Tensor x) { return atan2(x, x * x + 1); }},
      {"sinh cosh tanh", [](Tensor x) { return sinh(x) * cosh(x) * tanh(x); }, -1, 1},
      {"asinh atanh", [](Tensor x) { return asinh(x) * atanh(x); }, -0.8, 0.8},
      {"acosh", [](Tensor x) { return acosh(x); }, 1.5, 3},
      {"erf erfc", [](Tensor x) { return erf(x) * erfc(x); }},
      {"erfinv", [](Tensor x) { return erfinv(x); }, -0.8, 0.8},
      {"sigmoid", [](Tensor x) { return sigmoid(x); }},
      {"gelu", [](Tensor x) { return gelu(x); }},
      {"gelu_tanh", [](Tensor x) { return gelu_tanh(x); }},
      {"silu", [](Tensor x) { return silu(x); }},
      {"softplus", [](Tensor x) { return softplus(x); }},
      {"logsigmoid", [](Tensor x) { return logsigmoid(x); }},
      {"elu", [](Tensor x) { return elu(x); }},
      {"leaky_relu", [](Tensor x) { return leaky_relu(x) * x; }},
      {"relu", [](Tensor x) { return relu(x) * x; }},
      {"clamp", [](Tensor x) { return clamp(x, -1, 1) * x; }},
      {"where", [](Tensor x) { return where(x > 0, x * x, sin(x)); }},
      {"maximum", [](Tensor x) { return maximum(x, x.flip({1})) * x; }},
      {"sum", [](Tensor x) { return x.sum(0) * x.sum(1, true); }},
      {"mean", [](Tensor x) { return x.mean(1, true) * x; }},
      {"prod", [](Tensor x) { return x.prod(1); }},
      {"var", [](Tensor x) { return x.var(1); }},
      {"std", [](Tensor x) { return x.std(); }},
      {"norm", [](Tensor x) { return x.norm() + x.norm(3); }},
      {"amax", [](Tensor x) { return x.amax({1}) * x.amin({1}); }},
      {"max", [](Tensor x) { return x.max(1).values * x.min(0).values.sum(); }},
      {"logsumexp", [](Tensor x) { return logsumexp(x, {1}); }},
      {"softmax", [](Tensor x) { return softmax(x, 1); }},
      {"log_softmax", [](Tensor x) { return log_softmax(x, 0); }},
      {"layer_norm", [](Tensor x) { return layer_norm(x, {3}, x[0], x[1]); }},
      {"matmul", [](Tensor x) { return matmul(x, x.t()); }},
      {"bmm",
       [](Tensor x) {
         return matmul(stack({x, x * x}), x.t());
       }},
      {"einsum",
       [](Tensor x) {
         return einsum("ij,kj->ik", {x, x * 2});
       }},
      {"views",
       [](Tensor x) {
         return x.t().reshape({2, 3}) * x.view({3, 2}).t() * x[0].unsqueeze(0);
       }},
      {"slices",
       [](Tensor x) {
         return x.index({Slice(), Slice(none, none, 2)}).prod();
       }},
      {"cat",
       [](Tensor x) {
         return cat({x, x * x}, 1).sum(1) * x.sum();
       }},
      {"pad roll flip",
       [](Tensor x) {
         return pad(x, {1, 1}) * pad(roll(flip(x, {0}), 1, 1), {1, 1});
       }},
      {"gather",
       [](Tensor x) {
         return x.index({tensor({1, 0, 1})}) * x.sum();
       }},
      {"gather twice",
       [](Tensor x) {
         return gather(x, 1, tensor({{0, 2}, {1, 1}})).prod(1);
       }},
      {"index_add",
       [](Tensor x) {
         return pow(x.index_add(0, tensor({1, 1}), x), 2);
       }},
      {"in place",
       [](Tensor x) {
         Tensor y = zeros({2, 3}, f64);
         y[0] = x[1] * 2;
         y.t()[2].mul_(x.t()[0]);
         return y * x;
       }},
      {"cross_entropy",
       [](Tensor x) {
         return nn::cross_entropy(x, tensor({2, 0}));
       }},
      {"mse", [](Tensor x) { return nn::mse_loss(x, x * x); }},
      {"bce",
       [](Tensor x) {
         return nn::binary_cross_entropy_with_logits(x, full({2, 3}, 0.3, f64));
       }},
      {"tril", [](Tensor x) { return tril(matmul(x.t(), x)); }},
      {"triu diagonal",
       [](Tensor x) { return triu(matmul(x.t(), x)) * x[0] + matmul(x.t(), x).diagonal(); }},
      {"repeat expand",
       [](Tensor x) {
         return x.repeat({2, 2}).sum(0).reshape({2, 3}) * x[1].expand({2, 3});
       }},
      {"lgamma", [](Tensor x) { return x.lgamma(); }, 0.5, 3},
      {"digamma", [](Tensor x) { return x.digamma(); }, 0.5, 3},
      {"polygamma", [](Tensor x) { return x.polygamma(2); }, 1, 3},
  };
  return all;
}

}  // namespace

TEST_CASE("derivatives agree with finite differences") {
  manual_seed(3);
  for (const Function& f : functions()) {
    CAPTURE(f.name);
    const Tensor x =
        (rand({2, 3}, f64) * (f.high - f.low) + f.low).eval().detach().requires_grad_();
    const GradcheckReport first = gradcheck(f.of, x);
    CAPTURE(first.message);
    CHECK(first.ok);
    const GradcheckReport second = gradgradcheck(f.of, x);
    CAPTURE(second.message);
    CHECK(second.ok);
  }
}

TEST_CASE("grad inside jit, inside grad, and forward over reverse agree") {
  manual_seed(4);
  for (const Function& f : functions()) {
    CAPTURE(f.name);
    const Tensor x = (rand({2, 3}, f64) * (f.high - f.low) + f.low).eval();
    const Tensor v = randn({2, 3}, f64).eval();
    const auto loss = [&](Tensor a) { return sin(f.of(a)).sum(); };
    const Tensor g = grad(loss)(x);
    CHECK(allclose(jit(grad(loss))(x), g, 1e-12, 1e-12));
    CHECK(allclose(jvp(loss, x, v).second, (g * v).sum(), 1e-9, 1e-9));
    const Tensor forward = jvp(grad(loss), x, v).second;
    const Tensor reverse = grad([&](Tensor a) { return (grad(loss)(a) * v).sum(); })(x);
    CHECK(allclose(forward, reverse, 1e-8, 1e-8));
  }
}
