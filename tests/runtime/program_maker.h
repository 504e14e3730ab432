// Programs of launches that compute nothing: for tests of their memory and of their order.
#pragma once

#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "runtime/plan.h"

namespace weft::test {

/// Programs by hand: buffers, and launches that read some and write others.
struct Maker {
  using Role = codegen::ProgramBuffer::Role;
  codegen::Program program;

  int add(Role role, std::int64_t elements, DType dtype = f32) {
    codegen::ProgramBuffer buffer;
    buffer.role = role;
    buffer.type = {dtype, {elements}};
    if (role == Role::input) buffer.input = inputs++;
    if (role == Role::constant) buffer.literal = ir::Literal::zeros(buffer.type);
    program.buffers.push_back(buffer);
    return static_cast<int>(program.buffers.size()) - 1;
  }
  int input(std::int64_t elements) { return add(Role::input, elements); }
  int constant(std::int64_t elements) { return add(Role::constant, elements); }
  int temporary(std::int64_t elements, DType dtype = f32) {
    return add(Role::temporary, elements, dtype);
  }
  void launch(std::vector<int> reads, std::vector<int> writes,
              std::vector<std::pair<int, int>> may_alias = {}) {
    auto kernel = std::make_shared<codegen::Kernel>();
    codegen::Launch made;
    for (const bool written : {false, true})
      for (int buffer : written ? writes : reads) {
        kernel->accesses.push_back({f32, written, {}});
        made.arguments.push_back({buffer, 0});
      }
    made.kernel = kernel;
    made.may_alias = std::move(may_alias);
    program.launches.push_back(std::move(made));
  }
  runtime::Plan plan() const {
    runtime::Plan made = runtime::plan_memory(program);
    runtime::verify(program, made);
    return made;
  }
  int inputs = 0;
};

/// A program that the memory plan and the order of launches are tested on.
inline Maker random_program(std::mt19937& random) {
  constexpr std::int64_t n = 1024;
  const auto below = [&](int limit) {
    return static_cast<int>(random() % static_cast<unsigned>(limit));
  };
  const auto size = [&] { return below(6) == 0 ? below(3) : n << below(3); };
  Maker make;
  std::vector<int> values;
  for (int k = below(4); k >= 0; --k) values.push_back(make.input(size()));
  if (below(2) == 0) values.push_back(make.constant(size()));
  for (int step = 2 + below(30); step > 0; --step) {
    std::vector<int> reads, writes;
    std::vector<std::pair<int, int>> may_alias;
    for (int k = below(3); k >= 0; --k) {
      const auto back =
          static_cast<std::size_t>(1 + below(std::min<int>(8, static_cast<int>(values.size()))));
      reads.push_back(values[values.size() - back]);
    }
    for (int k = below(4) / 3; k >= 0; --k) writes.push_back(make.temporary(size()));
    for (int from : reads)
      for (int to : writes)
        if (below(2) == 0) may_alias.emplace_back(from, to);
    make.launch(reads, writes, may_alias);
    values.insert(values.end(), writes.begin(), writes.end());
  }
  for (int k = below(4); k >= 0; --k)
    make.program.results.push_back(
        values[static_cast<std::size_t>(below(static_cast<int>(values.size())))]);
  return make;
}

}  // namespace weft::test
