#include "runtime/binding.h"

#include <cstring>

namespace weft::runtime {

BoundArgument bind(const codegen::Program& program, const Plan& plan, const Bases& bases,
                   const codegen::Argument& argument) {
  using Home = Place::Home;
  const auto k = static_cast<std::size_t>(argument.buffer);
  const Place& place = plan.places[k];
  const auto offset =
      static_cast<std::int64_t>(place.offset) +
      argument.offset * static_cast<std::int64_t>(size_of(program.buffers[k].type.dtype));
  const auto index = static_cast<std::size_t>(place.index);
  switch (place.home) {
    case Home::input:
      return {index, offset};
    case Home::output:
      return {bases.output(index), offset};
    case Home::arena:
      return {bases.arena(), offset};
    case Home::constant:
      return {bases.constants(), offset};
    case Home::unused:
      break;
  }
  return {bases.constants(), 0};  // no element is ever touched
}

BoundResults bind_results(const codegen::Program& program, const Plan& plan, const Bases& bases) {
  BoundResults bound;
  bound.of_output.resize(plan.outputs.size());
  for (std::size_t k = 0; k < plan.results.size(); ++k) {
    const PlannedResult& result = plan.results[k];
    const auto index = static_cast<std::size_t>(result.index);
    if (result.kind == PlannedResult::Kind::output) bound.of_output[index] = k;
    if (result.kind == PlannedResult::Kind::copy)
      bound.copies.push_back(
          {k, program.buffers[index].type.bytes(), bind(program, plan, bases, {result.index, 0})});
  }
  return bound;
}

void fill_constants(const codegen::Program& program, const Plan& plan, void* block) {
  for (std::size_t k = 0; k < program.buffers.size(); ++k) {
    const codegen::ProgramBuffer& buffer = program.buffers[k];
    if (plan.places[k].home != Place::Home::constant || buffer.type.bytes() == 0) continue;
    std::memcpy(static_cast<std::byte*>(block) + plan.places[k].offset, buffer.literal.data(),
                buffer.type.bytes());
  }
}

}  // namespace weft::runtime
