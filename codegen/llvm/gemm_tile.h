// The register tile of a product: its shape on each target, and the loop over k that fills it.
#pragma once

#include "codegen/llvm/emitter.h"

namespace weft::codegen::cpu {

/// Rows of A and vectors of columns of B whose products stay in registers.
struct Tile {
  int rows;
  int vectors;
};
Tile choose_tile(const Target& target, DType dtype);

/// Memory of a tile of C: the address of its first element and the elements between rows.
struct TileMemory {
  Value* at;
  Value* stride;
};

/// to = from + A * B over `depth` steps of k: blocks of ir::dot_block are summed in order by fma
/// from 0, and the blocks' sums added in order. A depth of 0 adds 0. A step of the panels is
/// tile.rows elements of A and tile.vectors vectors of B.
void emit_tile(Emitter& e, DType dtype, const Tile& tile, Value* panel_a, Value* panel_b,
               Value* depth, const TileMemory& from, const TileMemory& to);

}  // namespace weft::codegen::cpu
