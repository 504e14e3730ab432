// Identities of the monoids that `reduce` knows.
#include "passes/reduction_identity.h"

#include <limits>

namespace weft::passes {
namespace {

using namespace ir;

Literal lowest(DType dtype) {
  if (is_float(dtype)) return Literal::scalar(dtype, -std::numeric_limits<double>::infinity());
  if (dtype == DType::i32) return Literal::scalar_int(dtype, INT32_MIN);
  if (dtype == DType::i64) return Literal::scalar_int(dtype, INT64_MIN);
  return Literal::scalar_int(dtype, 0);
}

Literal highest(DType dtype) {
  if (is_float(dtype)) return Literal::scalar(dtype, std::numeric_limits<double>::infinity());
  if (dtype == DType::i32) return Literal::scalar_int(dtype, INT32_MAX);
  if (dtype == DType::i64) return Literal::scalar_int(dtype, INT64_MAX);
  return Literal::scalar_int(dtype, -1);
}

}  // namespace

Literal reduction_identity(std::string_view kind, DType dtype) {
  if (kind == "max") return lowest(dtype);
  if (kind == "min") return highest(dtype);
  if (kind == "and") return Literal::scalar_int(dtype, is_bool(dtype) ? 1 : -1);
  return Literal::scalar_int(dtype, kind == "mul" ? 1 : 0);
}

}  // namespace weft::passes
