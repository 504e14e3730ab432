// Makes the stages of a reduction (ir/reduce_order.h) nodes of their own: afterwards each `reduce`
// has one axis, no longer than a chunk. Axes that a stage does not touch stay as they are. The
// chunks of cumulative operations likewise.
#include <algorithm>

#include "ir/builder.h"
#include "ir/reduce_order.h"
#include "passes/pipeline.h"
#include "passes/rebuild.h"
#include "passes/reduction_identity.h"

namespace weft::passes {
namespace {

using namespace ir;

struct Axis {
  std::int64_t size;
  bool reduced;
};

/// The value on the way, and which of its axes are still to be reduced.
struct Partial {
  Builder& b;
  const std::string& kind;
  Value value;
  std::vector<Axis> axes;
};

Shape shape_of(const std::vector<Axis>& axes) {
  Shape shape;
  for (const Axis& axis : axes) shape.push_back(axis.size);
  return shape;
}

/// Makes the run of reduced axes that ends before `end` and has n elements one axis; returns it.
std::size_t merge_run(Partial& p, std::size_t end, std::int64_t n) {
  std::size_t begin = end - 1;
  std::int64_t size = p.axes[begin].size;
  while (begin > 0 && p.axes[begin - 1].reduced && size < merge_below) size *= p.axes[--begin].size;
  if (size != n) throw InternalError("split_reductions: a stage does not fit the axes");
  if (begin + 1 != end) {
    p.axes.erase(p.axes.begin() + static_cast<std::ptrdiff_t>(begin) + 1,
                 p.axes.begin() + static_cast<std::ptrdiff_t>(end));
    p.axes[begin] = {n, true};
    p.value = p.b.reshape(p.value, shape_of(p.axes));
  }
  return begin;
}

/// Cuts the axis into chunks, the last one filled up with the identity: [.., chunks, chunk, ..].
void cut_into_chunks(Partial& p, std::size_t axis, const ReduceStage& stage) {
  const std::int64_t missing = stage.results() * stage.chunk - stage.n;
  if (missing > 0) {
    const Ints none(p.axes.size(), 0);
    Ints high = none;
    high[axis] = missing;
    const Value fill = p.b.constant(reduction_identity(p.kind, p.b.type(p.value).dtype));
    p.value =
        p.b.add_node(Op::pad, {p.value, fill}, {{"low", none}, {"high", high}, {"interior", none}});
  }
  p.axes[axis].size = stage.chunk;
  p.axes.insert(p.axes.begin() + static_cast<std::ptrdiff_t>(axis), {stage.results(), true});
  p.value = p.b.reshape(p.value, shape_of(p.axes));
}

void run_stage(Partial& p, const ReduceStage& stage) {
  std::size_t end = p.axes.size();
  while (!p.axes[end - 1].reduced) --end;
  std::size_t axis = merge_run(p, end, stage.n);
  if (stage.n > stage.chunk) cut_into_chunks(p, axis++, stage);
  p.value = p.b.reduce(p.value, p.kind, {static_cast<std::int64_t>(axis)});
  p.axes.erase(p.axes.begin() + static_cast<std::ptrdiff_t>(axis));
}

bool is_one_stage(const Shape& shape, const Ints& axes, const std::vector<ReduceStage>& stages) {
  return axes.size() == 1 && stages.size() == 1 && stages[0].n == shape[axes[0]] &&
         stages[0].n <= stages[0].chunk;
}

Value reduce_in_stages(Builder& b, Value x, const std::string& kind, const Ints& axes) {
  const Shape shape = b.type(x).shape;
  const std::vector<ReduceStage> stages = reduce_stages(shape, axes);
  if (is_one_stage(shape, axes, stages)) return b.reduce(x, kind, axes);

  // Axes of size 1 take no part in the order; where they hinder (reduced, or between two reduced
  // axes) they go.
  Partial p{b, kind, x, {}};
  Shape result;
  bool hindered = false;
  for (std::size_t k = 0; k < shape.size(); ++k) {
    const bool reduced =
        std::find(axes.begin(), axes.end(), static_cast<std::int64_t>(k)) != axes.end();
    if (!reduced) result.push_back(shape[k]);
    if (shape[k] == 1 && (reduced || axes.size() > 1))
      hindered = true;
    else
      p.axes.push_back({shape[k], reduced});
  }
  if (hindered) p.value = b.reshape(x, shape_of(p.axes));
  for (const ReduceStage& stage : stages) run_stage(p, stage);
  return b.reshape(p.value, result);
}

Value split_cumulative(Builder& b, Value x, const std::string& kind, std::int64_t axis,
                       bool reverse);

/// What stands before each of the chunks of x [outer, n, inner] that are taken one after another,
/// as [outer, chunks, inner].
Value totals_before(Builder& b, Value x, std::int64_t chunks, const std::string& kind,
                    bool reverse) {
  const Type type = b.type(x);
  const std::int64_t n = type.shape[1], whole = (chunks - 1) * cumulative_chunk;
  Ints start(3, 0), limit = to_ints(type.shape);
  if (reverse)
    start[1] = n - whole;
  else
    limit[1] = whole;
  const Value taken = b.slice(x, start, limit, Ints(3, 1));
  const Value cut = b.reshape(taken, {type.shape[0], chunks - 1, cumulative_chunk, type.shape[2]});
  const Value sums = reduce_in_stages(b, cut, kind, {2});
  const Value fill = b.constant(reduction_identity(kind, type.dtype));
  return b.add_node(Op::pad, {split_cumulative(b, sums, kind, 1, reverse), fill},
                    {{"low", Ints{0, reverse ? 0 : 1, 0}},
                     {"high", Ints{0, reverse ? 1 : 0, 0}},
                     {"interior", Ints(3, 0)}});
}

/// The axis in chunks, each done by itself and then combined with what stands before it.
Value split_cumulative(Builder& b, Value x, const std::string& kind, std::int64_t axis,
                       bool reverse) {
  const Type type = b.type(x);
  const std::int64_t n = type.shape[static_cast<std::size_t>(axis)];
  if (n <= cumulative_chunk || cumulative_in_order(kind))
    return b.cumulative(x, kind, axis, reverse);
  const std::int64_t chunks = (n + cumulative_chunk - 1) / cumulative_chunk;
  const std::int64_t missing = chunks * cumulative_chunk - n;
  const std::int64_t inner = row_major_strides(type.shape)[static_cast<std::size_t>(axis)];
  const std::int64_t outer = type.elements() / (n * inner);
  const Value line = b.reshape(x, {outer, n, inner});
  const Value before = totals_before(b, line, chunks, kind, reverse);

  const Value fill = b.constant(reduction_identity(kind, type.dtype));
  const Ints none(3, 0), low{0, reverse ? missing : 0, 0}, high{0, reverse ? 0 : missing, 0};
  const Value padded =
      b.add_node(Op::pad, {line, fill}, {{"low", low}, {"high", high}, {"interior", none}});
  const Shape cut{outer, chunks, cumulative_chunk, inner};
  const Value done = b.cumulative(b.reshape(padded, cut), kind, 2, reverse);
  const Value total = b.broadcast_in_dim(before, cut, {0, 1, 3});
  const Op combine = kind == "add"   ? Op::add
                     : kind == "mul" ? Op::mul
                     : kind == "max" ? Op::max
                                     : Op::min;
  const Value all = b.reshape(b.binary(combine, total, done), b.type(padded).shape);
  const Value taken = b.slice(all, low, {outer, low[1] + n, inner}, Ints(3, 1));
  return b.reshape(taken, type.shape);
}

}  // namespace

Graph split_reductions(const Graph& graph) {
  return rebuild_where(
      graph, [](Op op) { return op == Op::reduce || op == Op::cumulative; },
      [](Builder& b, const Node& node, std::span<const Value> operands) {
        const std::string& kind = node.attrs.string("kind");
        return node.op == Op::reduce
                   ? reduce_in_stages(b, operands[0], kind, node.attrs.ints("axes"))
                   : split_cumulative(b, operands[0], kind, node.attrs.integer("axis"),
                                      node.attrs.boolean("reverse"));
      });
}

}  // namespace weft::passes
