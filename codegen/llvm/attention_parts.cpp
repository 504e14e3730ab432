#include "codegen/llvm/attention_parts.h"

#include "codegen/llvm/memory.h"
#include "codegen/llvm/scalar.h"
#include "codegen/llvm/turn.h"
#include "ir/scalar_math.h"
#include "llvm/IR/Intrinsics.h"

namespace weft::codegen::cpu {

AttentionParts::AttentionParts(Emitter& e)
    : e_(e), section_(e.kernel.sections.front()), dtype_(section_.dtype) {
  const int bits = e.width() * static_cast<int>(size_of(dtype_)) * 8;
  const int registers = std::max(1, bits / e.target.vector_bits);  // per vector
  // 16 of 32, or 8 of 16 registers hold sums: as many as latency asks for, and groups and blocks
  // are whole multiples.
  lines_ = std::max(1, (e.target.registers >= 32 ? 8 : 4) / registers);
  ir::ScalarBuilder b;
  exp_ = b.take(ir::math::exp(b, b.param(0, dtype_)));
}

void AttentionParts::for_both(const Values& a, const Values& b,
                              const std::function<void(const Values&)>& body) {
  e_.loop({.name = "both", .first = e_.i64(0), .limit = e_.i64(2), .certain = true},
          [&](Value* turn) {
            Value* first = e_.b.CreateICmpEQ(turn, e_.i64(0));
            Values chosen;
            for (std::size_t k = 0; k < a.size(); ++k)
              chosen.push_back(e_.b.CreateSelect(first, a[k], b[k]));
            body(chosen);
          });
}

void AttentionParts::for_lanes(const std::function<void(Value* lane)>& body) {
  e_.loop({.name = "lanes",
           .first = e_.i64(0),
           .limit = e_.i64(group),
           .step = vectors * e_.width(),
           .certain = true},
          body);
}

void AttentionParts::for_columns(Value* count, const std::function<void(Value* column)>& body) {
  e_.loop({.name = "columns", .first = e_.i64(0), .limit = count, .step = vectors * e_.width()},
          body);
}

void AttentionParts::multiply(const LaneProduct& product) {
  e_.loop({.name = "tile", .first = e_.i64(0), .limit = product.lines, .step = lines_},
          [&](Value* line) {
            Value* results = ahead(product.results, mul(line, product.between_results));
            Values rows, start;
            for (int k = 0; k < lines_; ++k) {
              rows.push_back(ahead(results, mul(product.between_results, e_.i64(k))));
              for (int v = 0; v < vectors; ++v) {
                if (product.start == LaneProduct::Start::zero) {
                  start.push_back(zero());
                  continue;
                }
                Value* old = load(rows.back(), e_.i64(0), v);
                const auto factor = static_cast<std::size_t>(v);
                start.push_back(
                    product.factors.empty() ? old : e_.b.CreateFMul(old, product.factors[factor]));
              }
            }
            const Values sums = sum(product, line, start);
            auto next = sums.begin();
            for (Value* at : rows)
              for (int v = 0; v < vectors; ++v) store(*next++, at, e_.i64(0), v);
          });
}

AttentionParts::Values AttentionParts::sum(const LaneProduct& p, Value* line, const Values& start) {
  Values lines;
  Value* last = e_.b.CreateSub(p.lines, e_.i64(1));
  Value* first_line = ahead(p.lines_at, mul(line, p.between_lines));
  for (int k = 0; k < lines_; ++k) {
    if (p.whole_tiles)
      lines.push_back(ahead(first_line, mul(p.between_lines, e_.i64(k))));
    else
      lines.push_back(ahead(p.lines_at, mul(p.between_lines, smin(add(line, e_.i64(k)), last))));
  }
  Values carried{p.vectors_at, e_.i64(0)};
  carried.insert(carried.end(), start.begin(), start.end());
  const Values end =
      e_.loop({.name = "sum", .first = e_.i64(0), .limit = p.steps, .carried = carried},
              [&](Value*, const Values& now) {
                Values row, next{ahead(now[0], p.between_vectors), add(now[1], p.between_steps)};
                for (int v = 0; v < vectors; ++v) row.push_back(load(now[0], e_.i64(0), v));
                for (Value* at : lines) {
                  Value* element =
                      e_.b.CreateAlignedLoad(e_.element(dtype_), ahead(at, now[1]), alignment());
                  Value* x = e_.splat(element);
                  for (Value* y : row) next.push_back(fma(x, y, now[next.size()]));
                }
                return next;
              });
  return {end.begin() + 2, end.end()};
}

void AttentionParts::hide(Value* scores, Value* key, Value* count, Value* first_query,
                          Value* lane) {
  Value* query = add(first_query, lane);
  Value* seen = smax(e_.b.CreateSub(query, key), e_.i64(0));  // by every lane
  e_.loop({.name = "hide", .first = seen, .limit = count}, [&](Value* j) {
    Value* row = rows_at(scores, j);
    for (int v = 0; v < vectors; ++v) {
      Value* after = e_.b.CreateSub(add(key, j), add(query, e_.i64(v * e_.width())));
      Value* hidden =
          e_.b.CreateICmpSLT(e_.iota(32), e_.splat(e_.b.CreateTrunc(after, e_.b.getInt32Ty())));
      store(e_.b.CreateSelect(hidden, lowest(), load(row, lane, v)), row, lane, v);
    }
  });
}

AttentionParts::Values AttentionParts::largest(Value* scores, Value* count, Value* lane,
                                               const Values& start) {
  return e_.loop({.name = "largest", .first = e_.i64(0), .limit = count, .carried = start},
                 [&](Value* j, const Values& now) {
                   Values next;
                   for (int v = 0; v < vectors; ++v) {
                     Value* s = load(rows_at(scores, j), lane, v);
                     Value* best = now[static_cast<std::size_t>(v)];
                     next.push_back(e_.b.CreateSelect(e_.b.CreateFCmpOGT(s, best), s, best));
                   }
                   return next;
                 });
}

Value* AttentionParts::reference(Value* largest) {
  return e_.b.CreateSelect(e_.b.CreateFCmpOEQ(largest, lowest()), zero(), largest);
}

Value* AttentionParts::exp(Value* x) {
  Values made;
  for (const ir::ScalarInst& inst : exp_.insts) {
    if (inst.op == ir::ScalarOp::param) {
      made.push_back(x);
      continue;
    }
    if (inst.op == ir::ScalarOp::constant) {
      made.push_back(e_.splat(e_.constant(inst.dtype, inst.bits)));
      continue;
    }
    Values args;
    for (std::int32_t arg : inst.args)
      if (arg >= 0) args.push_back(made[static_cast<std::size_t>(arg)]);
    const DType operand = exp_.insts[static_cast<std::size_t>(inst.args[0])].dtype;
    made.push_back(emit_scalar(e_, inst.op, inst.dtype, operand, args));
  }
  return made[static_cast<std::size_t>(exp_.result)];
}

AttentionParts::Packing AttentionParts::packing(const Rows& from, Value* batch, Value* first,
                                                Value* factor, Value* rows, Value* turned) {
  return {row_of(from, batch, first),
          stride_of(from.access, from.axis),
          e_.size(from.columns),
          factor,
          rows,
          turned};
}

void AttentionParts::pack(const Packing& p, Value* count) {
  Value* depth = p.columns;
  Value* pitch = whole(depth);
  Value* last = e_.b.CreateSub(count, e_.i64(1));
  e_.loop({.name = "pack", .first = e_.i64(0), .limit = e_.i64(group), .certain = true},
          [&](Value* i) {
            Value* source = ahead(p.at, mul(smin(i, last), p.between_rows));
            Value* target = ahead(p.rows, mul(i, pitch));
            e_.loop({.name = "pack.row", .first = e_.i64(0), .limit = depth, .step = e_.width()},
                    [&](Value* d) {
                      const Active active = e_.active(e_.b.CreateSub(depth, d));
                      Value* x = load_row(e_, dtype_, ahead(source, d), nullptr, active);
                      store(e_.b.CreateFMul(x, e_.splat(p.factor)), target, d);
                    });
          });
  const int taken = rows_per_turn(dtype_);
  e_.loop(
      {.name = "turn", .first = e_.i64(0), .limit = e_.i64(group), .step = taken, .certain = true},
      [&](Value* i) {
        e_.loop({.name = "turn.row", .first = e_.i64(0), .limit = depth, .step = e_.width()},
                [&](Value* d) {
                  Values all;
                  for (int k = 0; k < taken; ++k)
                    all.push_back(load(p.rows, add(d, mul(pitch, add(i, e_.i64(k))))));
                  turn_rows(e_, dtype_, all, ahead(rows_at(p.turned, d), i), group);
                });
      });
}

void AttentionParts::unpack(Value* turned, Value* rows, Value* factor, const Rows& to, Value* batch,
                            Value* first, Value* count) {
  Value* depth = e_.size(to.columns);
  const int taken = rows_per_turn(dtype_);
  static_assert(attention_tile == group);
  e_.loop({.name = "unpack", .first = e_.i64(0), .limit = depth, .step = attention_tile},
          [&](Value* column) {
            e_.loop({.name = "unturn",
                     .first = e_.i64(0),
                     .limit = e_.i64(attention_tile),
                     .step = taken,
                     .certain = true},
                    [&](Value* d) {
                      e_.loop({.name = "unturn.lanes",
                               .first = e_.i64(0),
                               .limit = e_.i64(group),
                               .step = e_.width(),
                               .certain = true},
                              [&](Value* lane) {
                                Values all;
                                for (int k = 0; k < taken; ++k)
                                  all.push_back(
                                      load(rows_at(turned, add(column, add(d, e_.i64(k)))), lane));
                                turn_rows(e_, dtype_, all, ahead(rows_at(rows, lane), d), group);
                              });
                    });
            e_.loop({.name = "unpack.row", .first = e_.i64(0), .limit = count}, [&](Value* i) {
              Value* source = rows_at(rows, i);
              Value* target = ahead(row_of(to, batch, add(first, i)), column);
              for (std::int64_t d = 0; d < attention_tile; d += e_.width()) {
                const Active active = e_.active(e_.b.CreateSub(depth, add(column, e_.i64(d))));
                Value* x = load(source, e_.i64(d));
                if (factor) x = e_.b.CreateFMul(x, e_.splat(factor));
                store_row(e_, dtype_, x, ahead(target, e_.i64(d)), nullptr, active);
              }
            });
          });
}

void AttentionParts::clear(Value* at, Value* elements) {
  e_.loop({.name = "clear", .first = e_.i64(0), .limit = elements, .step = e_.width()},
          [&](Value* n) { store(zero(), at, n); });
}

Value* AttentionParts::row_of(const Rows& rows, Value* batch, Value* index) {
  Value* offset = mul(stride_of(rows.access, 0), batch);
  return ahead(e_.pointer(rows.access), add(offset, mul(stride_of(rows.access, rows.axis), index)));
}

Value* AttentionParts::row(const char* name) {
  return e_.stack(llvm::ArrayType::get(e_.element(dtype_), group), name);
}

Value* AttentionParts::whole(Value* size) {
  return e_.b.CreateAnd(add(size, e_.i64(attention_tile - 1)), e_.i64(-attention_tile));
}

Value* AttentionParts::load(Value* at, Value* lane, int v) {
  return e_.b.CreateAlignedLoad(e_.vector(dtype_), ahead(ahead(at, lane), e_.i64(v * e_.width())),
                                alignment());
}
void AttentionParts::store(Value* x, Value* at, Value* lane, int v) {
  e_.b.CreateAlignedStore(x, ahead(ahead(at, lane), e_.i64(v * e_.width())), alignment());
}

Value* AttentionParts::scale() {
  Value* bits = e_.b.CreateBitCast(e_.param(section_.scale), e_.b.getDoubleTy());
  return dtype_ == DType::f32 ? e_.b.CreateFPTrunc(bits, e_.element(dtype_)) : bits;
}

Value* AttentionParts::fma(Value* x, Value* y, Value* sum) {
  return e_.b.CreateIntrinsic(llvm::Intrinsic::fma, {x->getType()}, {x, y, sum});
}
Value* AttentionParts::smin(Value* a, Value* b) {
  return e_.b.CreateBinaryIntrinsic(llvm::Intrinsic::smin, a, b);
}
Value* AttentionParts::smax(Value* a, Value* b) {
  return e_.b.CreateBinaryIntrinsic(llvm::Intrinsic::smax, a, b);
}
Value* AttentionParts::ceil_div(Value* a, Value* b) {
  return e_.b.CreateUDiv(add(a, e_.b.CreateSub(b, e_.i64(1))), b);
}

}  // namespace weft::codegen::cpu
