#include "codegen/cuda/scan.h"

#include "codegen/cuda/spell.h"
#include "codegen/kernel_values.h"
#include "ir/reduce_order.h"

namespace weft::codegen::cuda {
namespace {

std::string combine(const Inst& inst, const std::string& into, const std::string& value) {
  const std::string args[] = {into, value};
  return expression(combine_op(inst.monoid), inst.dtype, inst.dtype, args);
}

std::string shuffle(const std::string& value, const std::string& from) {
  return "__shfl_sync(0xffffffffu, " + value + ", " + from + ")";
}

}  // namespace

namespace {

ScanText in_order(const Inst& inst, const std::string& sum, const std::string& x) {
  const std::string number = std::to_string(inst.result), type(type_name(inst.dtype)),
                    part = "part" + number, result = "scan" + number;
  return {
      {"const " + type + " " + part + " = " + x + ";", type + " " + result + " = " + sum + ";",
       "for (int l = 0; l < 32; ++l) {", "  const " + type + " next = " + shuffle(part, "l") + ";",
       "  " + sum + " = " + combine(inst, sum, "next") + ";",
       "  if ((int)lane == l) " + result + " = " + sum + ";", "}"},
      result};
}

}  // namespace

// A turn has two blocks; the second one's carry is that of the first with its total.
ScanText scan_text(const Inst& inst, const std::string& sum, const std::string& x) {
  if (ir::cumulative_in_order(inst.monoid)) return in_order(inst, sum, x);
  static_assert(ir::cumulative_block == 16);
  const std::string number = std::to_string(inst.result), type(type_name(inst.dtype)),
                    part = "part" + number, middle = "middle" + number, result = "scan" + number;
  const std::string carry = "(lane < 16 ? " + sum + " : " + middle + ")";
  return {
      {type + " " + part + " = " + x + ";", "#pragma unroll", "for (int h = 1; h < 16; h *= 2) {",
       "  const " + type + " before = " + shuffle(part, "((int)lane & ~(2 * h - 1)) + h - 1") + ";",
       "  if (lane & h) " + part + " = " + combine(inst, "before", part) + ";", "}",
       "const " + type + " low" + number + " = " + shuffle(part, "15") + ", high" + number + " = " +
           shuffle(part, "31") + ", " + middle + " = " + combine(inst, sum, "low" + number) + ";",
       "const " + type + " " + result + " = " + combine(inst, carry, part) + ";",
       sum + " = " + combine(inst, middle, "high" + number) + ";"},
      result};
}

}  // namespace weft::codegen::cuda
