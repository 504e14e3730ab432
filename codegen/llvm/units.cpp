// The outermost loop: units of a launch, each with the indices that it stands for.
#include "codegen/llvm/nest.h"

namespace weft::codegen::cpu {
namespace {

// The next index in row-major order.
std::vector<Value*> advance(Emitter& e, const std::vector<Value*>& index,
                            const std::vector<Value*>& sizes) {
  std::vector<Value*> next(index.size());
  Value* step = e.i64(1);
  for (std::size_t axis = index.size(); axis-- > 0;) {
    Value* more = e.b.CreateAdd(index[axis], step);
    if (axis == 0) {
      next[0] = more;
      break;
    }
    Value* wraps = e.b.CreateICmpEQ(more, sizes[axis]);
    next[axis] = e.b.CreateSelect(wraps, e.i64(0), more);
    step = e.b.CreateZExt(wraps, e.b.getInt64Ty());
  }
  return next;
}

}  // namespace

std::vector<Value*> decode_unit(Emitter& e, Value* unit, const std::vector<Value*>& sizes) {
  std::vector<Value*> index(sizes.size());
  for (std::size_t axis = sizes.size(); axis-- > 1;) {
    index[axis] = e.b.CreateURem(unit, sizes[axis]);
    unit = e.b.CreateUDiv(unit, sizes[axis]);
  }
  if (!sizes.empty()) index[0] = unit;
  return index;
}

void emit_units(Emitter& e, const std::vector<Value*>& sizes,
                const std::function<void(const std::vector<Value*>& index)>& body) {
  // Sizes may be 0 when there is no unit, and the decoding divides by them.
  e.if_then(e.b.CreateICmpSLT(e.begin(), e.end()), "units", [&] {
    std::vector<Value*> first = decode_unit(e, e.begin(), sizes);
    e.loop({"unit", e.begin(), e.end(), 1, first, {}, /*certain=*/true},
           [&](Value*, const Emitter::Values& index) -> Emitter::Values {
             body(index);
             return advance(e, index, sizes);
           });
  });
}

}  // namespace weft::codegen::cpu
