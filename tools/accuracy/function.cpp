#include "tools/accuracy/function.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <string>

#include <weft/error.h>

#include "ir/builder.h"
#include "tools/accuracy/kernel.h"
#include "tools/accuracy/polygamma.h"
#include "tools/accuracy/quick_vector.h"

namespace weft::accuracy {

namespace {

using ir::Op;

template <class R>
constexpr R pi = static_cast<R>(3.14159265358979323846264338327950288L);

double log_gamma(double x) {
  int sign = 0;
  return ::lgamma_r(x, &sign);
}
long double log_gamma(long double x) {
  int sign = 0;
  return ::lgammal_r(x, &sign);
}

/// Abramowitz and Stegun 6.3.5 to 6.3.7 and 6.3.18; the reflection reduces its argument exactly.
template <class R>
R digamma(R x) {
  if (x == 0) return -std::copysign(std::numeric_limits<R>::infinity(), x);
  if (x < 0) {
    if (std::isinf(x) || x == std::floor(x)) return std::numeric_limits<R>::quiet_NaN();
    return digamma<R>(1 - x) - pi<R> / std::tan(pi<R> * (x - std::nearbyint(x)));
  }
  if (std::isinf(x)) return x;
  R shift = 0;
  for (; x < 16; x += 1) shift += 1 / x;
  const R z = 1 / (x * x);
  const R series =
      z * (1 / R(12) -
           z * (1 / R(120) -
                z * (1 / R(252) -
                     z * (1 / R(240) - z * (1 / R(132) - z * (691 / R(32760) - z / R(12)))))));
  return std::log(x) - 1 / (2 * x) - series - shift;
}

/// Halley's method from S. Winitzki's approximation, on the side of erf or erfc where the function
/// is steep relative to its value.
template <class R>
R erf_inv(R x) {
  const R a = std::fabs(x);
  if (!(a < 1))
    return a == 1 ? x * std::numeric_limits<R>::infinity() : std::numeric_limits<R>::quiet_NaN();
  if (a < R(1e-5)) {  // the series' next term is below 1e-20
    const R t = x * std::sqrt(pi<R>) / 2;
    return t * (1 + t * t / 3 * (1 + t * t * R(0.7)));
  }
  const R l = std::log((1 - a) * (1 + a)), b = 2 / (pi<R> * R(0.147)) + l / 2;
  R y = std::sqrt(std::sqrt(b * b - l / R(0.147)) - b);
  for (int k = 0; k < (sizeof(R) > 8 ? 3 : 2); ++k) {
    const R error = a < R(0.5) ? std::erf(y) - a : (1 - a) - std::erfc(y);
    const R step = error * std::exp(y * y) * std::sqrt(pi<R>) / 2;
    y -= step / (1 + y * step);
  }
  return std::copysign(y, x);
}

void exact_erf_inv(mpfr_ptr result, mpfr_srcptr x, mpfr_srcptr) {
  if (!(mpfr_cmpabs_ui(x, 1) < 0) || mpfr_zero_p(x)) {
    if (mpfr_nan_p(x) || mpfr_cmpabs_ui(x, 1) > 0)
      mpfr_set_nan(result);
    else if (mpfr_zero_p(x))
      mpfr_set(result, x, MPFR_RNDN);
    else
      mpfr_set_inf(result, mpfr_sgn(x));
    return;
  }
  // Newton's method from the quick reference: each step doubles the 50 or more bits.
  mpfr_t y, error, slope, root;
  mpfr_inits2(exact_bits + 64, y, error, slope, root, static_cast<mpfr_ptr>(nullptr));
  const double start = mpfr_get_d(x, MPFR_RNDN);
  const bool tiny = std::fabs(start) < 1e-30;  // beyond the series' first two terms is nothing
  mpfr_const_pi(root, MPFR_RNDN);
  mpfr_sqrt(root, root, MPFR_RNDN);
  mpfr_div_ui(root, root, 2, MPFR_RNDN);
  if (tiny)
    mpfr_mul(y, x, root, MPFR_RNDN);
  else
    mpfr_set_ld(y, erf_inv<long double>(start), MPFR_RNDN);
  for (int k = 0; k < (tiny ? 0 : 3); ++k) {
    mpfr_erf(error, y, MPFR_RNDN);
    mpfr_sub(error, error, x, MPFR_RNDN);
    mpfr_sqr(slope, y, MPFR_RNDN);
    mpfr_exp(slope, slope, MPFR_RNDN);
    mpfr_mul(slope, slope, root, MPFR_RNDN);
    mpfr_mul(error, error, slope, MPFR_RNDN);
    mpfr_sub(y, y, error, MPFR_RNDN);
  }
  mpfr_set(result, y, MPFR_RNDN);
  mpfr_clears(y, error, slope, root, static_cast<mpfr_ptr>(nullptr));
}

void exact_logistic(mpfr_ptr result, mpfr_srcptr x, mpfr_srcptr) {
  mpfr_neg(result, x, MPFR_RNDN);
  mpfr_exp(result, result, MPFR_RNDN);
  mpfr_add_ui(result, result, 1, MPFR_RNDN);
  mpfr_ui_div(result, 1, result, MPFR_RNDN);
}

void exact_rsqrt(mpfr_ptr result, mpfr_srcptr x, mpfr_srcptr) {
  mpfr_rec_sqrt(result, x, MPFR_RNDN);
  if (mpfr_zero_p(x)) mpfr_set_inf(result, mpfr_signbit(x) ? -1 : 1);  // 1 / sqrt(-0) = 1 / -0
}

void exact_lgamma(mpfr_ptr result, mpfr_srcptr x, mpfr_srcptr) {
  int sign = 0;
  mpfr_lgamma(result, &sign, x, MPFR_RNDN);
}

template <int (*f)(mpfr_ptr, mpfr_srcptr, mpfr_rnd_t)>
void exact1(mpfr_ptr result, mpfr_srcptr x, mpfr_srcptr) {
  f(result, x, MPFR_RNDN);
}
template <int (*f)(mpfr_ptr, mpfr_srcptr, mpfr_srcptr, mpfr_rnd_t)>
void exact2(mpfr_ptr result, mpfr_srcptr x, mpfr_srcptr y) {
  f(result, x, y, MPFR_RNDN);
}

template <class F, class T, class R>
void each1(const T* x, const T*, R* want, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) want[i] = F{}(static_cast<R>(x[i]));
}
template <class F, class T, class R>
void each2(const T* x, const T* y, R* want, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) want[i] = F{}(static_cast<R>(x[i]), static_cast<R>(y[i]));
}

using Exact = void (*)(mpfr_ptr, mpfr_srcptr, mpfr_srcptr);

template <class F>
Function unary(Op op, F, Exact exact, double limit, double low, double high,
               std::vector<double> borders) {
  const QuickF32 vector = vector_reference(op);
  return {op,
          1,
          vector ? vector : each1<F, float, double>,
          each1<F, double, long double>,
          exact,
          low,
          high,
          std::move(borders),
          limit};
}
template <class F>
Function binary(Op op, F, Exact exact, double limit) {
  return {op, 2, each2<F, float, double>, each2<F, double, long double>, exact, -10, 10, {}, limit};
}
Function with_zeros(Function f, double absolute_f64) {
  f.absolute_f64 = absolute_f64;
  return f;
}
/// Those of even order have irrational zeros left of the origin.
template <int order>
Function polygamma() {
  Function f = unary(
      Op::polygamma, [](auto x) { return quick_polygamma(order, x); },
      [](mpfr_ptr result, mpfr_srcptr x, mpfr_srcptr) { exact_polygamma(result, order, x); }, 2,
      -20, 60, {0, 1, -0.5, -1, -1.5});
  f.order = order;
  if (order % 2 == 0) f.absolute_f64 = std::ldexp(std::tgamma(order + 1.0), order - 49);
  return f;
}

#define WEFT_STD(f) [](auto x) { return std::f(x); }, exact1<mpfr_##f>

std::vector<Function> make_functions() {
  const std::vector<double> turns = {1, 0.7854, 1.5708, 2.3562, 3.14159, 0x1p44, 0x1p65, 0x1p86};
  return {
      unary(Op::sqrt, WEFT_STD(sqrt), 0.5, 0, 10, {1, 4}),
      unary(Op::rsqrt, [](auto x) { return 1 / std::sqrt(x); }, exact_rsqrt, 1, 0, 10, {1, 4}),
      unary(Op::cbrt, WEFT_STD(cbrt), 2, -10, 10, {1, 8, 27}),
      unary(Op::exp, WEFT_STD(exp), 1, -746, 710,
            {-80, -690, 89, -104, 710, 88.7228, 709.7827, -87.3365, -708.3964}),
      unary(Op::expm1, WEFT_STD(expm1), 2, -50, 710, {0.3466, -0.3466, 0x1p-60, -30, -45}),
      unary(Op::log, WEFT_STD(log), 1, 0, 10, {2. / 3, 4. / 3, 0.7071067811865476, 1}),
      unary(Op::log1p, WEFT_STD(log1p), 2, -1, 10, {-0.2929, 0.4142, 1. / 3, -1. / 3, -1}),
      unary(Op::sin, WEFT_STD(sin), 2, -100, 100, turns),
      unary(Op::cos, WEFT_STD(cos), 2, -100, 100, turns),
      unary(Op::tan, WEFT_STD(tan), 2, -100, 100, turns),
      unary(Op::tanh, WEFT_STD(tanh), 2, -20, 20, {0.625, -0.625, 9.25, 19.5}),
      unary(Op::asin, WEFT_STD(asin), 2, -1, 1, {0.5, -0.5, 1, -1}),
      unary(Op::acos, WEFT_STD(acos), 2, -1, 1, {0.5, -0.5, 1, -1}),
      unary(Op::atan, WEFT_STD(atan), 2, -10, 10, {1, -1}),
      unary(Op::sinh, WEFT_STD(sinh), 2, -711, 711, {1, -1, 89.4159, 710.4758}),
      unary(Op::cosh, WEFT_STD(cosh), 2, -711, 711, {89.4159, 710.4758}),
      unary(Op::asinh, WEFT_STD(asinh), 2, -10, 10, {0x1p-12, 0x1p-28, 0x1p60}),
      unary(Op::acosh, WEFT_STD(acosh), 2, 1, 10, {1, 0x1p60}),
      unary(Op::atanh, WEFT_STD(atanh), 2, -1, 1, {0x1p-12, 0x1p-28, 1, -1}),
      unary(Op::erf, WEFT_STD(erf), 2, -6, 6, {0.927734375, 1, -1, 5.95}),
      unary(Op::erfc, WEFT_STD(erfc), 2, -6, 28, {10.5, 27.3, 27.226, 10.05, 26.54}),
      unary(Op::erf_inv, [](auto x) { return erf_inv(x); }, exact_erf_inv, 2, -1, 1,
            {0.99443, -0.99443, 1, -1}),
      with_zeros(unary(Op::lgamma, [](auto x) { return log_gamma(x); }, exact_lgamma, 2, -20, 20,
                       {-0.5, 0.5, 1, 1.5, 2, 3.3}),
                 1e-16),
      with_zeros(unary(Op::digamma, [](auto x) { return digamma(x); }, exact1<mpfr_digamma>, 2, -20,
                       20, {0, 1, 2, -0.5, -1, 1.4616321449683623}),
                 1e-16),
      polygamma<1>(),
      polygamma<5>(),
      unary(Op::logistic,
            [](auto x) {
              using R = decltype(x);
              const R e = std::exp(-std::fabs(x));
              return (std::signbit(x) ? e : R(1)) / (1 + e);
            },
            exact_logistic, 2, -746, 50, {0, -80, -690, -104, -746}),
      binary(
          Op::div, [](auto x, auto y) { return x / y; }, exact2<mpfr_div>, 0.5),
      binary(
          Op::rem, [](auto x, auto y) { return std::fmod(x, y); }, exact2<mpfr_fmod>, 0),
      binary(
          Op::pow, [](auto x, auto y) { return std::pow(x, y); }, exact2<mpfr_pow>, 2),
      binary(
          Op::atan2, [](auto x, auto y) { return std::atan2(x, y); }, exact2<mpfr_atan2>, 2),
  };
}

#undef WEFT_STD

/// Whether an opcode's result of floats is rounded.
bool rounds(ir::ScalarOp op) {
  switch (op) {
    case ir::ScalarOp::add:
    case ir::ScalarOp::sub:
    case ir::ScalarOp::mul:
    case ir::ScalarOp::div:
    case ir::ScalarOp::rem:
    case ir::ScalarOp::fma:
    case ir::ScalarOp::sqrt:
    case ir::ScalarOp::scale:
    case ir::ScalarOp::convert:
      return true;
    default:
      return false;
  }
}

/// An operation on f32, each operand a parameter; none where it takes no floats or needs
/// attributes.
std::optional<ir::ScalarProgram> float_program(const ir::OpDef& def) {
  if (!def.attrs.empty()) return std::nullopt;
  ir::Builder b("accuracy");
  std::vector<ir::Value> operands;
  for (int k = 0; k < def.min_operands; ++k)
    operands.push_back(b.parameter({DType::f32, {}}, "x" + std::to_string(k)));
  try {
    const ir::Value result = b.add_node(def.op, operands);
    const ir::Graph graph = b.finish({result});
    return scalar_program(graph);
  } catch (const Error&) {
    return std::nullopt;
  }
}

}  // namespace

std::string Function::name() const {
  return std::string(ir::def(op).name) + (order == 0 ? "" : " " + std::to_string(order));
}

ir::Attributes Function::attributes() const {
  if (order == 0) return {};
  return {{"order", order}};
}

UnmeasuredOperations unmeasured_operations() {
  UnmeasuredOperations all;
  for (const ir::OpDef& def : ir::all_ops()) {
    const auto measures = [&def](const Function& f) { return f.op == def.op; };
    if (def.kind != ir::Kind::elementwise || std::ranges::any_of(functions(), measures)) continue;
    const auto program = float_program(def);
    if (!program) continue;
    const auto roundings = std::ranges::count_if(
        program->insts, [](const ir::ScalarInst& inst) { return rounds(inst.op); });
    if (roundings > 1)
      throw InternalError("weft-accuracy: " + std::string(def.name) + " is not measured");
    (roundings == 0 ? all.exact : all.correctly_rounded).push_back(def.name);
  }
  return all;
}

std::span<const Function> functions() {
  static const std::vector<Function> all = make_functions();
  return all;
}

const Function& find_function(std::string_view name) {
  std::string known;
  for (const Function& f : functions()) {
    if (f.name() == name) return f;
    known += (known.empty() ? "" : ", ") + std::string(f.name());
  }
  throw Error("weft-accuracy: --function: expected one of " + known + "; got '" +
              std::string(name) + "'");
}

}  // namespace weft::accuracy
