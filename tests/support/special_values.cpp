#include "tests/support/special_values.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>
#include <numbers>
#include <utility>

namespace weft::test {

using namespace weft::ir;

namespace {

constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double pi = std::numbers::pi;

/// The numbers of a dtype that the tables name.
struct Format {
  double denormal, least_normal, largest, epsilon;
};
template <class T>
constexpr Format format_of = {std::numeric_limits<T>::denorm_min(), std::numeric_limits<T>::min(),
                              std::numeric_limits<T>::max(), std::numeric_limits<T>::epsilon()};

class Table {
 public:
  explicit Table(const Format& format) : format_(format) {}

  /// f(x) for pairs of x and f(x), and NaN for NaN.
  void unary(Op op, std::initializer_list<std::pair<double, double>> values,
             const Attributes& attrs = {}) {
    for (const auto& [x, want] : values) all_.push_back({op, {x}, want, attrs});
    all_.push_back({op, {nan}, nan, attrs});
  }
  /// As unary, of a function with f(-x) = -f(x), and f(0) = 0.
  void odd(Op op, std::initializer_list<std::pair<double, double>> values) {
    for (const auto& [x, want] : values) all_.push_back({op, {-x}, -want});
    unary(op, values);
    unary(op, {{0.0, 0.0}, {-0.0, -0.0}});
  }
  /// Of a function that is x next to 0.
  void identity_next_to_zero(Op op) {
    odd(op, {{format_.denormal, format_.denormal},
             {3 * format_.denormal, 3 * format_.denormal},
             {format_.least_normal, format_.least_normal}});
  }
  void binary(Op op, std::initializer_list<std::array<double, 3>> values) {
    for (const auto& [x, y, want] : values) all_.push_back({op, {x, y}, want});
  }
  /// Of an operation that gives NaN wherever an operand is NaN.
  void binary_with_nan(Op op, std::initializer_list<std::array<double, 3>> values) {
    binary(op, values);
    for (const double x : {0.0, 1.0, -2.5, inf, -inf, nan})
      binary(op, {{x, nan, nan}, {nan, x, nan}});
  }
  void ternary(Op op, std::initializer_list<std::array<double, 4>> values) {
    for (const auto& [x, y, z, want] : values) all_.push_back({op, {x, y, z}, want});
  }

  const Format& format() const { return format_; }
  std::vector<SpecialValue> take() { return std::move(all_); }

 private:
  Format format_;
  std::vector<SpecialValue> all_;
};

void add_signs_and_roundings(Table& t) {
  const Format& f = t.format();
  t.unary(Op::neg,
          {{0.0, -0.0}, {-0.0, 0.0}, {inf, -inf}, {-inf, inf}, {1, -1}, {f.denormal, -f.denormal}});
  t.unary(Op::abs, {{-0.0, 0.0}, {0.0, 0.0}, {-inf, inf}, {inf, inf}, {-f.denormal, f.denormal}});
  t.odd(Op::sign, {{f.denormal, 1}, {3, 1}, {inf, 1}});
  const double huge = 1 / f.epsilon;  // from here on all numbers are integers
  for (const Op op : {Op::floor, Op::ceil, Op::round}) {
    t.odd(op, {{inf, inf}, {1, 1}, {huge, huge}, {f.largest, f.largest}});
    t.unary(op, {{-huge + 1, -huge + 1}});
  }
  t.unary(Op::floor, {{0.5, 0.0}, {-0.5, -1}, {f.denormal, 0.0}, {-f.denormal, -1}, {1.5, 1}});
  t.unary(Op::ceil, {{0.5, 1}, {-0.5, -0.0}, {f.denormal, 1}, {-f.denormal, -0.0}, {-1.5, -1}});
  t.odd(Op::round, {{0.5, 0.0}, {1.5, 2}, {2.5, 2}, {0.25, 0.0}, {f.denormal, 0.0}});
}

void add_roots_and_exponentials(Table& t) {
  const Format& f = t.format();
  t.unary(Op::sqrt, {{0.0, 0.0},
                     {-0.0, -0.0},
                     {inf, inf},
                     {-inf, nan},
                     {-1, nan},
                     {-f.denormal, nan},
                     {1, 1},
                     {4, 2},
                     {2.25, 1.5},
                     {0x1p-100, 0x1p-50}});
  t.unary(Op::rsqrt, {{0.0, inf},
                      {-0.0, -inf},
                      {inf, 0.0},
                      {-inf, nan},
                      {-1, nan},
                      {-f.denormal, nan},
                      {1, 1},
                      {4, 0.5},
                      {0.25, 2},
                      {0x1p-100, 0x1p50}});
  t.odd(Op::cbrt, {{inf, inf}, {1, 1}, {8, 2}, {27, 3}, {0.125, 0.5}, {0x1p-90, 0x1p-30}});
  t.unary(Op::exp, {{0.0, 1},
                    {-0.0, 1},
                    {inf, inf},
                    {-inf, 0.0},
                    {f.denormal, 1},
                    {-f.denormal, 1},
                    {f.largest, inf},
                    {-f.largest, 0.0},
                    {1000, inf},
                    {-1000, 0.0}});
  t.identity_next_to_zero(Op::expm1);
  t.unary(Op::expm1, {{inf, inf}, {-inf, -1}, {f.largest, inf}, {-f.largest, -1}, {-1000, -1}});
  t.unary(Op::log, {{0.0, -inf},
                    {-0.0, -inf},
                    {1, 0.0},
                    {inf, inf},
                    {-inf, nan},
                    {-1, nan},
                    {-f.denormal, nan},
                    {-f.largest, nan}});
  t.identity_next_to_zero(Op::log1p);
  t.unary(
      Op::log1p,
      {{-1, -inf}, {inf, inf}, {-inf, nan}, {-1 - f.epsilon, nan}, {-2, nan}, {-f.largest, nan}});
  t.unary(Op::logistic, {{0.0, 0.5},
                         {-0.0, 0.5},
                         {inf, 1},
                         {-inf, 0.0},
                         {f.denormal, 0.5},
                         {f.largest, 1},
                         {-f.largest, 0.0},
                         {100, 1},
                         {-1000, 0.0}});
}

void add_trigonometric(Table& t) {
  const Format& f = t.format();
  for (const Op op : {Op::sin, Op::tan}) t.identity_next_to_zero(op);
  for (const Op op : {Op::sin, Op::cos, Op::tan}) t.unary(op, {{inf, nan}, {-inf, nan}});
  t.unary(Op::cos, {{0.0, 1}, {-0.0, 1}, {f.denormal, 1}, {-f.denormal, 1}});
  for (const Op op : {Op::asin, Op::atan}) t.identity_next_to_zero(op);
  for (const Op op : {Op::asin, Op::acos})
    t.unary(op, {{1 + f.epsilon, nan},
                 {-1 - f.epsilon, nan},
                 {2, nan},
                 {inf, nan},
                 {-inf, nan},
                 {f.largest, nan}});
  t.odd(Op::asin, {{1, pi / 2}});
  t.unary(Op::acos, {{1, 0.0}, {-1, pi}, {0.0, pi / 2}, {-0.0, pi / 2}, {f.denormal, pi / 2}});
  t.odd(Op::atan, {{inf, pi / 2}, {f.largest, pi / 2}, {1, pi / 4}});
}

void add_hyperbolic(Table& t) {
  const Format& f = t.format();
  for (const Op op : {Op::sinh, Op::tanh, Op::asinh, Op::atanh}) t.identity_next_to_zero(op);
  t.odd(Op::sinh, {{inf, inf}, {f.largest, inf}, {1000, inf}});
  t.odd(Op::tanh, {{inf, 1}, {f.largest, 1}, {30, 1}});
  t.odd(Op::asinh, {{inf, inf}});
  t.odd(Op::atanh, {{1, inf}, {1 + f.epsilon, nan}, {2, nan}, {f.largest, nan}, {inf, nan}});
  t.unary(Op::cosh, {{0.0, 1},
                     {-0.0, 1},
                     {inf, inf},
                     {-inf, inf},
                     {f.denormal, 1},
                     {f.largest, inf},
                     {-1000, inf}});
  t.unary(Op::acosh, {{1, 0.0},
                      {inf, inf},
                      {1 - f.epsilon / 2, nan},
                      {0.0, nan},
                      {-0.0, nan},
                      {-1, nan},
                      {-2, nan},
                      {-inf, nan},
                      {-f.largest, nan}});
}

void add_error_and_gamma(Table& t) {
  const Format& f = t.format();
  t.odd(Op::erf, {{inf, 1}, {f.largest, 1}, {7, 1}});
  t.unary(Op::erfc, {{inf, 0.0},
                     {-inf, 2},
                     {0.0, 1},
                     {-0.0, 1},
                     {f.denormal, 1},
                     {f.largest, 0.0},
                     {-f.largest, 2},
                     {-7, 2}});
  t.odd(Op::erf_inv, {{1, inf}, {1 + f.epsilon, nan}, {2, nan}, {inf, nan}});
  t.unary(Op::lgamma, {{1, 0.0},
                       {2, 0.0},
                       {0.0, inf},
                       {-0.0, inf},
                       {-1, inf},
                       {-2, inf},
                       {-100, inf},
                       {-f.largest, inf},
                       {inf, inf},
                       {-inf, inf},
                       {f.largest, inf}});
  t.unary(Op::digamma, {{0.0, -inf},
                        {-0.0, inf},
                        {-1, nan},
                        {-2, nan},
                        {-100, nan},
                        {-f.largest, nan},
                        {-inf, nan},
                        {inf, inf},
                        {f.denormal, -inf},
                        {-f.denormal, inf}});
  for (const std::int64_t order : {1, 2, 5}) {
    const double sign = order % 2 == 0 ? -1 : 1, pole = sign * inf, end = sign * 0.0;
    t.unary(Op::polygamma,
            {{0.0, pole},
             {-0.0, pole},
             {-1, pole},
             {-100, pole},
             {-f.largest, pole},
             {-inf, pole},
             {inf, end},
             {f.denormal, pole}},
            {{"order", order}});
  }
}

void add_arithmetic(Table& t) {
  const Format& f = t.format();
  const double big = f.largest, tiny = f.denormal;
  t.binary_with_nan(Op::add, {{0.0, -0.0, 0.0},
                              {-0.0, -0.0, -0.0},
                              {1, -1, 0.0},
                              {inf, -inf, nan},
                              {inf, inf, inf},
                              {inf, -big, inf},
                              {big, big, inf},
                              {tiny, -tiny, 0.0},
                              {tiny, tiny, 2 * tiny},
                              {f.least_normal, -tiny, f.least_normal - tiny}});
  t.binary_with_nan(Op::sub, {{0.0, 0.0, 0.0},
                              {-0.0, 0.0, -0.0},
                              {-0.0, -0.0, 0.0},
                              {inf, inf, nan},
                              {-inf, inf, -inf},
                              {1, 1, 0.0},
                              {-big, big, -inf}});
  t.binary_with_nan(Op::mul, {{0.0, inf, nan},
                              {-inf, 0.0, nan},
                              {0.0, -1, -0.0},
                              {-0.0, -1, 0.0},
                              {inf, -2, -inf},
                              {big, 2, inf},
                              {tiny, 0.5, 0.0},
                              {tiny, -0.5, -0.0},
                              {tiny, 1.5, 2 * tiny},
                              {tiny, 0.75, tiny},
                              {tiny, 1, tiny}});
  t.binary_with_nan(Op::div, {{1, 0.0, inf},
                              {1, -0.0, -inf},
                              {-1, 0.0, -inf},
                              {0.0, 0.0, nan},
                              {0.0, -0.0, nan},
                              {inf, inf, nan},
                              {inf, -inf, nan},
                              {1, inf, 0.0},
                              {1, -inf, -0.0},
                              {-1, inf, -0.0},
                              {inf, 0.0, inf},
                              {inf, -0.0, -inf},
                              {inf, -3, -inf},
                              {0.0, -3, -0.0},
                              {big, 0.5, inf},
                              {tiny, 2, 0.0},
                              {-tiny, 2, -0.0},
                              {3 * tiny, 2, 2 * tiny},
                              {6, 3, 2}});
  t.binary_with_nan(
      Op::rem,
      {{0.0, 3, 0.0}, {-0.0, 3, -0.0}, {-0.0, -3, -0.0},    {inf, 3, nan},    {-inf, 3, nan},
       {1, 0.0, nan}, {1, -0.0, nan},  {0.0, 0.0, nan},     {inf, inf, nan},  {3, inf, 3},
       {-3, inf, -3}, {3, -inf, 3},    {-tiny, inf, -tiny}, {6, 3, 0.0},      {-6, 3, -0.0},
       {6, -3, 0.0},  {7, -3, 1},      {-7, 3, -1},         {big, tiny, 0.0}, {-big, tiny, -0.0}});
  // Of zeros of different signs the second operand (GRAMMAR.md).
  t.binary_with_nan(Op::max, {{1, 2, 2},
                              {-inf, 1, 1},
                              {inf, 1, inf},
                              {0.0, -0.0, -0.0},
                              {-0.0, 0.0, 0.0},
                              {-tiny, 0.0, 0.0},
                              {0.0, tiny, tiny}});
  t.binary_with_nan(Op::min, {{1, 2, 1},
                              {-inf, 1, -inf},
                              {inf, 1, 1},
                              {0.0, -0.0, -0.0},
                              {-0.0, 0.0, 0.0},
                              {-tiny, 0.0, -tiny},
                              {0.0, tiny, 0.0}});
  t.ternary(Op::fma, {{inf, 0.0, 1, nan},
                      {0.0, inf, 1, nan},
                      {0.0, inf, nan, nan},
                      {inf, 1, -inf, nan},
                      {inf, -1, inf, nan},
                      {inf, 1, inf, inf},
                      {nan, 1, 1, nan},
                      {1, nan, 1, nan},
                      {1, 1, nan, nan},
                      {1, 1, -1, 0.0},
                      {0.0, 1, -0.0, 0.0},
                      {-0.0, 1, -0.0, -0.0},
                      {0.0, -1, -0.0, -0.0},
                      {0.0, -1, 0.0, 0.0},
                      {big, 2, -big, big},
                      {big, big, -inf, -inf},
                      {tiny, 0.5, tiny, 2 * tiny},
                      {1 + f.epsilon, 1 - f.epsilon, -1, -f.epsilon * f.epsilon}});
  t.ternary(Op::clamp, {{0, 1, 2, 1},
                        {0, -1, 2, 0.0},
                        {0, 3, 2, 2},
                        {-inf, 3, inf, 3},
                        {-inf, -inf, inf, -inf},
                        {0, inf, 2, 2},
                        {0, nan, 2, nan},
                        {nan, 1, 2, nan},
                        {0, 1, nan, nan}});
}

/// F.10.4.4.
void add_pow(Table& t) {
  const Format& f = t.format();
  const double odd = 1 / f.epsilon + 1, below_one = 1 - f.epsilon / 2;  // odd: nearly the largest
  for (const double y : {-1.0, -3.0, -odd}) t.binary(Op::pow, {{0.0, y, inf}, {-0.0, y, -inf}});
  for (const double y : {-2.0, -0.5, -2.5, -odd - 1, -f.largest, -inf})
    t.binary(Op::pow, {{0.0, y, inf}, {-0.0, y, inf}});
  for (const double y : {1.0, 3.0, odd}) t.binary(Op::pow, {{0.0, y, 0.0}, {-0.0, y, -0.0}});
  for (const double y : {2.0, 0.5, 2.5, odd + 1, f.largest, inf})
    t.binary(Op::pow, {{0.0, y, 0.0}, {-0.0, y, 0.0}});
  t.binary(Op::pow,
           {{-1, inf, 1}, {-1, -inf, 1}, {-1, odd, -1}, {-1, odd + 1, 1}, {-1, f.largest, 1}});
  for (const double y : {0.0, -0.0, 1.0, -2.5, f.largest, inf, -inf, nan})
    t.binary(Op::pow, {{1, y, 1}});
  for (const double x : {0.0, -0.0, 1.0, -2.5, f.largest, inf, -inf, nan})
    t.binary(Op::pow, {{x, 0.0, 1}, {x, -0.0, 1}});
  for (const double x : {-1.0, -2.5, -f.denormal, -f.largest})
    t.binary(Op::pow, {{x, 0.5, nan}, {x, -1.5, nan}, {x, f.denormal, nan}});
  for (const double x : {0.5, -0.5, below_one, -below_one, f.denormal, -f.denormal})
    t.binary(Op::pow, {{x, -inf, inf}, {x, inf, 0.0}});
  for (const double x : {2.0, -2.0, 1 + f.epsilon, -1 - f.epsilon, f.largest, inf, -inf})
    t.binary(Op::pow, {{x, -inf, 0.0}, {x, inf, inf}});
  for (const double y : {-1.0, -3.0, -odd}) t.binary(Op::pow, {{-inf, y, -0.0}});
  for (const double y : {-2.0, -0.5, -2.5, -odd - 1, -f.largest})
    t.binary(Op::pow, {{-inf, y, 0.0}});
  for (const double y : {1.0, 3.0, odd}) t.binary(Op::pow, {{-inf, y, -inf}});
  for (const double y : {2.0, 0.5, 2.5, odd + 1, f.largest}) t.binary(Op::pow, {{-inf, y, inf}});
  for (const double y : {-1.0, -0.5, -f.denormal, -f.largest}) t.binary(Op::pow, {{inf, y, 0.0}});
  for (const double y : {1.0, 0.5, f.denormal, f.largest}) t.binary(Op::pow, {{inf, y, inf}});
  for (const double x : {0.0, -0.0, 2.0, -2.0, inf, -inf})
    t.binary(Op::pow, {{nan, x == 0 ? 1 : x, nan}, {x, nan, nan}});
  // Exact, too large and too small results.
  t.binary(Op::pow, {{2, 10, 1024},
                     {-2, 3, -8},
                     {-2, -2, 0.25},
                     {4, 0.5, 2},
                     {9, 1.5, 27},
                     {3, 1, 3},
                     {-3, 1, -3},
                     {f.denormal, 1, f.denormal},
                     {f.largest, 1, f.largest},
                     {f.largest, 2, inf},
                     {-f.largest, 3, -inf},
                     {f.denormal, 2, 0.0},
                     {-f.denormal, 3, -0.0},
                     {f.denormal, -2, inf},
                     {-f.denormal, -3, -inf}});
}

/// F.10.1.4.
void add_atan2(Table& t) {
  const Format& f = t.format();
  t.binary_with_nan(Op::atan2, {});
  for (const double s : {1.0, -1.0}) {
    t.binary(Op::atan2, {{s * 0.0, -0.0, s * pi},
                         {s * 0.0, 0.0, s * 0.0},
                         {s * inf, 1, s * pi / 2},
                         {s * inf, -f.largest, s * pi / 2},
                         {s * inf, -inf, s * pi * 3 / 4},
                         {s * inf, inf, s * pi / 4},
                         {s, s, s > 0 ? pi / 4 : -pi * 3 / 4}});
    for (const double x : {-f.denormal, -1.0, -f.largest, -inf})
      t.binary(Op::atan2, {{s * 0.0, x, s * pi}, {s * f.denormal, -inf, s * pi}});
    for (const double x : {f.denormal, 1.0, f.largest, inf})
      t.binary(Op::atan2, {{s * 0.0, x, s * 0.0}, {s * f.denormal, inf, s * 0.0}});
    for (const double y : {f.denormal, 1.0, f.largest, inf})
      t.binary(Op::atan2, {{s * y, 0.0, s * pi / 2}, {s * y, -0.0, s * pi / 2}});
    for (const double y : {f.denormal, 1.0, f.largest})
      t.binary(Op::atan2, {{s * y, -inf, s * pi}, {s * y, inf, s * 0.0}});
    t.binary(Op::atan2, {{s * f.denormal, 1, s * f.denormal},
                         {s * f.denormal, f.largest, s * 0.0},
                         {s * f.denormal, f.denormal, s * pi / 4},
                         {s * f.largest, f.largest, s * pi / 4},
                         {s * f.denormal, -f.denormal, s * pi * 3 / 4}});
  }
}

std::string text(double x) {
  char buffer[40];
  std::snprintf(buffer, sizeof buffer, "%a", x);
  return buffer;
}

Literal column(const std::vector<const SpecialValue*>& values, DType dtype, int operand) {
  constexpr std::size_t least = 71;  // more than two of the widest vectors, and a rest
  const std::size_t count = values.size() * ((least + values.size() - 1) / values.size());
  Literal all = Literal::zeros({dtype, {static_cast<std::int64_t>(count)}});
  for (std::size_t i = 0; i < count; ++i) {
    const SpecialValue& value = *values[i % values.size()];
    const double x = operand < 0 ? value.want : value.args[static_cast<std::size_t>(operand)];
    if (dtype == DType::f32)
      all.mutable_as<float>()[i] = static_cast<float>(x);
    else
      all.mutable_as<double>()[i] = x;
  }
  return all;
}

SpecialCase make_case(const std::vector<const SpecialValue*>& values, DType dtype) {
  SpecialCase c;
  Builder b("special");
  std::vector<Value> operands;
  for (int k = 0; k < static_cast<int>(values[0]->args.size()); ++k) {
    c.inputs.push_back(column(values, dtype, k));
    operands.push_back(b.parameter(c.inputs.back().type(), "x" + std::to_string(k)));
  }
  c.want = column(values, dtype, -1);
  c.graph = b.finish({b.add_node(values[0]->op, operands, values[0]->attrs)});
  return c;
}

}  // namespace

std::vector<SpecialValue> special_values(DType dtype) {
  Table t(dtype == DType::f32 ? format_of<float> : format_of<double>);
  add_signs_and_roundings(t);
  add_roots_and_exponentials(t);
  add_trigonometric(t);
  add_hyperbolic(t);
  add_error_and_gamma(t);
  add_arithmetic(t);
  add_pow(t);
  add_atan2(t);
  return t.take();
}

std::vector<SpecialCase> special_cases(DType dtype) {
  const std::vector<SpecialValue> all = special_values(dtype);
  std::vector<std::vector<const SpecialValue*>> groups;
  for (const SpecialValue& value : all) {
    const auto same = [&value](const auto& group) {
      return group[0]->op == value.op && group[0]->attrs == value.attrs;
    };
    auto group = std::find_if(groups.begin(), groups.end(), same);
    if (group == groups.end()) group = groups.insert(group, std::vector<const SpecialValue*>());
    group->push_back(&value);
  }
  std::vector<SpecialCase> cases;
  for (const auto& group : groups) cases.push_back(make_case(group, dtype));
  return cases;
}

std::string special_difference(const SpecialCase& c, const Literal& got) {
  for (std::int64_t i = 0; i < c.want.type().elements(); ++i) {
    const double x = got.at(i), want = c.want.at(i);
    if (std::isnan(want) ? std::isnan(x) : x == want && std::signbit(x) == std::signbit(want))
      continue;
    std::string arguments;
    for (const Literal& input : c.inputs)
      arguments += (arguments.empty() ? "" : ", ") + text(input.at(i));
    const Node& node = c.graph.node(c.graph.results()[0]);
    return std::string(def(node.op).name) + "(" + arguments + ") = " + text(x) + ", want " +
           text(want);
  }
  return "";
}

}  // namespace weft::test
