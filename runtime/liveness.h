// When each buffer of a program is live: from its first write to its last use.
#pragma once

#include <vector>

#include "codegen/program.h"

namespace weft::runtime {

struct Lifetime {
  static constexpr int before = -1;  // inputs and constants are there before launch 0
  int birth = before;                // the launch that first writes it
  int death = before;                // the last launch that touches it; results: the launch count
  bool used = false;                 // it has elements, and a launch touches it or it is a result

  bool overlaps(const Lifetime& other) const {
    return birth <= other.death && other.birth <= death;
  }
};

/// One per buffer. Throws InternalError where a temporary is read before it is written.
std::vector<Lifetime> lifetimes(const codegen::Program& program);

/// Whether launch `step` may write `to` over `from`, which dies there.
bool may_overwrite(const codegen::Program& program, int step, int from, int to);

}  // namespace weft::runtime
