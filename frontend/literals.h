// Numbers are arguments of programs: one that changes from one evaluation to the next (a learning
// rate on a schedule, a loop counter) compiles nothing.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "frontend/numbering.h"
#include "frontend/record.h"

namespace weft::detail {

/// A number that a program gets as an argument, and the records (places in the order) that are it.
struct LiftedNumber {
  std::uint64_t bits;
  std::vector<std::size_t> places;
};

enum class Lifting : std::uint8_t {
  changed,  ///< Numbers that equal programs have had with other values.
  any,      ///< And those of which no pass can make anything: where arguments cost nothing.
};

/// The numbers of `order` (operands first) that become arguments. Equal ones are one argument, as
/// long as they have always been equal. Remembers this program's numbers. Equal programs are
/// numbered alike. Thread-safe.
std::vector<LiftedNumber> lifted_numbers(std::span<const Ref> order, std::span<const Ref> outputs,
                                         const Numbering& numbers, Lifting lifting);

}  // namespace weft::detail
