// Attention with online softmax (ir/attention.h). Lanes are queries: scores, maxima, exponentials
// and sums of a group of queries go down the keys with no exchange between lanes, keys and values
// are read as they lie, one element for all lanes, and only queries and results are turned.
//
//   for each group of queries: turn and scale them
//     for blocks of keys, for some vectors of the group:
//       scores = keys * queries; their largest; exponentials and sums
//       sums of values = rescaled sums + values * exponentials
//     divide and turn back
#include "ir/attention.h"
#include "codegen/attention_scratch.h"
#include "codegen/llvm/nest.h"
#include "codegen/llvm/scalar.h"
#include "ir/scalar_math.h"
#include "llvm/IR/Intrinsics.h"

namespace weft::codegen::cpu {
namespace {

using Values = Emitter::Values;
constexpr std::int64_t group = ir::attention_queries;

/// What one register tile sums: elements of `lines` rows, each for all lanes, times vectors.
struct Sum {
  int lines;
  Value* lines_at;       // element of line 0 at step 0
  Value* between_lines;  // elements
  Value* between_steps;  // elements
  Value* vectors_at;     // at step 0; a step is `group` elements
  Value* steps;
};

class AttentionEmitter {
 public:
  explicit AttentionEmitter(Emitter& e)
      : e_(e), section_(e.kernel.sections.front()), dtype_(section_.dtype) {
    const int bits = e.width() * static_cast<int>(size_of(dtype_)) * 8;
    const int registers = std::max(1, bits / e.target.vector_bits);  // per vector
    // 16 of 32, or 8 of 16 registers hold sums: as many as latency asks for, and the blocks of keys
    // are whole multiples.
    lines_ = std::max(1, (e.target.registers >= 32 ? 8 : 4) / registers);
    ir::ScalarBuilder b;
    exp_ = b.take(ir::math::exp(b, b.param(0, dtype_)));
    largest_ = row("largest");
    total_ = row("total");
    rescale_ = row("rescale");
    reference_ = row("reference");
  }

  void run() {
    divide_scratch();
    Value* groups = e_.b.CreateUDiv(add(e_.size(1), e_.i64(group - 1)), e_.i64(group));
    e_.loop({.name = "group", .first = e_.begin(), .limit = e_.end()}, [&](Value* unit) {
      batch_ = e_.b.CreateUDiv(unit, groups);
      first_ = mul(e_.b.CreateURem(unit, groups), e_.i64(group));
      run_group();
    });
  }

 private:
  // As codegen/attention_scratch.h says.
  void divide_scratch() {
    queries_ = e_.scratch();
    sums_ = ahead(queries_, mul(e_.size(3), e_.i64(group)));
    scores_ = ahead(sums_, mul(e_.size(4), e_.i64(group)));
  }

  void run_group() {
    turn_queries();
    llvm::Constant* zero = llvm::Constant::getNullValue(e_.vector(dtype_));
    for (std::int64_t at = 0; at < group; at += e_.width()) {
      store(llvm::ConstantFP::getInfinity(e_.vector(dtype_), /*Negative=*/true), largest_, at);
      store(zero, total_, at);
    }
    e_.loop({.name = "clear",
             .first = e_.i64(0),
             .limit = mul(e_.size(4), e_.i64(group)),
             .step = e_.width()},
            [&](Value* at) { e_.b.CreateAlignedStore(zero, ahead(sums_, at), alignment()); });
    Value* keys = e_.size(2);
    if (section_.causal) keys = smin(keys, add(first_, e_.i64(group)));
    e_.loop({.name = "keys", .first = e_.i64(0), .limit = keys, .step = ir::attention_keys},
            [&](Value* key) {
              Value* count = smin(e_.b.CreateSub(keys, key), e_.i64(ir::attention_keys));
              e_.loop({.name = "vectors",
                       .first = e_.i64(0),
                       .limit = e_.i64(group),
                       .step = vectors * e_.width(),
                       .certain = true},
                      [&](Value* lane) { run_block(key, count, lane); });
            });
    divide(e_.b.CreateICmpEQ(keys, e_.i64(0)));
    turn_results();
  }

  // The lanes of one turn of the loop over vectors, for one block of keys.
  void run_block(Value* key, Value* count, Value* lane) {
    find_scores(key, count, lane);
    if (section_.causal) mask(key, count, lane);
    find_largest(count, lane);
    exponentiate(count, lane);
    add_values(key, count, lane);
  }

  void find_scores(Value* key, Value* count, Value* lane) {
    Value* keys = row_of(1, 2, key);
    Value* stride = stride_of(1, 2);
    for_lines(count, [&](Value* j, int lines) {
      Values zeros(static_cast<std::size_t>(lines * vectors),
                   llvm::Constant::getNullValue(e_.vector(dtype_)));
      Values sums = sum({lines, ahead(keys, mul(j, stride)), stride, e_.i64(1),
                         ahead(queries_, lane), e_.size(3)},
                        zeros);
      for_tile(lines, [&](int line, int v, std::size_t k) {
        store(sums[k], ahead(scores_, mul(add(j, e_.i64(line)), e_.i64(group))), lane, v);
      });
    });
  }

  // -inf where the query comes before the key; blocks far from the diagonal have none.
  void mask(Value* key, Value* count, Value* lane) {
    Value* last = add(key, count);
    e_.if_then(e_.b.CreateICmpSGT(last, add(first_, lane)), "mask", [&] {
      e_.loop({.name = "mask.keys", .first = e_.i64(0), .limit = count}, [&](Value* j) {
        for (int v = 0; v < vectors; ++v) {
          Value* query = add(add(first_, lane), e_.i64(v * e_.width()));
          Value* behind = e_.b.CreateTrunc(e_.b.CreateSub(add(key, j), query), e_.b.getInt32Ty());
          Value* hidden = e_.b.CreateICmpSLT(e_.iota(32), e_.splat(behind));
          Value* row = ahead(scores_, mul(j, e_.i64(group)));
          Value* infinity = llvm::ConstantFP::getInfinity(e_.vector(dtype_), /*Negative=*/true);
          store(e_.b.CreateSelect(hidden, infinity, load(row, lane, v)), row, lane, v);
        }
      });
    });
  }

  void find_largest(Value* count, Value* lane) {
    Values old;
    for (int v = 0; v < vectors; ++v) old.push_back(load(largest_, lane, v));
    Values largest = e_.loop(
        {.name = "largest", .first = e_.i64(0), .limit = count, .carried = old, .certain = true},
        [&](Value* j, const Values& now) {
          Values next;
          for (int v = 0; v < vectors; ++v) {
            Value* s = load(ahead(scores_, mul(j, e_.i64(group))), lane, v);
            Value* best = now[static_cast<std::size_t>(v)];
            next.push_back(e_.b.CreateSelect(e_.b.CreateFCmpOGT(s, best), s, best));
          }
          return next;
        });
    Value* zero = llvm::Constant::getNullValue(e_.vector(dtype_));
    Value* lowest = llvm::ConstantFP::getInfinity(e_.vector(dtype_), /*Negative=*/true);
    for (int v = 0; v < vectors; ++v) {
      const auto k = static_cast<std::size_t>(v);
      Value* none = e_.b.CreateFCmpOEQ(largest[k], lowest);
      Value* reference = e_.b.CreateSelect(none, zero, largest[k]);
      store(largest[k], largest_, lane, v);
      store(reference, reference_, lane, v);
      store(exp(e_.b.CreateFSub(old[k], reference)), rescale_, lane, v);
    }
  }

  void exponentiate(Value* count, Value* lane) {
    Values reference, zeros(vectors, llvm::Constant::getNullValue(e_.vector(dtype_)));
    for (int v = 0; v < vectors; ++v) reference.push_back(load(reference_, lane, v));
    Values totals = e_.loop(
        {.name = "exp", .first = e_.i64(0), .limit = count, .carried = zeros, .certain = true},
        [&](Value* j, const Values& now) {
          Value* row = ahead(scores_, mul(j, e_.i64(group)));
          Values next;
          for (int v = 0; v < vectors; ++v) {
            const auto k = static_cast<std::size_t>(v);
            Value* p = exp(e_.b.CreateFSub(load(row, lane, v), reference[k]));
            store(p, row, lane, v);
            next.push_back(e_.b.CreateFAdd(now[k], p));
          }
          return next;
        });
    for (int v = 0; v < vectors; ++v)
      store(
          fma(load(total_, lane, v), load(rescale_, lane, v), totals[static_cast<std::size_t>(v)]),
          total_, lane, v);
  }

  void add_values(Value* key, Value* count, Value* lane) {
    Value* values = row_of(2, 2, key);
    Value* stride = stride_of(2, 2);
    for_lines(e_.size(4), [&](Value* column, int lines) {
      Value* sums_at = ahead(sums_, mul(column, e_.i64(group)));
      Values old;
      for_tile(lines, [&](int line, int v, std::size_t) {
        Value* sum = load(ahead(sums_at, e_.i64(line * group)), lane, v);
        old.push_back(e_.b.CreateFMul(sum, load(rescale_, lane, v)));
      });
      Values sums =
          sum({lines, ahead(values, column), e_.i64(1), stride, ahead(scores_, lane), count}, old);
      for_tile(lines, [&](int line, int v, std::size_t k) {
        store(sums[k], ahead(sums_at, e_.i64(line * group)), lane, v);
      });
    });
  }

  /// start + the sum, by fma in order of steps; line by line, vector by vector.
  Values sum(const Sum& s, const Values& start) {
    Values lines;
    for (int line = 0; line < s.lines; ++line)
      lines.push_back(ahead(s.lines_at, mul(s.between_lines, e_.i64(line))));
    Values carried{s.vectors_at, e_.i64(0)};
    carried.insert(carried.end(), start.begin(), start.end());
    Values end =
        e_.loop({.name = "sum", .first = e_.i64(0), .limit = s.steps, .carried = carried},
                [&](Value*, const Values& now) {
                  Values row, next{ahead(now[0], e_.i64(group)), add(now[1], s.between_steps)};
                  for (int v = 0; v < vectors; ++v) row.push_back(load(now[0], e_.i64(0), v));
                  for (Value* line : lines) {
                    Value* element = e_.b.CreateAlignedLoad(e_.element(dtype_), ahead(line, now[1]),
                                                            alignment());
                    Value* x = e_.splat(element);
                    for (Value* y : row) next.push_back(fma(x, y, now[next.size()]));
                  }
                  return next;
                });
    return {end.begin() + 2, end.end()};
  }

  // queries_[d, i] = scale * q[first + i, d]; lanes beyond the last query repeat it.
  void turn_queries() {
    Value* bits = e_.b.CreateBitCast(e_.param(section_.scale), e_.b.getDoubleTy());
    Value* scale = dtype_ == DType::f32 ? e_.b.CreateFPTrunc(bits, e_.element(dtype_)) : bits;
    Value* last = e_.b.CreateSub(e_.size(1), e_.i64(1));
    e_.loop({.name = "queries", .first = e_.i64(0), .limit = e_.i64(group), .certain = true},
            [&](Value* i) {
              Value* from = row_of(0, 1, smin(add(first_, i), last));
              e_.loop({.name = "depth", .first = e_.i64(0), .limit = e_.size(3)}, [&](Value* d) {
                Value* q = e_.b.CreateAlignedLoad(e_.element(dtype_), ahead(from, d), alignment());
                Value* to = ahead(queries_, add(mul(d, e_.i64(group)), i));
                e_.b.CreateAlignedStore(e_.b.CreateFMul(q, scale), to, alignment());
              });
            });
  }

  void divide(Value* no_keys) {
    Values totals;
    Value* one = llvm::ConstantFP::get(e_.vector(dtype_), 1);
    for (std::int64_t at = 0; at < group; at += e_.width())
      totals.push_back(e_.b.CreateSelect(no_keys, one, load(total_, e_.i64(at), 0)));
    e_.loop({.name = "divide", .first = e_.i64(0), .limit = e_.size(4)}, [&](Value* column) {
      Value* sums = ahead(sums_, mul(column, e_.i64(group)));
      for (std::size_t v = 0; v < totals.size(); ++v) {
        const int at = static_cast<int>(v);
        store(e_.b.CreateFDiv(load(sums, e_.i64(0), at), totals[v]), sums, e_.i64(0), at);
      }
    });
  }

  void turn_results() {
    Value* rows = smin(e_.b.CreateSub(e_.size(1), first_), e_.i64(group));
    e_.loop({.name = "results", .first = e_.i64(0), .limit = rows, .certain = true}, [&](Value* i) {
      Value* to = row_of(3, 1, add(first_, i));
      e_.loop({.name = "columns", .first = e_.i64(0), .limit = e_.size(4)}, [&](Value* column) {
        Value* from = ahead(sums_, add(mul(column, e_.i64(group)), i));
        Value* x = e_.b.CreateAlignedLoad(e_.element(dtype_), from, alignment());
        e_.b.CreateAlignedStore(x, ahead(to, column), alignment());
      });
    });
  }

  /// body(first, lines): tiles of lines_, then single ones.
  void for_lines(Value* count, const std::function<void(Value*, int)>& body) {
    Value* whole = mul(e_.b.CreateUDiv(count, e_.i64(lines_)), e_.i64(lines_));
    e_.loop({.name = "tile", .first = e_.i64(0), .limit = whole, .step = lines_},
            [&](Value* line) { body(line, lines_); });
    e_.loop({.name = "line", .first = whole, .limit = count}, [&](Value* line) { body(line, 1); });
  }
  static void for_tile(int lines, const std::function<void(int, int, std::size_t)>& body) {
    std::size_t k = 0;
    for (int line = 0; line < lines; ++line)
      for (int v = 0; v < vectors; ++v) body(line, v, k++);
  }

  Value* exp(Value* x) {
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

  // Row `index` along `axis` of an access, at this batch index.
  Value* row_of(std::size_t access, std::size_t axis, Value* index) {
    Value* offset = mul(e_.coef(strides(access)[0]), batch_);
    Value* at = e_.pointer(static_cast<int>(access));
    return ahead(at, add(offset, mul(stride_of(access, axis), index)));
  }
  Value* stride_of(std::size_t access, std::size_t axis) { return e_.coef(strides(access)[axis]); }
  const std::vector<Coef>& strides(std::size_t access) const {
    return e_.kernel.accesses[access].strides;
  }

  // One value per query of the group.
  Value* row(const char* name) {
    return e_.stack(llvm::ArrayType::get(e_.element(dtype_), group), name);
  }
  Value* load(Value* row, Value* lane, int v) {
    return e_.b.CreateAlignedLoad(e_.vector(dtype_),
                                  ahead(ahead(row, lane), e_.i64(v * e_.width())), alignment());
  }
  void store(Value* x, Value* row, Value* lane, int v) {
    e_.b.CreateAlignedStore(x, ahead(ahead(row, lane), e_.i64(v * e_.width())), alignment());
  }
  void store(Value* x, Value* row, std::int64_t lane) { store(x, row, e_.i64(lane), 0); }

  Value* fma(Value* x, Value* y, Value* sum) {
    return e_.b.CreateIntrinsic(llvm::Intrinsic::fma, {x->getType()}, {x, y, sum});
  }
  Value* add(Value* a, Value* b) { return e_.b.CreateAdd(a, b); }
  Value* mul(Value* a, Value* b) { return e_.b.CreateMul(a, b); }
  Value* smin(Value* a, Value* b) {
    return e_.b.CreateBinaryIntrinsic(llvm::Intrinsic::smin, a, b);
  }
  Value* ahead(Value* at, Value* elements) {
    return e_.b.CreateInBoundsGEP(e_.element(dtype_), at, elements);
  }
  llvm::Align alignment() const { return llvm::Align(size_of(dtype_)); }

  static constexpr int vectors = 2;  // of a tile; a group is a multiple of them on every target

  Emitter& e_;
  const Section& section_;
  DType dtype_;
  int lines_;
  ir::ScalarProgram exp_;
  Value *queries_ = nullptr, *sums_ = nullptr, *scores_ = nullptr;  // in scratch
  Value *largest_, *total_, *rescale_, *reference_;                 // rows in the frame
  Value *batch_ = nullptr, *first_ = nullptr;
};

}  // namespace

void emit_attention(Emitter& e) { AttentionEmitter(e).run(); }

}  // namespace weft::codegen::cpu
