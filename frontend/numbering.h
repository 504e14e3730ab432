// Numbers for the records of one walk, in the order in which they are met: one flat table, so that
// walking a program asks the system for memory a few times and not once a record.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace weft::detail {

struct Record;

class Numbering {
 public:
  static constexpr std::uint32_t none = 0xffffffffu;

  /// `room`: a power of two, of places to begin with.
  explicit Numbering(std::size_t room = 256) : slots_(room) {}

  std::uint32_t size() const { return count_; }
  std::uint32_t find(const Record* r) const { return slots_[place(r)].number; }
  /// False where the record has a number already.
  bool add(const Record* r) {
    Slot& slot = slots_[place(r)];
    if (slot.record != nullptr) return false;
    slot = {r, count_++};
    if (2 * count_ > slots_.size()) grow();
    return true;
  }

 private:
  struct Slot {
    const Record* record = nullptr;
    std::uint32_t number = none;
  };

  /// Where the record stands, or the free place where it would.
  std::size_t place(const Record* r) const {
    const std::size_t mask = slots_.size() - 1;
    std::size_t at = (reinterpret_cast<std::uintptr_t>(r) * 0x9e3779b97f4a7c15u >> 32) & mask;
    while (slots_[at].record != nullptr && slots_[at].record != r) at = (at + 1) & mask;
    return at;
  }
  void grow() {
    std::vector<Slot> before(2 * slots_.size());
    before.swap(slots_);
    for (const Slot& slot : before) {
      if (slot.record != nullptr) slots_[place(slot.record)] = slot;
    }
  }

  std::vector<Slot> slots_;
  std::uint32_t count_ = 0;
};

}  // namespace weft::detail
