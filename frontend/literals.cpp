#include "frontend/literals.h"

#include <bit>
#include <cmath>
#include <mutex>
#include <unordered_map>

#include "ir/literal.h"

namespace weft::detail {
namespace {

constexpr std::size_t capacity = 4096;  // programs remembered; then all are forgotten
constexpr std::uint32_t nowhere = 0xffffffffu;

/// What was seen of one program's numbers, in their order.
struct Seen {
  std::vector<std::uint64_t> values;
  std::vector<bool> lifted;
  std::vector<std::uint32_t> same;  // the first number that has always been equal to this one
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
  return r.op == ir::Op::constant && r.type.shape.empty() && is_computable(r.type.dtype) &&
         !is_bool(r.type.dtype);
}

std::uint64_t bits_of(const Record& r) { return r.attrs.literal("value").bits_at(0); }

/// A program, and where its numbers stand.
class Reading {
 public:
  Reading(std::span<const Ref> order, std::span<const Ref> outputs, const Numbering& numbers)
      : order_(order), outputs_(outputs), numbers_(numbers) {
    for (std::size_t k = 0; k < order.size(); ++k) {
      if (!is_number(*order[k])) continue;
      places_.push_back(k);
      values_.push_back(bits_of(*order[k]));
    }
  }

  const std::vector<std::size_t>& places() const { return places_; }
  const std::vector<std::uint64_t>& values() const { return values_; }
  const Record& record(std::size_t number) const { return *order_[places_[number]]; }
  std::uint64_t hash_of_the_rest() const;
  std::vector<bool> any_numbers() const;

 private:
  std::uint32_t number_of(const Ref& r) const { return numbers_.find(resolve(r).get()); }
  void note_use(const Record& user, std::size_t operand, const std::vector<std::uint32_t>& source,
                bool all_known, std::vector<bool>& any) const;

  std::span<const Ref> order_, outputs_;
  const Numbering& numbers_;
  std::vector<std::size_t> places_;  // of the numbers in the order
  std::vector<std::uint64_t> values_;
};

std::uint64_t Reading::hash_of_the_rest() const {
  std::uint64_t hash = 1;
  for (const Ref& r : order_) {
    hash = mix(hash,
               static_cast<std::uint64_t>(r->op) * 16 + static_cast<std::uint64_t>(r->type.dtype));
    for (std::int64_t size : r->type.shape) hash = mix(hash, static_cast<std::uint64_t>(size));
    if (!r->attrs.empty() && !is_number(*r)) hash = mix(hash, r->attrs.hash());
    for (const Ref& operand : r->operands) hash = mix(hash, number_of(operand));
    hash = mix(hash, numbers_.find(r.get()));
  }
  for (const Ref& r : outputs_) hash = mix(hash, numbers_.find(r.get()));
  return hash;
}

/// Which numbers no pass makes anything of: ir::is_any_number, and each reader is arithmetic on
/// something that is not known (else it is computed once and for all) which does not look at it.
std::vector<bool> Reading::any_numbers() const {
  std::vector<bool> any(places_.size());
  std::vector<std::uint32_t> source(numbers_.size(), nowhere);  // the number that a record repeats
  std::vector<bool> known(numbers_.size(), false);              // made of constants alone
  for (std::size_t k = 0; k < places_.size(); ++k) {
    any[k] = ir::is_any_number(record(k).type.dtype, values_[k]);
    source[numbers_.find(&record(k))] = static_cast<std::uint32_t>(k);
  }
  for (const Ref& r : order_) {
    const std::uint32_t own = numbers_.find(r.get());
    bool all_known = r->op == ir::Op::constant || r->op == ir::Op::iota || !r->operands.empty();
    for (const Ref& operand : r->operands) all_known = all_known && known[number_of(operand)];
    known[own] = all_known;
    if (r->op == ir::Op::broadcast_in_dim) {
      source[own] = source[number_of(r->operands[0])];
      continue;
    }
    for (std::size_t o = 0; o < r->operands.size(); ++o) note_use(*r, o, source, all_known, any);
  }
  for (const Ref& r : outputs_)
    if (const std::uint32_t k = source[numbers_.find(r.get())]; k != nowhere) any[k] = false;
  return any;
}

void Reading::note_use(const Record& user, std::size_t operand,
                       const std::vector<std::uint32_t>& source, bool all_known,
                       std::vector<bool>& any) const {
  const std::uint32_t k = source[number_of(user.operands[operand])];
  if (k == nowhere) return;
  int exponent = 0;
  const bool looked_at =
      operand == 1 && (user.op == ir::Op::pow ||
                       (user.op == ir::Op::div &&
                        std::fabs(std::frexp(record(k).attrs.literal("value").at(0), &exponent)) ==
                            0.5));  // a power of two: a product
  if (all_known || looked_at || ir::def(user.op).kind != ir::Kind::elementwise) any[k] = false;
}

/// The first number that is equal and lifted alike.
std::vector<std::uint32_t> equal_numbers(const Reading& program, const std::vector<bool>& lifted) {
  std::vector<std::uint32_t> same(lifted.size());
  std::unordered_map<std::uint64_t, std::uint32_t> first;
  for (std::uint32_t k = 0; k < same.size(); ++k) {
    const std::uint64_t kind =
        static_cast<std::uint64_t>(program.record(k).type.dtype) * 2 + (lifted[k] ? 1 : 0);
    same[k] = first.emplace(mix(program.values()[k], kind), k).first->second;
    if (program.values()[same[k]] != program.values()[k]) same[k] = k;  // equal hashes only
  }
  return same;
}

/// Numbers that are no longer equal are told apart from now on.
void tell_apart(Seen& seen, const std::vector<std::uint64_t>& now) {
  const std::vector<std::uint32_t> before = seen.same;
  for (std::uint32_t k = 0; k < now.size(); ++k) {
    if (now[before[k]] == now[k]) continue;
    std::uint32_t first = before[k];
    while (before[first] != before[k] || now[first] != now[k]) ++first;  // at the latest k
    seen.same[k] = first;
  }
}

}  // namespace

std::vector<LiftedNumber> lifted_numbers(std::span<const Ref> order, std::span<const Ref> outputs,
                                         const Numbering& numbers, Lifting lifting) {
  const Reading program(order, outputs, numbers);
  const std::vector<std::uint64_t>& now = program.values();
  if (now.empty()) return {};
  const std::uint64_t hash = mix(program.hash_of_the_rest(), static_cast<std::uint64_t>(lifting));

  std::vector<LiftedNumber> result;
  Memory& m = memory();
  const std::lock_guard lock(m.mutex);
  if (m.programs.size() >= capacity) m.programs.clear();
  Seen& seen = m.programs[hash];
  if (seen.values.size() != now.size()) {
    const std::vector<bool> lifted =
        lifting == Lifting::any ? program.any_numbers() : std::vector<bool>(now.size(), false);
    seen = {now, lifted, equal_numbers(program, lifted)};
  }
  tell_apart(seen, now);
  std::vector<std::uint32_t> argument(now.size(), nowhere);
  for (std::uint32_t k = 0; k < now.size(); ++k) {
    if (seen.values[k] != now[k]) seen.lifted[k] = true;
    if (!seen.lifted[k]) continue;
    std::uint32_t& at = argument[seen.same[k]];
    if (at == nowhere) {
      at = static_cast<std::uint32_t>(result.size());
      result.push_back({now[k], {}});
    }
    result[at].places.push_back(program.places()[k]);
  }
  return result;
}

}  // namespace weft::detail
