#include "frontend/literals.h"

#include <bit>
#include <mutex>
#include <unordered_map>

#include "ir/literal.h"

namespace weft::detail {
namespace {

constexpr std::size_t capacity = 4096;  // programs remembered; then all are forgotten

/// What was seen of one program: its numbers, and which of them have changed.
struct Seen {
  std::vector<std::uint64_t> values;
  std::vector<bool> changes;
};

struct Memory {
  std::mutex mutex;
  std::unordered_map<std::uint64_t, Seen> programs;  // by the hash of all but the numbers
};
Memory& memory() {
  static Memory& only = *new Memory();  // static tensors may be evaluated until the very end
  return only;
}

std::uint64_t mix(std::uint64_t hash, std::uint64_t next) {
  return std::rotl(hash ^ next * 0x9e3779b97f4a7c15u, 29) * 0xbf58476d1ce4e5b9u;
}

bool is_number(const Record& r) {
  return r.op == ir::Op::constant && r.type.shape.empty() && is_float(r.type.dtype);
}

std::uint64_t bits_of(const Record& r) {
  return std::bit_cast<std::uint64_t>(r.attrs.literal("value").at(0));
}

}  // namespace

std::vector<bool> changing_literals(std::span<const Ref> order, std::span<const Ref> outputs,
                                    const Numbering& numbers) {
  std::uint64_t hash = 1;
  std::vector<std::uint64_t> values;
  for (const Ref& r : order) {
    hash = mix(hash,
               static_cast<std::uint64_t>(r->op) * 16 + static_cast<std::uint64_t>(r->type.dtype));
    for (std::int64_t size : r->type.shape) hash = mix(hash, static_cast<std::uint64_t>(size));
    if (is_number(*r)) {
      values.push_back(bits_of(*r));
    } else if (!r->attrs.empty()) {
      hash = mix(hash, r->attrs.hash());
    }
    for (const Ref& operand : r->operands) hash = mix(hash, numbers.find(resolve(operand).get()));
    hash = mix(hash, numbers.find(r.get()));
  }
  for (const Ref& r : outputs) hash = mix(hash, numbers.find(r.get()));

  std::vector<bool> changing(order.size(), false);
  if (values.empty()) return changing;
  Memory& m = memory();
  const std::lock_guard lock(m.mutex);
  if (m.programs.size() >= capacity) m.programs.clear();
  Seen& seen = m.programs[hash];
  if (seen.values.size() != values.size()) seen = {values, std::vector<bool>(values.size(), false)};
  std::size_t next = 0;
  for (std::size_t k = 0; k < order.size(); ++k) {
    if (!is_number(*order[k])) continue;
    if (seen.values[next] != values[next]) seen.changes[next] = true;
    changing[k] = seen.changes[next++];
  }
  return changing;
}

}  // namespace weft::detail
