// A loop nest that grows node by node is the one that is found for all of its nodes at once.
#include "ir/group.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "passes/pipeline.h"
#include "tests/passes/random_graph.h"

namespace weft::test {
namespace {

using namespace ir;

bool same_members(const Group& a, const Group& b) {
  const auto same = [&](const Member& x, const Member& y) {
    const auto same_map = [&](MapId p, MapId q) { return a.maps[p] == b.maps[q]; };
    const auto xs = x.maps(), ys = y.maps();
    return x.node == y.node && (x.store < 0) == (y.store < 0) &&
           (x.store < 0 || same_map(x.store, y.store)) &&
           std::equal(xs.begin(), xs.end(), ys.begin(), ys.end(), same_map);
  };
  return std::equal(a.members.begin(), a.members.end(), b.members.begin(), b.members.end(), same);
}

bool is_memory(const Node& n) { return n.op == Op::parameter || n.types.size() != 1; }

}  // namespace

TEST_CASE("a loop nest that grows is that of all its nodes") {
  int grown = 0, refused = 0;
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(static_cast<unsigned>(seed));
    const Graph graph =
        passes::run_passes(random_graph(seed, DType::f32), passes::default_pipeline(false));
    std::vector<std::uint32_t> nodes, outputs;
    std::unique_ptr<GroupAnalysis> nest;
    for (auto id = static_cast<std::uint32_t>(graph.size()); id-- > 0;) {
      if (is_memory(graph.node(id))) continue;
      const bool store = nodes.empty() || random() % 4 == 0;
      CAPTURE(id);
      std::vector<std::uint32_t> with{id}, stored = outputs;
      with.insert(with.end(), nodes.begin(), nodes.end());
      if (store) stored.insert(stored.begin(), id);
      auto whole = GroupAnalysis::of(graph, with, stored);
      const std::optional<bool> added = nest ? nest->add(id, store) : std::nullopt;
      if (added) {
        REQUIRE(*added == (whole != nullptr));
        (*added ? grown : refused) += 1;
      }
      if (!whole) continue;
      if (added) {
        REQUIRE(nest->group().kind == whole->group().kind);
        REQUIRE(nest->group().axes == whole->group().axes);
        REQUIRE(nest->group().row_axis == whole->group().row_axis);
        REQUIRE(nest->group().repeated == whole->group().repeated);
        REQUIRE(same_members(nest->group(), whole->group()));
      } else {
        nest = std::move(whole);
      }
      nodes = std::move(with);
      outputs = std::move(stored);
    }
  }
  CHECK(grown > 500);
  CHECK(refused > 500);
}

}  // namespace weft::test
