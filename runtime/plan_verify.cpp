// The check of a memory plan, written without the planner's data structures.

#include <string>

#include <weft/error.h>
#include "runtime/liveness.h"
#include "runtime/plan.h"

namespace weft::runtime {
namespace {

using Role = codegen::ProgramBuffer::Role;

[[noreturn]] void fail(int buffer, const std::string& what) {
  throw InternalError("memory plan: buffer " + std::to_string(buffer) + " " + what);
}

/// Memory as an address range of a space: arena, or one output block (with its donor, as if given).
struct Range {
  int buffer;
  int space;  // -1: the arena
  std::size_t begin, end;
  Lifetime life;
};

std::vector<Range> ranges(const codegen::Program& program, const Plan& plan,
                          const std::vector<Lifetime>& lives) {
  std::vector<Range> all;
  for (int k = 0; k < static_cast<int>(program.buffers.size()); ++k) {
    const codegen::ProgramBuffer& buffer = program.buffers[static_cast<std::size_t>(k)];
    const Place& place = plan.places[static_cast<std::size_t>(k)];
    const Lifetime& life = lives[static_cast<std::size_t>(k)];
    const std::size_t bytes = buffer.type.bytes();
    if (!life.used) continue;
    if (buffer.role == Role::input) {
      for (std::size_t o = 0; o < plan.outputs.size(); ++o) {
        if (plan.outputs[o].donor != buffer.input) continue;
        if (plan.outputs[o].bytes != bytes) fail(k, "is donated to an output of another size");
        all.push_back({k, static_cast<int>(o), 0, bytes, life});
      }
    } else if (buffer.role == Role::temporary) {
      const bool arena = place.home == Place::Home::arena;
      if (!arena && place.home != Place::Home::output) fail(k, "has no place");
      const std::size_t room =
          arena ? plan.arena_bytes : plan.outputs[static_cast<std::size_t>(place.index)].bytes;
      if (place.offset + bytes > room) fail(k, "exceeds its block");
      if (place.offset % plan_alignment != 0) fail(k, "is not aligned");
      all.push_back({k, arena ? -1 : place.index, place.offset, place.offset + bytes, life});
    }
  }
  return all;
}

bool written_over(const codegen::Program& program, const Range& old_range, const Range& new_range) {
  return old_range.begin == new_range.begin && old_range.life.death == new_range.life.birth &&
         old_range.life.birth < new_range.life.birth &&
         may_overwrite(program, new_range.life.birth, old_range.buffer, new_range.buffer);
}

}  // namespace

void verify(const codegen::Program& program, const Plan& plan) {
  const std::vector<Range> all = ranges(program, plan, lifetimes(program));
  for (std::size_t a = 0; a < all.size(); ++a) {
    for (std::size_t b = a + 1; b < all.size(); ++b) {
      const Range &x = all[a], &y = all[b];
      const bool meet = x.space == y.space && x.begin < y.end && y.begin < x.end;
      if (!meet || !x.life.overlaps(y.life)) continue;
      if (written_over(program, x, y) || written_over(program, y, x)) continue;
      fail(x.buffer, "and buffer " + std::to_string(y.buffer) + " are live at once and overlap");
    }
  }
  for (std::size_t k = 0; k < program.results.size(); ++k) {
    const Place& place = plan.places[static_cast<std::size_t>(program.results[k])];
    const PlannedResult& result = plan.results[k];
    if (result.kind == PlannedResult::Kind::output &&
        (place.home != Place::Home::output || place.index != result.index || place.offset != 0))
      fail(program.results[k], "is a result, but not in its output block");
  }
}

}  // namespace weft::runtime
