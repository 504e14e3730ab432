// The operation table in parts: each file of this folder defines one run of consecutive entries.
#pragma once

#include "ir/op.h"

namespace weft::ir::ops {

/// The entries from `first` to `last`.
struct Range {
  Op first, last;
  constexpr std::size_t size() const {
    return static_cast<std::size_t>(last) - static_cast<std::size_t>(first) + 1;
  }
};

inline constexpr Range source_range{Op::parameter, Op::random_bits};
inline constexpr Range unary_range{Op::neg, Op::bitcast};
inline constexpr Range binary_range{Op::add, Op::fma};
inline constexpr Range view_range{Op::broadcast_in_dim, Op::reverse};
inline constexpr Range structure_range{Op::pad, Op::concatenate};
inline constexpr Range reduction_range{Op::reduce, Op::cumulative};
inline constexpr Range contraction_range{Op::dot_general, Op::dot_general};
inline constexpr Range attention_range{Op::attention, Op::attention_tangent};
inline constexpr Range indexing_range{Op::gather, Op::scatter};
inline constexpr Range control_range{Op::optimization_barrier, Op::fused};

extern const std::span<const OpDef> sources, unary, binary, views, structure, reductions,
    contraction, attention, indexing, control;

/// An entry has exactly the hooks that its kind needs.
consteval bool has_its_hooks(const OpDef& def) {
  const bool elementwise = def.kind == Kind::elementwise;
  const bool needs_scalar = elementwise || def.op == Op::random_bits;
  if (def.name.empty() || def.doc.empty() || !def.infer) return false;
  if (def.max_operands != -1 && def.max_operands < def.min_operands) return false;
  if ((def.scalar != nullptr) != needs_scalar) return false;
  if (def.partial && (!elementwise || def.jvp)) return false;
  if (def.transpose && !def.partial && !def.jvp && !def.expand)
    return false;  // linear, so differentiable
  if (def.only_expanded && !def.expand) return false;
  return def.domains.empty() || elementwise;
}

/// Entries stand in the order of Op, from range.first to range.last.
consteval bool is_complete(std::span<const OpDef> part, Range range) {
  if (part.size() != range.size()) return false;
  for (std::size_t k = 0; k < part.size(); ++k) {
    if (static_cast<std::size_t>(part[k].op) != static_cast<std::size_t>(range.first) + k)
      return false;
    if (!has_its_hooks(part[k])) return false;
  }
  return true;
}

}  // namespace weft::ir::ops
