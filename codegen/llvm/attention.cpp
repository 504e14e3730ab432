// Attention with online softmax (ir/attention.h). Lanes are queries: scores, maxima, exponentials
// and sums of a group of queries go down the keys with no exchange between lanes, keys and values
// are read as they lie, one element for all lanes, and only queries and results are turned.
//
//   for each group of queries: turn and scale them
//     for blocks of keys, for some vectors of the group:
//       scores = keys * queries; their largest; exponentials and sums
//       sums of values = rescaled sums + values * exponentials
//     divide and turn back
#include "codegen/llvm/attention_parts.h"
#include "codegen/llvm/nest.h"

namespace weft::codegen::cpu {
namespace {

class AttentionEmitter : AttentionParts {
 public:
  explicit AttentionEmitter(Emitter& e) : AttentionParts(e) {
    largest_ = row("largest");
    total_ = row("total");
    rescale_ = row("rescale");
    reference_ = row("reference");
  }

  void run() {
    divide_scratch();
    Value* groups = ceil_div(e_.size(1), e_.i64(group));
    e_.loop({.name = "group", .first = e_.begin(), .limit = e_.end()}, [&](Value* unit) {
      batch_ = e_.b.CreateUDiv(unit, groups);
      first_ = mul(e_.b.CreateURem(unit, groups), e_.i64(group));
      run_group();
    });
  }

 private:
  static constexpr Rows q{0, 1, 3}, k{1, 2, 3}, v{2, 2, 4}, o{3, 1, 4};

  // As codegen/attention_scratch.h says.
  void divide_scratch() {
    queries_ = e_.scratch();
    sums_ = rows_at(queries_, whole(e_.size(3)));
    scores_ = rows_at(sums_, whole(e_.size(4)));
    rows_ = rows_at(scores_, e_.i64(ir::attention_keys));
  }

  void run_group() {
    Value* count = smin(e_.b.CreateSub(e_.size(1), first_), e_.i64(group));
    pack(packing(q, batch_, first_, scale(), rows_, queries_), count);
    for (std::int64_t at = 0; at < group; at += e_.width()) {
      store(lowest(), largest_, e_.i64(at));
      store(zero(), total_, e_.i64(at));
    }
    clear(sums_, mul(e_.size(4), e_.i64(group)));
    Value* keys = e_.size(2);
    if (section_.causal) keys = smin(keys, add(first_, e_.i64(group)));
    e_.loop({.name = "keys", .first = e_.i64(0), .limit = keys, .step = ir::attention_keys},
            [&](Value* key) {
              Value* block = smin(e_.b.CreateSub(keys, key), e_.i64(ir::attention_keys));
              for_lanes([&](Value* lane) { run_block(key, block, lane); });
            });
    divide(e_.b.CreateICmpEQ(keys, e_.i64(0)));
    unpack(sums_, rows_, nullptr, o, batch_, first_, count);
  }

  // Some lanes, for one block of keys.
  void run_block(Value* key, Value* count, Value* lane) {
    multiply({.lines = count,
              .lines_at = row_of(k, batch_, key),
              .between_lines = stride_of(k.access, k.axis),
              .between_steps = e_.i64(1),
              .vectors_at = ahead(queries_, lane),
              .between_vectors = e_.i64(group),
              .steps = e_.size(3),
              .results = ahead(scores_, lane),
              .between_results = e_.i64(group)});
    if (section_.causal) hide(scores_, key, count, first_, lane);
    find_largest(count, lane);
    exponentiate(count, lane);
    Values rescale;
    for (int n = 0; n < vectors; ++n) rescale.push_back(load(rescale_, lane, n));
    multiply({.start = LaneProduct::Start::results,
              .lines = e_.size(4),
              .lines_at = row_of(v, batch_, key),
              .between_lines = e_.i64(1),
              .between_steps = stride_of(v.access, v.axis),
              .vectors_at = ahead(scores_, lane),
              .between_vectors = e_.i64(group),
              .steps = count,
              .results = ahead(sums_, lane),
              .between_results = e_.i64(group),
              .factors = rescale});
  }

  void find_largest(Value* count, Value* lane) {
    Values old;
    for (int n = 0; n < vectors; ++n) old.push_back(load(largest_, lane, n));
    const Values now = largest(scores_, count, lane, old);
    for (int n = 0; n < vectors; ++n) {
      const auto at = static_cast<std::size_t>(n);
      Value* compared = reference(now[at]);
      store(now[at], largest_, lane, n);
      store(compared, reference_, lane, n);
      store(exp(e_.b.CreateFSub(old[at], compared)), rescale_, lane, n);
    }
  }

  void exponentiate(Value* count, Value* lane) {
    Values reference;
    for (int n = 0; n < vectors; ++n) reference.push_back(load(reference_, lane, n));
    const Values zeros(vectors, zero());
    const Values totals = e_.loop(
        {.name = "exp", .first = e_.i64(0), .limit = count, .carried = zeros, .certain = true},
        [&](Value* j, const Values& now) {
          Value* row = rows_at(scores_, j);
          Values next;
          for (int n = 0; n < vectors; ++n) {
            const auto at = static_cast<std::size_t>(n);
            Value* p = exp(e_.b.CreateFSub(load(row, lane, n), reference[at]));
            store(p, row, lane, n);
            next.push_back(e_.b.CreateFAdd(now[at], p));
          }
          return next;
        });
    for (int n = 0; n < vectors; ++n) {
      Value* total = load(total_, lane, n);
      store(fma(total, load(rescale_, lane, n), totals[static_cast<std::size_t>(n)]), total_, lane,
            n);
    }
  }

  void divide(Value* no_keys) {
    Values totals;
    Value* one = llvm::ConstantFP::get(e_.vector(dtype_), 1);
    for (std::int64_t at = 0; at < group; at += e_.width())
      totals.push_back(e_.b.CreateSelect(no_keys, one, load(total_, e_.i64(at))));
    e_.loop({.name = "divide", .first = e_.i64(0), .limit = e_.size(4)}, [&](Value* column) {
      Value* sums = rows_at(sums_, column);
      for (std::size_t n = 0; n < totals.size(); ++n) {
        const int at = static_cast<int>(n);
        store(e_.b.CreateFDiv(load(sums, e_.i64(0), at), totals[n]), sums, e_.i64(0), at);
      }
    });
  }

  Value *queries_ = nullptr, *sums_ = nullptr, *scores_ = nullptr, *rows_ = nullptr;  // scratch
  Value *largest_, *total_, *rescale_, *reference_;  // rows in the frame
  Value *batch_ = nullptr, *first_ = nullptr;
};

}  // namespace

void emit_attention(Emitter& e) { AttentionEmitter(e).run(); }

}  // namespace weft::codegen::cpu
