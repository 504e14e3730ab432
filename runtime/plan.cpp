#include "runtime/plan.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <optional>
#include <utility>

#include <weft/error.h>
#include "runtime/liveness.h"

namespace weft::runtime {
namespace {

using Role = codegen::ProgramBuffer::Role;

constexpr std::size_t aligned(std::size_t bytes) {
  return (bytes + plan_alignment - 1) / plan_alignment * plan_alignment;
}

/// Temporaries that share their memory, each written over the one before, and at most one of them
/// a result (the last).
struct Chain {
  std::vector<int> buffers;
  std::size_t bytes = 0;
  Lifetime life;
  int output = -1;
};

/// A piece of a region that is taken for some launches.
struct Taken {
  std::size_t offset, bytes;
  Lifetime life;
};

/// The arena (no end) or the block of an output.
struct Region {
  std::size_t bytes = std::numeric_limits<std::size_t>::max();
  std::vector<Taken> taken;  // by offset

  void take(const Taken& piece) {
    const auto at =
        std::upper_bound(taken.begin(), taken.end(), piece,
                         [](const Taken& a, const Taken& b) { return a.offset < b.offset; });
    taken.insert(at, piece);
  }
};

struct Gap {
  std::size_t offset, bytes;
};

/// The smallest gap that holds `bytes` for a lifetime.
std::optional<Gap> best_gap(const Region& region, std::size_t bytes, const Lifetime& life) {
  std::optional<Gap> best;
  const auto consider = [&](std::size_t begin, std::size_t end) {
    if (end <= begin || end - begin < bytes) return;
    if (!best || end - begin < best->bytes) best = Gap{begin, end - begin};
  };
  std::size_t free_from = 0;
  for (const Taken& piece : region.taken) {
    if (!piece.life.overlaps(life)) continue;
    consider(free_from, piece.offset);
    free_from = std::max(free_from, aligned(piece.offset + piece.bytes));
  }
  consider(free_from, region.bytes);
  return best;
}

class Planner {
 public:
  explicit Planner(const codegen::Program& program)
      : program_(program), lives_(lifetimes(program)) {}

  Plan run() {
    plan_.places.resize(program_.buffers.size());
    place_fixed();
    plan_results();
    form_chains();
    find_donors(/*in_place=*/true);
    place_chains();
    find_donors(/*in_place=*/false);
    measure();
    return std::move(plan_);
  }

 private:
  const codegen::ProgramBuffer& buffer(int k) const { return program_.buffers[index(k)]; }
  const Lifetime& life(int k) const { return lives_[index(k)]; }
  Place& place(int k) { return plan_.places[index(k)]; }
  static std::size_t index(int k) { return static_cast<std::size_t>(k); }

  void place_fixed();
  void plan_results();
  void form_chains();
  int overwritten_by(int to, const std::vector<int>& chain_of) const;
  bool can_donate(const Chain& chain, int k, bool in_place) const;
  void find_donors(bool in_place);
  std::size_t arrange(const std::vector<std::size_t>& order, std::vector<Place>& places) const;
  void place_chains();
  void measure();

  const codegen::Program& program_;
  const std::vector<Lifetime> lives_;
  std::vector<Chain> chains_;
  std::vector<int> output_of_;         // by buffer: the output block, or -1
  std::vector<Lifetime> input_lives_;  // by input
  std::vector<bool> returned_;         // by input: it is a result itself
  std::vector<bool> donates_;          // by input: an output takes its memory
  Plan plan_;
};

/// Inputs lie where the caller says, constants behind one another.
void Planner::place_fixed() {
  for (int k = 0; k < static_cast<int>(program_.buffers.size()); ++k) {
    const codegen::ProgramBuffer& described = buffer(k);
    if (described.role == Role::input) {
      place(k) = {Place::Home::input, described.input, 0};
      const auto input = index(described.input);
      if (input >= input_lives_.size()) input_lives_.resize(input + 1);
      input_lives_[input].death = std::max(input_lives_[input].death, life(k).death);
    } else if (described.role == Role::constant) {
      place(k) = {Place::Home::constant, -1, plan_.constant_bytes};
      plan_.constant_bytes += aligned(described.type.bytes());
    }
  }
  returned_.resize(input_lives_.size(), false);
  donates_.resize(input_lives_.size(), false);
}

void Planner::plan_results() {
  using Kind = PlannedResult::Kind;
  output_of_.assign(program_.buffers.size(), -1);
  for (const int k : program_.results) {
    const codegen::ProgramBuffer& described = buffer(k);
    if (described.role == Role::input && !returned_[index(described.input)]) {
      returned_[index(described.input)] = true;
      plan_.results.push_back({Kind::input, described.input});
    } else if (described.role == Role::temporary && output_of_[index(k)] < 0) {
      output_of_[index(k)] = static_cast<int>(plan_.outputs.size());
      plan_.results.push_back({Kind::output, output_of_[index(k)]});
      plan_.outputs.push_back({described.type.bytes(), -1});
      place(k) = {Place::Home::output, output_of_[index(k)], 0};
    } else {
      plan_.results.push_back({Kind::copy, k});
    }
  }
}

/// The dying temporary that buffer `to` may be written over, or -1.
int Planner::overwritten_by(int to, const std::vector<int>& chain_of) const {
  const int step = life(to).birth;
  for (const auto& [from, target] : program_.launches[index(step)].may_alias) {
    if (target != to || buffer(from).role != Role::temporary || output_of_[index(from)] >= 0)
      continue;
    if (life(from).death != step || life(from).birth == step || !life(from).used) continue;
    if (!may_overwrite(program_, step, from, to)) continue;
    if (chains_[index(chain_of[index(from)])].buffers.back() == from) return from;
  }
  return -1;
}

/// Joins each temporary, in the order of their births, to the one that it is written over.
void Planner::form_chains() {
  std::vector<int> order;
  for (int k = 0; k < static_cast<int>(program_.buffers.size()); ++k)
    if (buffer(k).role == Role::temporary && life(k).used) order.push_back(k);
  std::stable_sort(order.begin(), order.end(),
                   [&](int a, int b) { return life(a).birth < life(b).birth; });

  std::vector<int> chain_of(program_.buffers.size(), -1);
  for (const int k : order) {
    const int from = overwritten_by(k, chain_of);
    if (from >= 0) {
      chain_of[index(k)] = chain_of[index(from)];
    } else {
      chain_of[index(k)] = static_cast<int>(chains_.size());
      chains_.push_back({{}, buffer(k).type.bytes(), life(k), -1});
    }
    Chain& chain = chains_[index(chain_of[index(k)])];
    chain.buffers.push_back(k);
    chain.life.death = life(k).death;
    chain.output = output_of_[index(k)];
  }
}

/// Whether output block `output` may lie in the memory of input buffer k: the input is over when
/// the block is first used, or is written over in place by the launch that begins the block's last
/// chain.
bool Planner::can_donate(const Chain& chain, int k, bool in_place) const {
  const ir::Type& type = buffer(k).type;
  if (buffer(k).role != Role::input || type.bytes() != chain.bytes) return false;
  const auto input = index(buffer(k).input);
  if (returned_[input] || donates_[input]) return false;
  if (in_place)
    return input_lives_[input].death == chain.life.birth &&
           may_overwrite(program_, chain.life.birth, k, chain.buffers.front());
  for (const Chain& other : chains_) {
    const Place& home = plan_.places[index(other.buffers.front())];
    if (home.home == Place::Home::output && home.index == chain.output &&
        other.life.overlaps(input_lives_[input]))
      return false;
  }
  return true;
}

void Planner::find_donors(bool in_place) {
  for (const Chain& chain : chains_) {
    if (chain.output < 0 || plan_.outputs[index(chain.output)].donor >= 0) continue;
    for (int k = 0; k < static_cast<int>(program_.buffers.size()); ++k) {
      if (!can_donate(chain, k, in_place)) continue;
      plan_.outputs[index(chain.output)].donor = buffer(k).input;
      donates_[index(buffer(k).input)] = true;
      break;
    }
  }
}

/// Puts chains, in the order given, into the best gap of an output block, else of the arena.
/// Returns the arena's size.
std::size_t Planner::arrange(const std::vector<std::size_t>& order,
                             std::vector<Place>& places) const {
  std::vector<Region> outputs(plan_.outputs.size());
  for (std::size_t k = 0; k < outputs.size(); ++k) {
    const OutputBlock& block = plan_.outputs[k];
    outputs[k].bytes = block.bytes;
    if (block.donor >= 0) outputs[k].take({0, block.bytes, input_lives_[index(block.donor)]});
  }
  for (const Chain& chain : chains_)
    if (chain.output >= 0) outputs[index(chain.output)].take({0, chain.bytes, chain.life});

  Region arena;
  std::size_t arena_bytes = 0;
  for (const std::size_t number : order) {
    const Chain& chain = chains_[number];
    Place found{Place::Home::output, chain.output, 0};
    if (chain.output < 0) {
      Gap gap{0, std::numeric_limits<std::size_t>::max()};
      for (std::size_t k = 0; k < outputs.size(); ++k)
        if (const auto best = best_gap(outputs[k], chain.bytes, chain.life);
            best && best->bytes < gap.bytes) {
          gap = *best;
          found = {Place::Home::output, static_cast<int>(k), gap.offset};
        }
      if (found.index < 0)
        found = {Place::Home::arena, -1, best_gap(arena, chain.bytes, chain.life)->offset};
      Region& home = found.index < 0 ? arena : outputs[index(found.index)];
      home.take({found.offset, chain.bytes, chain.life});
      if (found.index < 0) arena_bytes = std::max(arena_bytes, aligned(found.offset + chain.bytes));
    }
    for (const int k : chain.buffers) places[index(k)] = found;
  }
  return arena_bytes;
}

/// Two orders are tried, since neither is best for every program: largest first, and first come.
void Planner::place_chains() {
  std::vector<std::size_t> order(chains_.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  plan_.arena_bytes = arrange(order, plan_.places);

  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return chains_[a].bytes > chains_[b].bytes;
  });
  std::vector<Place> places = plan_.places;
  const std::size_t arena_bytes = arrange(order, places);
  if (arena_bytes >= plan_.arena_bytes) return;
  plan_.arena_bytes = arena_bytes;
  plan_.places = std::move(places);
}

void Planner::measure() {
  plan_.peak_bytes = plan_.arena_bytes;
  for (const OutputBlock& block : plan_.outputs) plan_.peak_bytes += block.bytes;
  std::vector<std::size_t> live(program_.launches.size() + 1, 0);
  for (int k = 0; k < static_cast<int>(program_.buffers.size()); ++k) {
    if (buffer(k).role != Role::temporary || !life(k).used) continue;
    for (int step = life(k).birth; step <= life(k).death; ++step)
      live[index(step)] += buffer(k).type.bytes();
  }
  plan_.bound_bytes = *std::max_element(live.begin(), live.end());
}

}  // namespace

Plan plan_memory(const codegen::Program& program) { return Planner(program).run(); }

}  // namespace weft::runtime
