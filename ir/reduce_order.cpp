#include "ir/reduce_order.h"

#include <algorithm>

namespace weft::ir {

namespace {

struct Axis {
  std::int64_t size;
  bool reduced;
};

std::int64_t product(const std::vector<Axis>& axes, std::size_t begin, std::size_t end) {
  std::int64_t n = 1;
  for (std::size_t k = begin; k < end; ++k) n *= axes[k].size;
  return n;
}

/// Takes one stage off the innermost run of reduced axes.
ReduceStage take_stage(std::vector<Axis>& axes) {
  std::size_t end = axes.size();
  while (!axes[end - 1].reduced) --end;
  std::size_t begin = end - 1;
  std::int64_t n = axes[begin].size;
  while (begin > 0 && axes[begin - 1].reduced && n < merge_below) n *= axes[--begin].size;

  const std::int64_t inner = product(axes, end, axes.size());
  const ReduceStage stage{product(axes, 0, begin), n, inner,
                          inner == 1 ? along_chunk : across_chunk};
  axes.erase(axes.begin() + static_cast<std::ptrdiff_t>(begin),
             axes.begin() + static_cast<std::ptrdiff_t>(end));
  if (stage.results() > 1)
    axes.insert(axes.begin() + static_cast<std::ptrdiff_t>(begin), Axis{stage.results(), true});
  return stage;
}

}  // namespace

std::vector<ReduceStage> reduce_stages(const Shape& shape, const std::vector<std::int64_t>& axes) {
  std::vector<Axis> left;
  for (std::size_t k = 0; k < shape.size(); ++k) {
    const bool reduced =
        std::find(axes.begin(), axes.end(), static_cast<std::int64_t>(k)) != axes.end();
    if (shape[k] != 1) left.push_back({shape[k], reduced});
  }
  std::vector<ReduceStage> stages;
  const auto is_reduced = [](const Axis& a) { return a.reduced; };
  while (std::any_of(left.begin(), left.end(), is_reduced)) stages.push_back(take_stage(left));
  return stages;
}

}  // namespace weft::ir
