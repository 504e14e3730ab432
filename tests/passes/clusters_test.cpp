// The order that clusters are kept in, against a search that knows of none.
#include "passes/clusters.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <random>

#include "ir/builder.h"

namespace weft::test {
namespace {

using namespace ir;
using passes::Clusters;

Graph random_chain(std::mt19937& random) {
  Builder b("f");
  std::vector<Value> values;
  for (int k = 0; k < 3; ++k) values.push_back(b.parameter({DType::f32, {4}}, "p"));
  constexpr std::array ops{Op::add, Op::mul, Op::max};
  const auto recent = [&] { return values[values.size() - 1 - random() % 3]; };
  for (int k = 0; k < 24; ++k)
    values.push_back(b.elementwise(ops[random() % 3], std::array{recent(), recent()}));
  return b.finish({values.back(), values[values.size() - 6]});
}

bool reaches_somehow(const Clusters& clusters, int from, int to) {
  std::vector<int> waiting{from}, seen;
  while (!waiting.empty()) {
    const int c = waiting.back();
    waiting.pop_back();
    for (std::uint32_t id : clusters.outputs(c)) {
      for (int next : clusters.readers(id)) {
        if (next == to) return true;
        if (std::find(seen.begin(), seen.end(), next) != seen.end()) continue;
        seen.push_back(next);
        waiting.push_back(next);
      }
    }
  }
  return false;
}

/// Lets a node join a random reader, or two of them that are independent; or stand alone.
void place(Clusters& clusters, std::uint32_t id, std::mt19937& random) {
  const std::vector<int> readers = clusters.readers(id);
  if (readers.empty() || random() % 4 == 0) {
    clusters.add(id, true);
    return;
  }
  const std::size_t first = random() % readers.size(), second = random() % readers.size();
  std::vector<int> parts{readers[first]};
  if (second != first && !reaches_somehow(clusters, readers[first], readers[second]) &&
      !reaches_somehow(clusters, readers[second], readers[first]))
    parts.push_back(readers[second]);
  bool others = false, cyclic = false;
  for (int reader : readers) {
    if (std::find(parts.begin(), parts.end(), reader) != parts.end()) continue;
    others = true;
    for (int part : parts) cyclic = cyclic || reaches_somehow(clusters, reader, part);
  }
  const bool store = others || clusters.is_result(id);
  if (cyclic || !clusters.merge(parts, &id, store, nullptr)) clusters.add(id, true);
}

}  // namespace

TEST_CASE("a cluster reaches another exactly where a chain of reads leads") {
  int merged = 0, reached = 0;
  for (unsigned seed = 0; seed < 60; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    const Graph graph = random_chain(random);
    const std::vector<bool> live = graph.live();
    Clusters clusters(graph);
    for (auto id = static_cast<std::uint32_t>(graph.size()); id-- > graph.param_count();)
      if (live[id]) place(clusters, id, random);
    const int count = static_cast<int>(clusters.all().size());
    for (int a = 0; a < count; ++a) {
      if (clusters.all()[static_cast<std::size_t>(a)].gone) {
        ++merged;
        continue;
      }
      for (int c = 0; c < count; ++c) {
        if (a == c || clusters.all()[static_cast<std::size_t>(c)].gone) continue;
        const bool expected = reaches_somehow(clusters, a, c);
        reached += expected ? 1 : 0;
        CHECK(clusters.reaches(a, c) == expected);
      }
    }
  }
  CHECK(merged > 10);
  CHECK(reached > 100);
}

}  // namespace weft::test
