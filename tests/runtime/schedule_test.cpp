#include "runtime/schedule.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "program_maker.h"

using namespace weft;
using namespace weft::runtime;
using test::Maker;

namespace {

constexpr std::int64_t n = 1024;
constexpr std::size_t bytes = 4096;

/// Whether every launch comes behind all that it shares a written buffer with and that came before
/// it in the program.
bool keeps_dependences(const codegen::Program& program, const std::vector<int>& order) {
  std::vector<int> place(order.size(), -1);
  for (std::size_t k = 0; k < order.size(); ++k)
    place[static_cast<std::size_t>(order[k])] = static_cast<int>(k);
  if (std::count(place.begin(), place.end(), -1) > 0) return false;
  for (std::size_t b = 0; b < program.launches.size(); ++b)
    for (std::size_t a = 0; a < b; ++a) {
      const auto &x = program.launches[a], &y = program.launches[b];
      for (std::size_t i = 0; i < x.arguments.size(); ++i)
        for (std::size_t j = 0; j < y.arguments.size(); ++j) {
          const bool shared = x.arguments[i].buffer == y.arguments[j].buffer;
          const bool written = x.kernel->accesses[i].written || y.kernel->accesses[j].written;
          if (shared && written && place[a] > place[b]) return false;
        }
    }
  return true;
}

}  // namespace

TEST_CASE("values that wait for their readers are made just before these") {
  Maker make;
  const int x = make.input(n);
  std::vector<int> wide, sums;
  for (int k = 0; k < 8; ++k) make.launch({x}, {wide.emplace_back(make.temporary(n))});
  for (int k = 0; k < 8; ++k)
    make.launch({wide[static_cast<std::size_t>(k)]}, {sums.emplace_back(make.temporary(16))});
  make.program.results = sums;
  CHECK(plan_memory(make.program).peak_bytes >= 8 * bytes);
  CHECK(memory_order(make.program) ==
        std::vector<int>{0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15});
  const Plan plan = plan_launches(make.program);
  verify(make.program, plan);
  CHECK(plan.peak_bytes == bytes + 8 * 64);
  CHECK(make.program.launches[1].arguments[0].buffer == wide[0]);
}

TEST_CASE("an order that saves nothing leaves the program as it was recorded") {
  Maker make;
  const int x = make.input(n), a = make.temporary(n), b = make.temporary(n), y = make.temporary(n);
  make.launch({x}, {a});
  make.launch({x}, {b});
  make.launch({a, b}, {y});
  make.program.results = {y};
  const std::vector<codegen::Argument> first = make.program.launches[0].arguments;
  const Plan plan = plan_launches(make.program);
  CHECK(plan.peak_bytes == 3 * bytes);
  CHECK(make.program.launches[0].arguments[1].buffer == a);
}

TEST_CASE("a buffer that is written twice keeps its order") {
  Maker make;
  const int x = make.input(n), a = make.temporary(n), s = make.temporary(4), t = make.temporary(4);
  make.launch({x}, {a});
  make.launch({a}, {s});
  make.launch({x}, {a});  // as an update in place
  make.launch({a}, {t});
  make.program.results = {s, t};
  CHECK(memory_order(make.program) == std::vector<int>{0, 1, 2, 3});
}

TEST_CASE("orders of random programs keep dependences, and their plans are never worse") {
  for (unsigned seed = 0; seed < 200; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    Maker make = test::random_program(random);
    CHECK(keeps_dependences(make.program, memory_order(make.program)));
    const std::size_t before = plan_memory(make.program).peak_bytes;
    const Plan plan = plan_launches(make.program);
    verify(make.program, plan);
    CHECK(plan.peak_bytes <= before);
  }
}
