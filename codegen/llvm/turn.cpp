// Rows are interleaved by shuffles within 128-bit lanes, the ones that every processor has: first
// single elements of neighbouring rows, then pairs. So pieces of columns come to stand side by
// side, and each is stored where its column lies. Whole columns in registers would take shuffles
// across lanes: faster by a fifth in cache, no faster in memory, and much longer to compile.
#include "codegen/llvm/turn.h"

#include <algorithm>

namespace weft::codegen::cpu {
namespace {

constexpr int lane_bytes = 16;

// A vector of several rows, and which column each of its elements is of.
struct Interleaved {
  Value* value;
  std::vector<int> columns;
};

// Takes `group` elements of a, then of b, in turn, from the lower or the upper half of each lane.
Interleaved interleave(Emitter& e, const Interleaved& a, const Interleaved& b, int group, int lane,
                       bool upper) {
  std::vector<int> mask, columns;
  int width = e.width();
  for (int base = 0; base < width; base += lane)
    for (int k = 0; k < lane / 2; k += group)
      for (const Interleaved* from : {&a, &b})
        for (int g = 0; g < group; ++g) {
          int element = base + (upper ? lane / 2 : 0) + k + g;
          mask.push_back(from == &a ? element : width + element);
          columns.push_back(from->columns[static_cast<std::size_t>(element)]);
        }
  return {e.b.CreateShuffleVector(a.value, b.value, mask), std::move(columns)};
}

}  // namespace

int rows_per_turn(DType dtype) { return size_of(dtype) == 8 ? 2 : 4; }

void turn_rows(Emitter& e, DType dtype, std::span<Value* const> rows, Value* to,
               std::int64_t pitch) {
  int lane = std::min(e.width(), lane_bytes / static_cast<int>(size_of(dtype)));
  std::vector<Interleaved> vectors;
  for (Value* row : rows) {
    vectors.push_back({row, {}});
    for (int column = 0; column < e.width(); ++column) vectors.back().columns.push_back(column);
  }
  std::size_t count = vectors.size();
  // Neighbours by `group` rows are interleaved; results take the places of both.
  for (std::size_t group = 1; group < count; group *= 2)
    for (std::size_t first = 0; first < count; first += 2 * group)
      for (std::size_t k = first; k < first + group; ++k) {
        Interleaved a = vectors[k], b = vectors[k + group];
        vectors[k] = interleave(e, a, b, static_cast<int>(group), lane, false);
        vectors[k + group] = interleave(e, a, b, static_cast<int>(group), lane, true);
      }
  for (const Interleaved& vector : vectors)
    for (std::size_t first = 0; first < vector.columns.size(); first += count) {
      std::vector<int> piece;
      for (std::size_t k = 0; k < count; ++k) piece.push_back(static_cast<int>(first + k));
      Value* at = e.b.CreateGEP(e.stored(dtype), to, e.i64(vector.columns[first] * pitch));
      e.b.CreateAlignedStore(e.b.CreateShuffleVector(vector.value, piece), at,
                             llvm::Align(size_of(dtype)));
    }
}

}  // namespace weft::codegen::cpu
