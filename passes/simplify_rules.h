// The rules of `simplify`; the algebra of each stands above its definition.
#pragma once

#include "passes/simplifier.h"

namespace weft::passes {

// Elementwise: passes/simplify_elementwise.cpp.
ir::Value splat_constant(Simplifier&, const ir::Node&);
ir::Value add_zero(Simplifier&, const ir::Node&);
ir::Value add_constants(Simplifier&, const ir::Node&);
ir::Value add_negative(Simplifier&, const ir::Node&);
ir::Value subtract_negative(Simplifier&, const ir::Node&);
ir::Value subtract_zero(Simplifier&, const ir::Node&);
ir::Value subtract_itself(Simplifier&, const ir::Node&);
ir::Value multiply_by_one(Simplifier&, const ir::Node&);
ir::Value multiply_by_zero(Simplifier&, const ir::Node&);
ir::Value multiply_negatives(Simplifier&, const ir::Node&);
ir::Value divide_by_one(Simplifier&, const ir::Node&);
ir::Value divide_by_power_of_two(Simplifier&, const ir::Node&);
ir::Value negate_twice(Simplifier&, const ir::Node&);
ir::Value absolute_of_absolute(Simplifier&, const ir::Node&);
ir::Value round_twice(Simplifier&, const ir::Node&);
ir::Value combine_with_itself(Simplifier&, const ir::Node&);
ir::Value elementwise_of_broadcasts(Simplifier&, const ir::Node&);
ir::Value elementwise_of_unit_reshapes(Simplifier&, const ir::Node&);

// Predicates, bits and conversions: passes/simplify_bits.cpp.
ir::Value and_with_constant(Simplifier&, const ir::Node&);
ir::Value or_with_constant(Simplifier&, const ir::Node&);
ir::Value xor_with_constant(Simplifier&, const ir::Node&);
ir::Value shift_by_zero(Simplifier&, const ir::Node&);
ir::Value not_twice(Simplifier&, const ir::Node&);
ir::Value not_of_compare(Simplifier&, const ir::Node&);
ir::Value compare_with_itself(Simplifier&, const ir::Node&);
ir::Value select_by_constant(Simplifier&, const ir::Node&);
ir::Value select_of_equals(Simplifier&, const ir::Node&);
ir::Value select_by_not(Simplifier&, const ir::Node&);
ir::Value select_of_select(Simplifier&, const ir::Node&);
ir::Value select_true_false(Simplifier&, const ir::Node&);
ir::Value convert_twice(Simplifier&, const ir::Node&);
ir::Value bitcast_twice(Simplifier&, const ir::Node&);

// Views: passes/simplify_views.cpp.
ir::Value broadcast_unit_axes(Simplifier&, const ir::Node&);
ir::Value broadcast_twice(Simplifier&, const ir::Node&);
ir::Value reshape_of_broadcast(Simplifier&, const ir::Node&);
ir::Value transpose_unit_axes(Simplifier&, const ir::Node&);
ir::Value transpose_of_unit_reshape(Simplifier&, const ir::Node&);
ir::Value transpose_of_broadcast(Simplifier&, const ir::Node&);
ir::Value slice_twice(Simplifier&, const ir::Node&);
ir::Value slice_of_broadcast(Simplifier&, const ir::Node&);
ir::Value reverse_twice(Simplifier&, const ir::Node&);
ir::Value reverse_of_broadcast(Simplifier&, const ir::Node&);

// Assembled arrays: passes/simplify_assemble.cpp.
ir::Value slice_of_concatenate(Simplifier&, const ir::Node&);
ir::Value slice_of_pad(Simplifier&, const ir::Node&);
ir::Value pad_nothing(Simplifier&, const ir::Node&);
ir::Value pad_that_crops(Simplifier&, const ir::Node&);
ir::Value pad_twice(Simplifier&, const ir::Node&);
ir::Value pad_with_the_same(Simplifier&, const ir::Node&);
ir::Value concatenate_nothing(Simplifier&, const ir::Node&);
ir::Value concatenate_nested(Simplifier&, const ir::Node&);
ir::Value concatenate_slices(Simplifier&, const ir::Node&);
ir::Value concatenate_splats(Simplifier&, const ir::Node&);

// Reductions and products: passes/simplify_reduce.cpp.
ir::Value reduce_unit_axes(Simplifier&, const ir::Node&);
ir::Value reduce_nothing(Simplifier&, const ir::Node&);
ir::Value reduce_of_unit_reshape(Simplifier&, const ir::Node&);
ir::Value reduce_of_repeated(Simplifier&, const ir::Node&);
ir::Value transpose_of_dot(Simplifier&, const ir::Node&);
ir::Value dot_of_transposes(Simplifier&, const ir::Node&);

}  // namespace weft::passes
