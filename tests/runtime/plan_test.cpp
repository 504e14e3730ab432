#include "runtime/plan.h"

#include <doctest/doctest.h>

#include <random>

#include <weft/error.h>
#include "program_maker.h"

using namespace weft;
using namespace weft::runtime;
using Home = Place::Home;
using Kind = PlannedResult::Kind;
using test::Maker;

namespace {

constexpr std::int64_t n = 1024;  // elements
constexpr std::size_t bytes = 4096;

bool same_memory(const Plan& plan, int a, int b) {
  const Place &x = plan.places[static_cast<std::size_t>(a)],
              &y = plan.places[static_cast<std::size_t>(b)];
  return x.home == y.home && x.index == y.index && x.offset == y.offset;
}

}  // namespace

TEST_CASE("a chain that may be written in place needs the memory of its result alone") {
  Maker make;
  const int x = make.input(n), a = make.temporary(n), b = make.temporary(n), y = make.temporary(n);
  make.launch({x}, {a}, {{x, a}});
  make.launch({a}, {b}, {{a, b}});
  make.launch({b}, {y}, {{b, y}});
  make.program.results = {y};
  const Plan plan = make.plan();
  CHECK(plan.arena_bytes == 0);
  CHECK(plan.peak_bytes == bytes);
  CHECK(plan.bound_bytes == 2 * bytes);
  CHECK(same_memory(plan, a, y));
  CHECK(plan.outputs[0].donor == 0);
}

TEST_CASE("without permission nothing is written in place") {
  Maker make;
  const int x = make.input(n), a = make.temporary(n), b = make.temporary(n), y = make.temporary(n);
  make.launch({x}, {a});
  make.launch({a}, {b});
  make.launch({b}, {y});
  make.program.results = {y};
  const Plan plan = make.plan();
  CHECK(!same_memory(plan, a, b));
  CHECK(!same_memory(plan, b, y));
  CHECK(same_memory(plan, a, y));  // y's block is free until the last launch
  CHECK(plan.peak_bytes == plan.bound_bytes);
  CHECK(plan.outputs[0].donor == -1);  // a lies in it while the input is read
}

TEST_CASE("a value that is read later is not written over") {
  Maker make;
  const int x = make.input(n), a = make.temporary(n), b = make.temporary(n), y = make.temporary(n);
  make.launch({x}, {a});
  make.launch({a}, {b}, {{a, b}});
  make.launch({a, b}, {y}, {{a, y}, {b, y}});
  make.program.results = {y};
  const Plan plan = make.plan();
  CHECK(!same_memory(plan, a, b));
  CHECK((same_memory(plan, a, y) || same_memory(plan, b, y)));
}

TEST_CASE("elements of another size are not written in place") {
  Maker make;
  const int x = make.input(n), a = make.temporary(n), b = make.temporary(n, f64),
            y = make.temporary(n);
  make.launch({x}, {a});
  make.launch({a}, {b}, {{a, b}});
  make.launch({b}, {y}, {{b, y}});
  make.program.results = {y};
  CHECK(!same_memory(make.plan(), a, b));
}

TEST_CASE("a donated input that is returned or read later gives nothing") {
  Maker make;
  const int x = make.input(n), w = make.input(n), y = make.temporary(n), z = make.temporary(n);
  make.launch({x, w}, {y}, {{x, y}, {w, y}});
  make.launch({w, y}, {z}, {{w, z}});
  make.program.results = {x, y, z};
  const Plan plan = make.plan();
  REQUIRE(plan.results.size() == 3);
  CHECK(plan.results[0].kind == Kind::input);
  CHECK(plan.outputs[0].donor == -1);
  CHECK(plan.outputs[1].donor == 1);
}

TEST_CASE("an input that died earlier gives its memory to an output of its size") {
  Maker make;
  const int x = make.input(n), a = make.temporary(8), y = make.temporary(n), z = make.temporary(n);
  make.launch({x}, {a});
  make.launch({a}, {y});
  make.launch({a}, {z});
  make.program.results = {y, z};
  const Plan plan = make.plan();
  CHECK(plan.outputs[0].donor == 0);
  CHECK(plan.outputs[1].donor == -1);
}

TEST_CASE("results that are inputs, constants or occur twice are each given once") {
  Maker make;
  const int x = make.input(n), c = make.constant(n), y = make.temporary(n);
  make.launch({x, c}, {y});
  make.program.results = {x, y, y, c, x};
  const Plan plan = make.plan();
  REQUIRE(plan.results.size() == 5);
  CHECK(plan.results[0].kind == Kind::input);
  CHECK(plan.results[1].kind == Kind::output);
  CHECK(plan.results[2].kind == Kind::copy);
  CHECK(plan.results[3].kind == Kind::copy);
  CHECK(plan.results[4].kind == Kind::copy);
  CHECK(plan.results[2].index == y);
  CHECK(plan.outputs.size() == 1);
  CHECK(plan.constant_bytes == bytes);
}

TEST_CASE("buffers without elements need no memory and no launch") {
  Maker make;
  const int x = make.input(0), a = make.temporary(0), y = make.temporary(0);
  make.launch({x, a}, {y});
  make.program.results = {y, a};
  const Plan plan = make.plan();
  CHECK(plan.arena_bytes == 0);
  CHECK(plan.peak_bytes == 0);
  CHECK(plan.outputs.size() == 2);
}

TEST_CASE("reading what nothing wrote is a broken invariant") {
  Maker make;
  const int a = make.temporary(n), y = make.temporary(n);
  make.launch({a}, {y});
  make.program.results = {y};
  CHECK_THROWS_WITH_AS(make.plan(),
                       "memory plan: buffer 0 is read by launch 0 before anything wrote it",
                       InternalError);
  Maker other;
  other.program.results = {other.temporary(n)};
  CHECK_THROWS_AS(other.plan(), InternalError);
}

TEST_CASE("the check finds values that overlap") {
  Maker make;
  const int x = make.input(n), a = make.temporary(n), b = make.temporary(n), y = make.temporary(n);
  make.launch({x}, {a});
  make.launch({x}, {b});
  make.launch({a, b}, {y});
  make.program.results = {y};
  Plan plan = make.plan();
  plan.places[static_cast<std::size_t>(a)] = plan.places[static_cast<std::size_t>(b)];
  CHECK_THROWS_WITH_AS(verify(make.program, plan),
                       "memory plan: buffer 1 and buffer 2 are live at once and overlap",
                       InternalError);
}

TEST_CASE("plans of random programs keep live values apart and stay near the bound") {
  double planned = 0, bound = 0;
  for (unsigned seed = 0; seed < 300; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    Maker make = test::random_program(random);
    const Plan plan = make.plan();
    planned += static_cast<double>(plan.peak_bytes);
    bound += static_cast<double>(plan.bound_bytes);
  }
  CHECK(planned < 1.1 * bound);
}
