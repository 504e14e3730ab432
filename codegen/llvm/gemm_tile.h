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

/// The part of a tile of C that has memory, where that is not all: rows beyond `last_row` are the
/// same as it and lie there too; columns of the last vector that `mask` turns off have none.
struct TileBounds {
  Value* last_row = nullptr;
  Value* mask = nullptr;
};

/// Rows of A in memory: where the first one begins at the first k, each row's distance from it
/// (rows beyond the matrix may repeat its last one), and the elements between steps of k.
struct LeftFactor {
  Value* at;
  Emitter::Values row_offsets;
  Value* step;
};

/// Columns of B in memory: those of the first k, side by side, and the elements between steps of k.
/// Columns of the last vector that are off are not read.
struct RightFactor {
  Value* at;
  Value* step;
  Value* mask = nullptr;
};

/// to = from + A * B over `depth` steps of k: blocks of ir::dot_block are summed in order by fma
/// from 0, and the blocks' sums added in order. A depth of 0 adds 0.
void emit_tile(Emitter& e, DType dtype, const Tile& tile, const LeftFactor& left,
               const RightFactor& right, Value* depth, const TileMemory& from, const TileMemory& to,
               const TileBounds& bounds);

}  // namespace weft::codegen::cpu
