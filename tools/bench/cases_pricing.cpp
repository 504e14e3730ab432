// Black-Scholes: the price of calls, and the price with five greeks by differentiation.
#include "tools/bench/ceilings.h"
#include "tools/bench/inputs.h"

namespace weft::bench {

namespace {

constexpr std::int64_t options = 4 << 20;
constexpr double price_operations = 26, greeks_operations = 41;  // for one option

Tensor normal_cdf(const Tensor& x) { return ((x * 0.70710678118654752).erf() + 1) * 0.5; }

/// Spot, strike, years, rate, volatility.
Tensor price(const Tensor& s, const Tensor& k, const Tensor& t, const Tensor& r, const Tensor& v) {
  const Tensor spread = v * t.sqrt();
  const Tensor d1 = ((s / k).log() + (r + v * v * 0.5) * t) / spread;
  return s * normal_cdf(d1) - k * (-(r * t)).exp() * normal_cdf(d1 - spread);
}

struct Reference {
  double s, k, t, r, v;
  double spread() const { return v * std::sqrt(t); }
  double d1() const { return (std::log(s / k) + (r + v * v / 2) * t) / spread(); }
  double d2() const { return d1() - spread(); }
  static double cdf(double x) { return std::erfc(-x * std::sqrt(0.5)) / 2; }
  double density() const { return std::exp(-d1() * d1() / 2) / std::sqrt(2 * M_PI); }
  double discounted() const { return k * std::exp(-r * t); }

  double price() const { return s * cdf(d1()) - discounted() * cdf(d2()); }
  /// Price, delta, gamma, vega, the derivative by years, rho.
  double figure(int which) const {
    switch (which) {
      case 0:
        return price();
      case 1:
        return cdf(d1());
      case 2:
        return density() / (s * spread());
      case 3:
        return s * density() * std::sqrt(t);
      case 4:
        return s * density() * v / (2 * std::sqrt(t)) + r * discounted() * cdf(d2());
      default:
        return discounted() * t * cdf(d2());
    }
  }
};

struct Market {
  std::vector<float> s = values(options, 1, 8, 12), k = values(options, 2, 8, 12),
                     t = values(options, 3, 0.25, 2), r = values(options, 4, 0.01, 0.05),
                     v = values(options, 5, 0.2, 0.4);
  Reference operator[](std::int64_t i) const {
    return {s[at(i)], k[at(i)], t[at(i)], r[at(i)], v[at(i)]};
  }
};

Case price_case() {
  return {.name = "black_scholes_4M",
          .bound = Bound::ceiling,
          .bytes = 6.0 * 4 * options,
          .flops = price_operations * options,
          .prepare = [] {
            const auto m = std::make_shared<Market>();
            auto want = [m](std::int64_t i) { return (*m)[i].price(); };
            Prepared p = prepared(price, compare(want, 1e-5), tensor(m->s), tensor(m->k),
                                  tensor(m->t), tensor(m->r), tensor(m->v));
            p.ceiling = make_ceiling({.kernel = &CeilingKernels::black_scholes,
                                      .in = {m->s, m->k, m->t, m->r, m->v},
                                      .units = options,
                                      .outputs = options,
                                      .unit_ns = 4},
                                     want, 1e-5);
            return p;
          }};
}

std::vector<Tensor> greeks(const Tensor& s, const Tensor& k, const Tensor& t, const Tensor& r,
                           const Tensor& v) {
  const Tensor spot = s.detach().requires_grad_(), years = t.detach().requires_grad_(),
               rate = r.detach().requires_grad_(), volatility = v.detach().requires_grad_();
  const Tensor all = price(spot, k, years, rate, volatility);
  const auto d = autograd::grad(all.sum(), {spot, volatility, years, rate}, {.create_graph = true});
  const auto gamma = autograd::grad(d[0].sum(), {spot});
  return {all.detach(), d[0].detach(), gamma[0], d[1].detach(), d[2].detach(), d[3].detach()};
}

Case greeks_case() {
  return {.name = "black_scholes_4M_greeks",
          .bound = Bound::ceiling,
          .bytes = 11.0 * 4 * options,
          .flops = greeks_operations * options,
          .prepare = [] {
            const auto m = std::make_shared<Market>();
            const std::vector<Tensor> inputs{tensor(m->s), tensor(m->k), tensor(m->t), tensor(m->r),
                                             tensor(m->v)};
            auto compiled = std::make_shared<Jitted<decltype(&greeks)>>(jit(&greeks));
            auto alone = std::make_shared<Jitted<decltype(&price)>>(jit(&price));
            auto call = [=](const auto& f) {
              return f(inputs[0], inputs[1], inputs[2], inputs[3], inputs[4]);
            };
            auto last = std::make_shared<std::vector<Tensor>>();
            Prepared p;
            p.run = [=] {
              *last = call(*compiled);
              for (const Tensor& t : *last) t.data_ptr();
              return last->front();
            };
            p.report = [=] { return compiled->report(); };
            p.check = [=](const Tensor&) -> std::string {
              for (int which = 0; which < 6; ++which) {
                auto want = [m, which](std::int64_t i) { return (*m)[i].figure(which); };
                const Tensor& got = (*last)[at(which)];
                const std::string wrong =
                    compare_elements(got.data<float>(), got.numel(), want, 5e-5);
                if (!wrong.empty()) return "figure " + std::to_string(which) + ": " + wrong;
              }
              return {};
            };
            // The price alone, so that the fraction is what the greeks cost beside it.
            auto priced = std::make_shared<Tensor>();
            p.ceiling = std::make_shared<Ceiling>();
            p.ceiling->variants = {[=] {
              *priced = call(*alone);
              priced->data_ptr();
            }};
            p.ceiling->check = [=] {
              return compare_elements(
                  priced->data<float>(), options, [m](std::int64_t i) { return (*m)[i].price(); },
                  1e-5);
            };
            return p;
          }};
}

}  // namespace

std::vector<Case> pricing_cases() { return {price_case(), greeks_case()}; }

}  // namespace weft::bench
