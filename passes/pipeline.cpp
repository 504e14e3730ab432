// The passes in their order, and the runner that times and verifies them.
#include "passes/pipeline.h"

#include <algorithm>
#include <array>
#include <chrono>

#include "passes/inline_fused.h"

namespace weft::passes {
namespace {

using namespace ir;

Graph open_groups(const Graph& graph) {
  return has_fused(graph) ? inline_fused(graph).graph : graph;
}

constexpr Pass inline_fused_pass{"inline_fused", open_groups,
                                 "open the groups that a text brought"};
constexpr Pass dce_pass{"dce", dce, "drop nodes that no result depends on"};
constexpr Pass cse_pass{"cse", cse, "make equal subgraphs one node"};
constexpr Pass fold_pass{"fold", fold, "compute what depends on constants alone"};
constexpr Pass simplify_pass{"simplify", simplify, "apply algebra that keeps every bit"};
constexpr Pass expand_pass{"expand", expand, "write operations without kernels in core ones"};
constexpr Pass expand_all_pass{"expand_all", expand_all,
                               "write every operation that can be in core ones"};
constexpr Pass canonicalize_dots_pass{"canonicalize_dots", canonicalize_dots,
                                      "bring products into the form [B,M,K] x [B,K,N]"};
constexpr Pass split_reductions_pass{"split_reductions", split_reductions,
                                     "make each stage of a reduction a node"};
constexpr Pass split_concatenations_pass{"split_concatenations", split_concatenations,
                                         "join many parts in groups"};
constexpr Pass fuse_pass{"fuse", fuse, "group nodes that share a kernel"};

constexpr std::array passes{inline_fused_pass,
                            dce_pass,
                            cse_pass,
                            fold_pass,
                            simplify_pass,
                            expand_pass,
                            expand_all_pass,
                            canonicalize_dots_pass,
                            split_reductions_pass,
                            split_concatenations_pass,
                            fuse_pass};

std::string names_of_all() {
  std::string names;
  for (const Pass& pass : passes) names += (names.empty() ? "" : ", ") + std::string(pass.name);
  return names;
}

const Pass& pass_named(std::string_view name) {
  for (const Pass& pass : passes)
    if (pass.name == name) return pass;
  throw Error("passes: expected names out of " + names_of_all() + ", got '" + std::string(name) +
              "'");
}

/// What a pass made must obey the rules; if not, the pass is broken, not the user's graph.
void verify_after([[maybe_unused]] const Pass& pass, [[maybe_unused]] const Graph& graph) {
#ifndef NDEBUG
  try {
    verify(graph);
  } catch (const Error& error) {
    throw InternalError("pass " + std::string(pass.name) + " broke the graph: " + error.what());
  }
#endif
}

}  // namespace

std::span<const Pass> all_passes() { return passes; }

std::vector<Pass> default_pipeline(bool fuse, Kernels kernels) {
  std::vector<Pass> list{
      inline_fused_pass,  // what is fused is decided anew
      simplify_pass,      // with cse and dce, as it builds anew what is live
      fold_pass,          // what simplify has laid bare
      // Before reductions are split: it makes some.
      kernels == Kernels::all ? expand_pass : expand_all_pass,
      canonicalize_dots_pass,     // the form that kernels know
      split_reductions_pass,      // likewise
      simplify_pass,              // joins the views that the last two made
      split_concatenations_pass,  // last: simplify would join them again
  };
  if (fuse) list.push_back(fuse_pass);
  return list;
}

std::vector<Pass> passes_by_name(std::string_view comma_separated) {
  std::vector<Pass> list;
  while (!comma_separated.empty()) {
    const std::size_t end = std::min(comma_separated.find(','), comma_separated.size());
    list.push_back(pass_named(comma_separated.substr(0, end)));
    comma_separated.remove_prefix(std::min(end + 1, comma_separated.size()));
  }
  return list;
}

Graph run_passes(const Graph& graph, std::span<const Pass> list, const PipelineOptions& options,
                 std::vector<PassReport>* reports) {
  Graph made;
  const Graph* current = &graph;
  for (const Pass& pass : list) {
    const auto start = std::chrono::steady_clock::now();
    Graph next = pass.run(*current);
    const std::chrono::duration<double, std::milli> time = std::chrono::steady_clock::now() - start;
    verify_after(pass, next);
    if (reports) reports->push_back({pass.name, time.count(), current->size(), next.size()});
    if (options.on_change && !next.structurally_equal(*current))
      options.on_change(pass, *current, next);
    made = std::move(next);
    current = &made;
  }
  return list.empty() ? graph : made;
}

}  // namespace weft::passes
