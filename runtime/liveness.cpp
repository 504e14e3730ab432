#include "runtime/liveness.h"

#include <algorithm>
#include <string>

#include <weft/error.h>

namespace weft::runtime {
namespace {

using Role = codegen::ProgramBuffer::Role;

[[noreturn]] void fail(int buffer, const std::string& what) {
  throw InternalError("memory plan: buffer " + std::to_string(buffer) + " " + what);
}

void touch(const codegen::Program& program, int step, const codegen::Access& access, int buffer,
           Lifetime& life) {
  const codegen::ProgramBuffer& described = program.buffers[static_cast<std::size_t>(buffer)];
  if (described.type.elements() == 0) return;
  if (described.role == Role::temporary) {
    if (!life.used && !access.written)
      fail(buffer, "is read by launch " + std::to_string(step) + " before anything wrote it");
    if (!life.used) life.birth = step;
  } else if (access.written) {
    fail(buffer, "is written by launch " + std::to_string(step) + ", but is not a temporary");
  }
  life.used = true;
  life.death = step;
}

}  // namespace

std::vector<Lifetime> lifetimes(const codegen::Program& program) {
  std::vector<Lifetime> lives(program.buffers.size());
  const int launches = static_cast<int>(program.launches.size());
  for (int step = 0; step < launches; ++step) {
    const codegen::Launch& launch = program.launches[static_cast<std::size_t>(step)];
    const auto& accesses = launch.kernel->accesses;
    if (accesses.size() != launch.arguments.size())
      throw InternalError("memory plan: launch " + std::to_string(step) + " has " +
                          std::to_string(launch.arguments.size()) + " arguments for " +
                          std::to_string(accesses.size()) + " accesses");
    // Writes first: a kernel may read back what it wrote.
    for (const bool written : {true, false})
      for (std::size_t k = 0; k < accesses.size(); ++k) {
        const int buffer = launch.arguments[k].buffer;
        if (accesses[k].written == written)
          touch(program, step, accesses[k], buffer, lives[static_cast<std::size_t>(buffer)]);
      }
  }
  for (const int buffer : program.results) {
    const codegen::ProgramBuffer& described = program.buffers[static_cast<std::size_t>(buffer)];
    Lifetime& life = lives[static_cast<std::size_t>(buffer)];
    if (described.type.elements() == 0) continue;
    if (described.role == Role::temporary && !life.used)
      fail(buffer, "is a result that nothing wrote");
    life.used = true;
    life.death = launches;
  }
  return lives;
}

bool may_overwrite(const codegen::Program& program, int step, int from, int to) {
  const auto& pairs = program.launches[static_cast<std::size_t>(step)].may_alias;
  if (std::find(pairs.begin(), pairs.end(), std::pair(from, to)) == pairs.end()) return false;
  // The index alone does not fix the address: the elements must have one size, too.
  const ir::Type& old_type = program.buffers[static_cast<std::size_t>(from)].type;
  const ir::Type& new_type = program.buffers[static_cast<std::size_t>(to)].type;
  return size_of(old_type.dtype) == size_of(new_type.dtype) && old_type.bytes() == new_type.bytes();
}

}  // namespace weft::runtime
