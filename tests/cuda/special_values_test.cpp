// C's special values in the CUDA C++ of every elementwise operation, on the emulator.
#include "tests/support/special_values.h"

#include <doctest/doctest.h>

#include "tests/cuda/emulated_programs.h"

using namespace weft;
using namespace weft::ir;
using namespace weft::test;

TEST_CASE("cuda kernels give C's special values") {
  const std::string missing = emulator_missing();
  if (!missing.empty()) {
    MESSAGE("skipped: ", missing);
    return;
  }
  EmulatedPrograms programs;
  std::vector<SpecialCase> cases = special_cases(DType::f32);
  for (SpecialCase& c : special_cases(DType::f64)) cases.push_back(std::move(c));
  std::vector<std::size_t> numbers;
  for (const SpecialCase& c : cases) numbers.push_back(programs.add(c.graph, false));
  programs.build();
  for (std::size_t k = 0; k < cases.size(); ++k) {
    const Literal got = programs.run(numbers[k], cases[k].inputs, Schedule::forward)[0];
    CHECK(special_difference(cases[k], got) == "");
  }
}
