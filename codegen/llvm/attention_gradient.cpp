// The gradients of attention (ir/attention.h) in one kernel. Scores and the values' part of their
// cotangents are computed once, for all keys of a group of queries; lanes are queries but where
// sums go over these, for the gradients of keys and values, which wait in scratch until a chunk of
// queries is done.
//
//   for each part of a batch, for each of its chunks, for each of its groups of queries:
//     pack and turn queries (scaled) and cotangents
//     s = keys * queries, t = values * cotangents; softmax of s
//     for blocks of keys: p, w; then
//       values' sums += p * cotangents, keys' sums += w * queries, queries' sums += keys * w
#include "codegen/llvm/attention_parts.h"
#include "codegen/llvm/memory.h"
#include "codegen/llvm/nest.h"

namespace weft::codegen::cpu {
namespace {

class AttentionGradientEmitter : AttentionParts {
 public:
  explicit AttentionGradientEmitter(Emitter& e)
      : AttentionParts(e), of_q_(section_.wrt[0]), of_k_(section_.wrt[1]), of_v_(section_.wrt[2]) {
    factor_ = row("factor");
    mean_ = row("mean");
    int access = 4;
    if (of_q_) dq_.access = access++;
    if (of_k_) dk_.access = access++;
    if (of_v_) dv_.access = access;
  }

  void run() {
    divide_scratch();
    Value* chunk = e_.param(section_.chunk);
    Value* parts = e_.size(5);
    Value* chunks = ceil_div(smax(e_.size(1), e_.i64(1)), chunk);
    Value* chunks_of_part = ceil_div(chunks, parts);
    e_.loop({.name = "part", .first = e_.begin(), .limit = e_.end()}, [&](Value* unit) {
      batch_ = e_.b.CreateUDiv(unit, parts);
      part_ = e_.b.CreateURem(unit, parts);
      e_.loop({.name = "chunk", .first = e_.i64(0), .limit = chunks_of_part}, [&](Value* number) {
        Value* first = mul(add(mul(part_, chunks_of_part), number), chunk);
        run_chunk(first, smin(add(first, chunk), e_.size(1)), e_.b.CreateICmpEQ(number, e_.i64(0)));
      });
    });
  }

 private:
  static constexpr Rows q{0, 1, 3}, k{1, 2, 3}, v{2, 2, 4}, g{3, 1, 4};

  // As codegen/attention_scratch.h says.
  void divide_scratch() {
    depth_ = whole(e_.size(3));
    value_depth_ = whole(e_.size(4));
    Value* keys = whole(e_.size(2));
    queries_ = e_.scratch();
    query_rows_ = rows_at(queries_, depth_);
    cotangents_ = rows_at(query_rows_, depth_);
    cotangent_rows_ = rows_at(cotangents_, value_depth_);
    scores_ = rows_at(cotangent_rows_, value_depth_);
    moved_ = rows_at(scores_, keys);
    sums_ = rows_at(moved_, keys);
    key_sums_ = of_q_ ? rows_at(sums_, depth_) : sums_;
    key_elements_ = mul(keys, depth_);
    value_sums_ = of_k_ ? ahead(key_sums_, key_elements_) : key_sums_;
    value_elements_ = mul(keys, value_depth_);
  }

  void run_chunk(Value* first, Value* last, Value* begins) {
    if (of_k_) clear(key_sums_, key_elements_);
    if (of_v_) clear(value_sums_, value_elements_);
    e_.loop({.name = "group", .first = first, .limit = last, .step = group}, [&](Value* query) {
      first_ = query;
      run_group();
    });
    if (of_k_) add_chunk(key_sums_, depth_, dk_, begins);
    if (of_v_) add_chunk(value_sums_, value_depth_, dv_, begins);
  }

  /// result = (0 or result) + sums
  void add_chunk(Value* sums, Value* pitch, const Rows& to, Value* begins) {
    Value* depth = e_.size(to.columns);
    Value* of_part = mul(stride_of(to.access, 5), part_);
    e_.loop({.name = "add", .first = e_.i64(0), .limit = e_.size(2)}, [&](Value* key) {
      Value* from = ahead(sums, mul(key, pitch));
      Value* result = ahead(row_of(to, batch_, key), of_part);
      e_.loop({.name = "add.row", .first = e_.i64(0), .limit = depth, .step = e_.width()},
              [&](Value* d) {
                const Active active = e_.active(e_.b.CreateSub(depth, d));
                Value* at = ahead(result, d);
                Value* old = load_row(e_, dtype_, at, nullptr, active);
                old = e_.b.CreateSelect(begins, zero(), old);
                store_row(e_, dtype_, e_.b.CreateFAdd(old, load(from, d)), at, nullptr, active);
              });
    });
  }

  void run_group() {
    Value* count = smin(e_.b.CreateSub(e_.size(1), first_), e_.i64(group));
    Value* keys = e_.size(2);
    if (section_.causal) keys = smin(keys, add(first_, e_.i64(group)));
    pack_both(count);
    if (of_q_) clear(sums_, mul(depth_, e_.i64(group)));
    for_lanes([&](Value* lane) { find_softmax(keys, lane); });
    e_.loop({.name = "keys", .first = e_.i64(0), .limit = keys, .step = ir::attention_keys},
            [&](Value* key) {
              run_block(key, smin(e_.b.CreateSub(keys, key), e_.i64(ir::attention_keys)), count);
            });
    if (of_q_) unpack(sums_, query_rows_, scale(), dq_, batch_, first_, count);
  }

  void pack_both(Value* count) {
    const auto values = [](const Packing& p) {
      return Values{p.at, p.between_rows, p.columns, p.factor, p.rows, p.turned};
    };
    Value* one = llvm::ConstantFP::get(e_.element(dtype_), 1);
    for_both(values(packing(q, batch_, first_, scale(), query_rows_, queries_)),
             values(packing(g, batch_, first_, one, cotangent_rows_, cotangents_)),
             [&](const Values& p) {
               pack({p[0], p[1], p[2], p[3], p[4], p[5]}, count);
             });
  }

  bool moves() const { return of_q_ || of_k_; }

  /// exp(s - r) and t of all keys, 1 / l and u / l, for some lanes.
  void find_softmax(Value* keys, Value* lane) {
    const Values scores = row_product(k, queries_, lane, scores_);
    const auto multiply_rows = [&](const Values& x) {
      multiply({.lines = keys,
                .lines_at = x[0],
                .between_lines = x[1],
                .between_steps = e_.i64(1),
                .vectors_at = x[3],
                .between_vectors = e_.i64(group),
                .steps = x[2],
                .results = x[4],
                .between_results = e_.i64(group)});
    };
    if (moves())
      for_both(scores, row_product(v, cotangents_, lane, moved_), multiply_rows);
    else
      multiply_rows(scores);
    if (section_.causal) hide(scores_, e_.i64(0), keys, first_, lane);
    Values references;
    for (Value* m : largest(scores_, keys, lane, Values(vectors, lowest())))
      references.push_back(reference(m));
    const Values sums = e_.loop(
        {.name = "exp", .first = e_.i64(0), .limit = keys, .carried = Values(2 * vectors, zero())},
        [&](Value* j, const Values& now) { return exponentiate(j, lane, references, now); });
    Value* one = llvm::ConstantFP::get(e_.vector(dtype_), 1);
    for (int n = 0; n < vectors; ++n) {
      const auto at = static_cast<std::size_t>(2 * n);
      Value* factor = e_.b.CreateFDiv(one, sums[at]);
      store(factor, factor_, lane, n);
      store(e_.b.CreateFMul(sums[at + 1], factor), mean_, lane, n);
    }
  }

  /// Sums of x and of x * t in turns, vector by vector, with those of key j.
  Values exponentiate(Value* j, Value* lane, const Values& references, const Values& sums) {
    Values next;
    for (int n = 0; n < vectors; ++n) {
      Value* row = rows_at(scores_, j);
      Value* x = exp(e_.b.CreateFSub(load(row, lane, n), references[static_cast<std::size_t>(n)]));
      store(x, row, lane, n);
      const std::size_t at = next.size();
      next.push_back(e_.b.CreateFAdd(sums[at], x));
      next.push_back(moves() ? fma(x, load(rows_at(moved_, j), lane, n), sums[at + 1])
                             : sums[at + 1]);
    }
    return next;
  }

  /// Of to[j] = row j of the array * turned: rows, between them, their length, turned, to.
  Values row_product(const Rows& rows, Value* turned, Value* lane, Value* to) {
    return {row_of(rows, batch_, e_.i64(0)), stride_of(rows.access, rows.axis),
            e_.size(rows.columns), ahead(turned, lane), ahead(to, lane)};
  }

  // `count` queries and a block of keys.
  void run_block(Value* key, Value* block, Value* count) {
    Value *p = rows_at(scores_, key), *w = rows_at(moved_, key);
    for_lanes([&](Value* lane) { normalize(p, w, block, lane); });
    const Values for_values{p, cotangent_rows_, value_depth_,
                            ahead(value_sums_, mul(key, value_depth_))};
    const Values for_keys{w, query_rows_, depth_, ahead(key_sums_, mul(key, depth_))};
    const auto add_block = [&](const Values& x) {
      add_queries(x[0], block, count, x[1], x[2], x[3]);
    };
    if (of_v_ && of_k_)
      for_both(for_values, for_keys, add_block);
    else if (of_v_ || of_k_)
      add_block(of_v_ ? for_values : for_keys);
    if (of_q_)
      for_lanes([&](Value* lane) {
        multiply({.start = LaneProduct::Start::results,
                  .lines = e_.size(3),
                  .lines_at = row_of(k, batch_, key),
                  .between_lines = e_.i64(1),
                  .between_steps = stride_of(k.access, k.axis),
                  .vectors_at = ahead(w, lane),
                  .between_vectors = e_.i64(group),
                  .steps = block,
                  .results = ahead(sums_, lane),
                  .between_results = e_.i64(group)});
      });
  }

  void normalize(Value* p, Value* w, Value* block, Value* lane) {
    Values factors, means;
    for (int n = 0; n < vectors; ++n) {
      factors.push_back(load(factor_, lane, n));
      means.push_back(load(mean_, lane, n));
    }
    e_.loop({.name = "normalize", .first = e_.i64(0), .limit = block, .certain = true},
            [&](Value* j) {
              for (int n = 0; n < vectors; ++n) {
                const auto at = static_cast<std::size_t>(n);
                Value* row = rows_at(p, j);
                Value* probability = e_.b.CreateFMul(load(row, lane, n), factors[at]);
                store(probability, row, lane, n);
                if (!moves()) continue;
                Value* t = load(rows_at(w, j), lane, n);
                Value* moved = e_.b.CreateFMul(probability, e_.b.CreateFSub(t, means[at]));
                store(moved, rows_at(w, j), lane, n);
              }
            });
  }

  /// sums[j] += sum over queries i of weights[j, i] * rows[i], for a block of keys.
  void add_queries(Value* weights, Value* block, Value* count, Value* rows, Value* columns,
                   Value* sums) {
    for_columns(columns, [&](Value* column) {
      multiply({.start = LaneProduct::Start::results,
                .lines = block,
                .lines_at = weights,
                .between_lines = e_.i64(group),
                .between_steps = e_.i64(1),
                .whole_tiles = true,
                .vectors_at = ahead(rows, column),
                .between_vectors = columns,
                .steps = count,
                .results = ahead(sums, column),
                .between_results = columns});
    });
  }

  bool of_q_, of_k_, of_v_;
  Rows dq_{-1, 1, 3}, dk_{-1, 2, 3}, dv_{-1, 2, 4};
  Value *depth_ = nullptr, *value_depth_ = nullptr;  // whole tiles
  Value *key_elements_ = nullptr, *value_elements_ = nullptr;
  Value *queries_ = nullptr, *query_rows_ = nullptr;
  Value *cotangents_ = nullptr, *cotangent_rows_ = nullptr;
  Value *scores_ = nullptr, *moved_ = nullptr;  // [key]: s, exp(s - r), p; t, w
  Value *sums_ = nullptr, *key_sums_ = nullptr, *value_sums_ = nullptr;
  Value *factor_, *mean_;  // rows in the frame: 1 / l, u / l
  Value *batch_ = nullptr, *part_ = nullptr, *first_ = nullptr;
};

}  // namespace

void emit_attention_gradient(Emitter& e) { AttentionGradientEmitter(e).run(); }

}  // namespace weft::codegen::cpu
