// Nodes by their hashes: one flat table, so that building a graph asks for memory a few times and
// not once a node.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace weft::ir {

class NodeIndex {
 public:
  static constexpr std::uint32_t none = 0xffffffffu;

  /// Room for so many nodes.
  void reserve(std::size_t nodes) {
    std::size_t slots = 16;
    while (slots < 2 * nodes) slots *= 2;
    if (slots > slots_.size()) resize(slots);
  }

  /// A node of this hash that is `equal(node)`, or none.
  template <class Equal>
  std::uint32_t find(std::uint64_t hash, Equal&& equal) const {
    if (slots_.empty()) return none;
    for (std::size_t at = first(hash); slots_[at].node != none; at = (at + 1) & mask())
      if (slots_[at].hash == hash && equal(slots_[at].node)) return slots_[at].node;
    return none;
  }

  void add(std::uint64_t hash, std::uint32_t node) {
    reserve(++count_);
    put({hash, node});
  }

 private:
  struct Slot {
    std::uint64_t hash = 0;
    std::uint32_t node = none;
  };

  std::size_t mask() const { return slots_.size() - 1; }
  std::size_t first(std::uint64_t hash) const {
    return static_cast<std::size_t>(hash * 0x9e3779b97f4a7c15u >> 32) & mask();
  }
  void put(const Slot& slot) {
    std::size_t at = first(slot.hash);
    while (slots_[at].node != none) at = (at + 1) & mask();
    slots_[at] = slot;
  }
  void resize(std::size_t size) {
    std::vector<Slot> before(size);
    before.swap(slots_);
    for (const Slot& slot : before)
      if (slot.node != none) put(slot);
  }

  std::vector<Slot> slots_;  // a power of two, at most half of them full
  std::size_t count_ = 0;
};

}  // namespace weft::ir
