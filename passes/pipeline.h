// The list of passes between a recorded graph and a fused one, and its runner.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ir/graph.h"

namespace weft::passes {

struct Pass {
  std::string_view name;
  ir::Graph (*run)(const ir::Graph&);
  std::string_view doc;
};

struct PassReport {
  std::string_view name;
  double ms;
  std::size_t nodes_before, nodes_after;
};

struct PipelineOptions {
  bool fuse = true;  // false: every operation is its own kernel
  /// Called after a pass that changed something.
  std::function<void(const Pass&, const ir::Graph& before, const ir::Graph& after)> on_change;
};

std::span<const Pass> all_passes();  // every pass that --passes knows

/// Which operations a backend has kernels for.
enum class Kernels : unsigned char { all, core };
std::vector<Pass> default_pipeline(bool fuse, Kernels kernels = Kernels::all);  // the readable list
/// Throws weft::Error naming an unknown pass and those that exist.
std::vector<Pass> passes_by_name(std::string_view comma_separated);
/// Verifies after each pass in debug builds (InternalError names the pass).
ir::Graph run_passes(const ir::Graph& graph, std::span<const Pass> passes,
                     const PipelineOptions& options = {},
                     std::vector<PassReport>* reports = nullptr);

// The passes. Each is pure.
ir::Graph dce(const ir::Graph&);
ir::Graph cse(const ir::Graph&);
ir::Graph fold(const ir::Graph&);                  // constants known now
ir::Graph simplify(const ir::Graph&);              // the rule table
ir::Graph expand(const ir::Graph&);                // argmax, argmin, ... into core operations
ir::Graph expand_all(const ir::Graph&);            // attention and its gradients, too
ir::Graph canonicalize_dots(const ir::Graph&);     // dot_general as [batch,m,k] x [batch,k,n]
ir::Graph split_reductions(const ir::Graph&);      // one `reduce` per stage of ir/reduce_order.h
ir::Graph split_concatenations(const ir::Graph&);  // few operands each
ir::Graph fuse(const ir::Graph&);                  // groups into `fused` nodes

}  // namespace weft::passes
