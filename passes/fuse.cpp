// Fusion: walks the graph from its results to its parameters and lets every node join the clusters
// that read it, where ir::GroupAnalysis finds one loop nest for them; then siblings that read the
// same large value merge. Each cluster becomes a `fused` node.
#include "passes/fuse.h"

#include <algorithm>
#include <array>
#include <queue>
#include <set>

#include "ir/builder.h"
#include "passes/clusters.h"
#include "passes/pipeline.h"

namespace weft::passes {

using ir::Kind;
using ir::Node;
using ir::Op;
using ir::Value;

namespace {

constexpr double recompute_weight = 8;  // dearer nodes are stored rather than computed twice
constexpr std::int64_t sibling_elements = 1024;  // a shared input of this size is worth merging for
constexpr int longest_chain = 8;                 // from a product to what is still its epilogue
constexpr int max_rounds = 3;                    // of forming groups anew

bool is_free(const ir::Graph& g, std::uint32_t id) {
  const Node& n = g.node(id);
  return ir::def(n.op).kind == Kind::view || n.op == Op::iota || n.op == Op::constant;
}

/// Parameters and dense constants are memory already.
bool is_memory(const Node& n) {
  return n.op == Op::parameter || (n.op == Op::constant && !n.attrs.literal("value").is_splat());
}

bool runs_alone(const Node& n) {
  const Kind kind = ir::def(n.op).kind;
  return kind == Kind::scatter || kind == Kind::control || n.types.size() != 1;
}

class Fuser {
 public:
  /// apart: nodes that are stored for their readers, whatever could be fused.
  Fuser(const ir::Graph& graph, const std::set<std::uint32_t>& apart,
        std::vector<FusionNote>* notes)
      : graph_(graph), apart_(apart), clusters_(graph), notes_(notes) {}

  void run() {
    const std::vector<bool> live = graph_.live();
    for (std::uint32_t id = static_cast<std::uint32_t>(graph_.size()); id-- > 0;) {
      if (live[id] && !is_memory(graph_.node(id))) place(id);
    }
    merge_siblings(live);
  }
  const Clusters& clusters() const { return clusters_; }

  /// Nodes that a finished cluster computes again and again, though they are dear.
  std::vector<std::uint32_t> repeated() const {
    std::vector<std::uint32_t> result;
    for (const Cluster& cluster : clusters_.all()) {
      if (cluster.gone || !cluster.fusible || cluster.nodes.size() == 1) continue;
      const std::vector<std::uint32_t>& again = cluster.nest->group().repeated;
      result.insert(result.end(), again.begin(), again.end());
    }
    return result;
  }

 private:
  void place(std::uint32_t id) {
    if (runs_alone(graph_.node(id))) {
      clusters_.add(id, false);
      return;
    }
    if (ir::def(graph_.node(id).op).kind == Kind::attention) return place_attention(id);
    std::vector<int> readers = clusters_.readers(id);
    if (apart_.count(id)) return place_apart(id, readers);
    if (is_free(graph_, id) || may_recompute(id)) readers = join_each(id, std::move(readers));
    const bool needed = clusters_.is_result(id) || !readers.empty();
    if (!needed || (graph_.node(id).op == Op::constant)) return;
    if (readers.empty() || belongs_to_product(id, readers) || !join_one(id, readers))
      clusters_.add(id, true);
  }

  /// Stored for several readers, made of a product that nothing else reads, and wanted by a
  /// reduction, which no product can share a group with. Beside the reduction, the product would be
  /// stored as well.
  bool belongs_to_product(std::uint32_t id, const std::vector<int>& readers) {
    const bool stored = clusters_.is_result(id) || readers.size() > 1;
    if (!stored || !follows_product(id, 0)) return false;
    for (int reader : readers) {
      const auto& nodes = clusters_.all()[reader].nodes;
      if (std::none_of(nodes.begin(), nodes.end(), [&](std::uint32_t n) {
            return ir::def(graph_.node(n).op).kind == Kind::reduce;
          }))
        continue;
      note(id, reader, "it follows a matrix product, which runs beside no reduction");
      return true;
    }
    return false;
  }

  /// An elementwise chain from a product to this node, each step read by the next alone.
  bool follows_product(std::uint32_t id, int steps) const {
    const Node& n = graph_.node(id);
    const Kind kind = ir::def(n.op).kind;
    if (steps == longest_chain || (kind != Kind::elementwise && n.op != Op::reshape)) return false;
    return std::any_of(n.operands.begin(), n.operands.end(), [&](const Value& v) {
      return clusters_.users(v.node).size() == 1 && !clusters_.is_result(v.node) &&
             (graph_.node(v).op == Op::dot_general || follows_product(v.node, steps + 1));
    });
  }

  /// Beside another gradient of the same attention. Both read the same, so no cycle can arise.
  void place_attention(std::uint32_t id) {
    for (std::uint32_t other : clusters_.users(graph_.node(id).operands[0].node)) {
      const int home = clusters_.home(other);
      if (other != id && home >= 0 && clusters_.join(id, home, true, nullptr)) return;
    }
    clusters_.add(id, true);
  }

  /// Stored for every reader; made by one of those that have no more elements, if it can.
  void place_apart(std::uint32_t id, const std::vector<int>& readers) {
    const double most = ir::few_times * static_cast<double>(graph_.node(id).types[0].elements());
    for (int reader : readers) {
      if (static_cast<double>(largest_output(reader)) > most) {
        note(id, reader, "too dear to compute again in each iteration");
        continue;
      }
      const bool cyclic = std::any_of(readers.begin(), readers.end(), [&](int other) {
        return other != reader && clusters_.reaches(other, reader);
      });
      if (!cyclic && clusters_.join(id, reader, true, nullptr)) return;
    }
    clusters_.add(id, true);
  }

  /// Cheap, and reading no more large values than it makes: computing it twice costs no more memory
  /// traffic than storing it once.
  bool may_recompute(std::uint32_t id) const {
    const Node& n = graph_.node(id);
    if (ir::def(n.op).kind != Kind::elementwise || ir::node_weight(graph_, id) >= recompute_weight)
      return false;
    const std::int64_t size = n.types[0].elements();
    return std::count_if(n.operands.begin(), n.operands.end(), [&](const Value& v) {
             return graph_.type(v).elements() >= size && graph_.node(v).op != Op::broadcast_in_dim;
           }) <= 1;
  }

  /// Computes `id` in each reader that can; returns the readers that cannot. A single reader is
  /// left to join_one, which may also store.
  std::vector<int> join_each(std::uint32_t id, std::vector<int> readers) {
    if (readers.size() == 1 && !is_free(graph_, id)) return readers;
    std::erase_if(readers, [&](int c) { return clusters_.join(id, c, false, nullptr); });
    return readers;
  }

  /// Puts `id` into one cluster made of as many of its readers as can run together.
  bool join_one(std::uint32_t id, const std::vector<int>& readers) {
    for (std::size_t first = 0; first < readers.size(); ++first) {
      std::vector<int> parts{readers[first]}, others;
      for (std::size_t k = 0; k < readers.size(); ++k) {
        if (k == first) continue;
        parts.push_back(readers[k]);
        if (k < first || !independent(parts) || !clusters_.can_merge(parts, &id, true, nullptr)) {
          others.push_back(parts.back());
          parts.pop_back();
        }
      }
      const bool store = clusters_.is_result(id) || !others.empty();
      const bool cyclic = std::any_of(others.begin(), others.end(), [&](int o) {
        return std::any_of(parts.begin(), parts.end(),
                           [&](int p) { return clusters_.reaches(o, p); });
      });
      std::string why = "a cycle";
      if (!cyclic && clusters_.merge(parts, &id, store, &why)) return true;
      note(id, readers[first], why);
    }
    return false;
  }

  bool independent(const std::vector<int>& parts) const {
    const int last = parts.back();
    return std::none_of(parts.begin(), parts.end() - 1, [&](int p) {
      return clusters_.reaches(p, last) || clusters_.reaches(last, p);
    });
  }

  /// Clusters that read the same large value, or one as large as what they make, become one, as far
  /// as a group can grow; then the next begins.
  void merge_siblings(const std::vector<bool>& live) {
    for (std::uint32_t id = 0; id < graph_.size(); ++id) {
      if (!live[id] || clusters_.users(id).size() < 2) continue;
      const std::int64_t size = graph_.node(id).types[0].elements();
      int current = -1;
      for (int c : clusters_.readers(id)) {
        if (size < std::min(sibling_elements, largest_output(c))) continue;
        const std::array pair{current, c};
        const bool merged = current >= 0 && !clusters_.reaches(current, c) &&
                            !clusters_.reaches(c, current) &&
                            clusters_.merge(pair, nullptr, false, nullptr);
        if (!merged) current = c;
      }
    }
  }

  std::int64_t largest_output(int cluster) const {
    std::int64_t largest = 0;
    for (std::uint32_t id : clusters_.outputs(cluster))
      largest = std::max(largest, graph_.node(id).types[0].elements());
    return largest;
  }

  void note(std::uint32_t producer, int cluster, const std::string& why) {
    if (notes_) notes_->push_back({producer, clusters_.all()[cluster].nodes.front(), why});
  }

  const ir::Graph& graph_;
  const std::set<std::uint32_t>& apart_;
  Clusters clusters_;
  std::vector<FusionNote>* notes_;
};

/// Writes the clusters down as a graph of `fused` nodes, producers first.
class Writer {
 public:
  Writer(const ir::Graph& graph, const Clusters& clusters)
      : graph_(graph),
        clusters_(clusters),
        to_(graph.name()),
        map_(graph.size()),
        local_(graph.size()) {}

  ir::Graph run() {
    for (std::size_t k = 0; k < graph_.param_count(); ++k)
      map_[k] =
          to_.parameter(graph_.type(graph_.param(k)), graph_.param_name(k), graph_.node(k).where);
    for (int c : order()) write(c);
    std::vector<Value> results;
    for (const Value& v : graph_.results()) results.push_back(value(v));
    return to_.finish(std::move(results));
  }

 private:
  std::vector<int> order() const {
    const auto& all = clusters_.all();
    std::vector<int> missing(all.size(), 0), result;
    std::vector<std::vector<int>> next(all.size());
    // The cluster whose last node was recorded first goes first, so that the order is the
    // program's.
    auto later = [&](int a, int b) { return all[a].nodes.back() > all[b].nodes.back(); };
    std::priority_queue<int, std::vector<int>, decltype(later)> ready(later);
    for (int c = 0; c < static_cast<int>(all.size()); ++c) {
      if (all[c].gone) continue;
      for (const Value& v : clusters_.reads(c)) {
        if (clusters_.home(v.node) < 0) continue;
        next[clusters_.home(v.node)].push_back(c);
        ++missing[c];
      }
      if (missing[c] == 0) ready.push(c);
    }
    while (!ready.empty()) {
      const int c = ready.top();
      ready.pop();
      result.push_back(c);
      for (int n : next[c])
        if (--missing[n] == 0) ready.push(n);
    }
    const auto alive =
        std::count_if(all.begin(), all.end(), [](const Cluster& c) { return !c.gone; });
    if (static_cast<std::size_t>(alive) != result.size())
      throw InternalError("fuse: clusters form a cycle");
    return result;
  }

  Value value(Value v) {
    Value& known = map_[v.node];
    if (!known.valid()) ir::copy_node(to_, graph_, v.node, map_);  // a constant, where first read
    return {known.node, known.result + v.result};
  }

  void write(int cluster) {
    const auto& nodes = clusters_.all()[cluster].nodes;
    const std::vector<Value> reads = clusters_.reads(cluster);
    std::vector<Value> operands;
    for (const Value& v : reads) operands.push_back(value(v));
    if (nodes.size() == 1) {
      ir::copy_node(to_, graph_, nodes[0], map_);
      return;
    }
    const std::vector<std::uint32_t> outputs = clusters_.outputs(cluster);
    auto body = std::make_shared<const ir::Graph>(make_body(nodes, reads, outputs));
    to_.set_location(graph_.node(outputs[0]).where);
    const Value fused = to_.add_node(Op::fused, operands, {}, {std::move(body)});
    for (std::size_t k = 0; k < outputs.size(); ++k)
      map_[outputs[k]] = {fused.node, static_cast<std::uint32_t>(k)};
  }

  ir::Graph make_body(const std::vector<std::uint32_t>& nodes, const std::vector<Value>& reads,
                      const std::vector<std::uint32_t>& outputs) {
    ir::Builder body("group");
    for (std::size_t k = 0; k < reads.size(); ++k)
      local_[reads[k].node] = body.parameter(graph_.type(reads[k]), "p" + std::to_string(k),
                                             graph_.node(reads[k]).where);
    for (std::uint32_t id : nodes) ir::copy_node(body, graph_, id, local_);
    std::vector<Value> results;
    for (std::uint32_t id : outputs) results.push_back(local_[id]);
    return body.finish(std::move(results));
  }

  const ir::Graph& graph_;
  const Clusters& clusters_;
  ir::Builder to_;
  std::vector<Value> map_;    // in the fused graph
  std::vector<Value> local_;  // in the body being written; every entry read was set for this body
};

}  // namespace

ir::Graph fuse(const ir::Graph& graph, std::vector<FusionNote>* notes) {
  // Whether a value is computed once per row or once per element shows only when its group is
  // complete. So groups are formed, and formed anew with such values stored, a few times at most.
  std::set<std::uint32_t> apart;
  for (int round = 1;; ++round) {
    if (notes) notes->clear();
    Fuser fuser(graph, apart, notes);
    fuser.run();
    const std::size_t known = apart.size();
    for (std::uint32_t id : fuser.repeated()) apart.insert(id);
    if (apart.size() == known || round == max_rounds) return Writer(graph, fuser.clusters()).run();
  }
}

ir::Graph fuse(const ir::Graph& graph) { return fuse(graph, nullptr); }

}  // namespace weft::passes
