// Facts about a kernel's values that the verifier, the interpreter and the emitters all need.
#pragma once

#include <string_view>
#include <vector>

#include "codegen/kernel.h"
#include "ir/scalar.h"

namespace weft::codegen {

/// The dtype of every register; of contract results too. Unused numbers are bool.
std::vector<DType> register_dtypes(const Kernel& kernel);

/// What an `op` instruction computes on one element; its params are the instruction's args.
ir::ScalarProgram scalar_program(const Inst& inst, const std::vector<DType>& dtypes);

/// The opcode that combines two values of a monoid ("add", "max", "or", ...).
ir::ScalarOp combine_op(std::string_view monoid);
/// The bits of the monoid's identity: add 0, mul 1, max -inf or lowest, min +inf or highest, ...
std::uint64_t identity_bits(std::string_view monoid, DType dtype);

/// Is `monoid` defined on `dtype`? ("set" is, on everything: it is an update only.)
bool monoid_accepts(std::string_view monoid, DType dtype);

}  // namespace weft::codegen
