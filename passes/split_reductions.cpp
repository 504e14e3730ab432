// Makes the stages of a reduction (ir/reduce_order.h) nodes of their own: afterwards each `reduce`
// has one axis, no longer than a chunk. Axes that a stage does not touch stay as they are.
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

Value split(Builder& b, const Node& node, Value x) {
  const Shape shape = b.type(x).shape;
  const Ints& axes = node.attrs.ints("axes");
  const std::vector<ReduceStage> stages = reduce_stages(shape, axes);
  if (is_one_stage(shape, axes, stages)) return {};

  // Axes of size 1 take no part in the order; where they hinder (reduced, or between two reduced
  // axes) they go.
  Partial p{b, node.attrs.string("kind"), x, {}};
  bool hindered = false;
  for (std::size_t k = 0; k < shape.size(); ++k) {
    const bool reduced =
        std::find(axes.begin(), axes.end(), static_cast<std::int64_t>(k)) != axes.end();
    if (shape[k] == 1 && (reduced || axes.size() > 1))
      hindered = true;
    else
      p.axes.push_back({shape[k], reduced});
  }
  if (hindered) p.value = b.reshape(x, shape_of(p.axes));
  for (const ReduceStage& stage : stages) run_stage(p, stage);
  return b.reshape(p.value, node.types[0].shape);
}

}  // namespace

Graph split_reductions(const Graph& graph) {
  return rebuild_where(
      graph, [](Op op) { return op == Op::reduce; },
      [](Builder& b, const Node& node, std::span<const Value> operands) {
        return split(b, node, operands[0]);
      });
}

}  // namespace weft::passes
