#include "codegen/cuda/schedule.h"

#include <algorithm>
#include <limits>

#include "codegen/cuda/product_tile.h"

namespace weft::codegen::cuda {
namespace {

constexpr unsigned block_threads = 256;
constexpr std::int64_t most_blocks = 2048;  // of a grid; threads and warps take indices in turn
// Rows that are kept need scratch for every thread, so fewer run.
constexpr std::int64_t most_blocks_keeping = 256;
constexpr std::int64_t most_product_blocks = std::numeric_limits<std::int32_t>::max();
constexpr int accesses_in_flight = 4;
// Indices step by the whole grid beyond the last one, which must not overflow either.
constexpr std::int64_t narrow_limit = std::int64_t{1} << 30;

std::int64_t up(std::int64_t size, std::int64_t by) { return (size + by - 1) / by; }

/// Sums and products that stay at the limit instead of overflowing.
std::int64_t add(std::int64_t a, std::int64_t b) { return std::min(narrow_limit, a + b); }
std::int64_t multiply(std::int64_t a, std::int64_t b) {
  if (a == 0 || b == 0) return 0;
  return a > narrow_limit / b ? narrow_limit : a * b;
}

class Chooser {
 public:
  Chooser(const Kernel& kernel, std::span<const std::int64_t> params,
          std::span<const std::int64_t> offsets)
      : kernel_(kernel), params_(params), offsets_(offsets) {}

  Schedule run() const {
    Schedule chosen;
    chosen.packed.assign(kernel_.accesses.size(), false);
    chosen.narrow = fits_narrow();
    if (is_elementwise()) chosen.turned = turned_axis();
    if (is_elementwise() && chosen.turned < 0) choose_packs(chosen);
    chosen.rows = shared_rows(kernel_, params_, offsets_);
    return chosen;
  }

 private:
  std::int64_t magnitude(const Coef& coef) const {
    if (!(coef.kind == Coef::Kind::param)) return coef.is_zero() ? 0 : 1;
    const std::int64_t value = params_[static_cast<std::size_t>(coef.param)];
    return value < 0 ? std::min(narrow_limit, value == INT64_MIN ? narrow_limit : -value) : value;
  }

  std::int64_t stride(const Coef& coef) const {
    if (coef.kind == Coef::Kind::param) return params_[static_cast<std::size_t>(coef.param)];
    return coef.is_zero() ? 0 : coef.is_one() ? 1 : -1;
  }

  // The largest magnitude of sum coefs[a] * index[a]; a bound, at most the limit.
  std::int64_t reach(const std::vector<Coef>& coefs) const {
    std::int64_t total = 0;
    for (std::size_t axis = 0; axis < coefs.size(); ++axis)
      total = add(total, multiply(magnitude(coefs[axis]), params_[axis]));
    return total;
  }

  bool fits_narrow() const {
    std::int64_t indices = 1;
    for (int axis = 0; axis < kernel_.axes(); ++axis)
      indices = multiply(indices, params_[static_cast<std::size_t>(axis)] + tile_side);
    if (indices >= narrow_limit) return false;
    for (std::int64_t param : params_.first(static_cast<std::size_t>(kernel_.first_number())))
      if (param >= narrow_limit || param <= -narrow_limit) return false;
    for (const Access& access : kernel_.accesses)
      if (add(access.record, reach(access.strides)) >= narrow_limit) return false;
    const auto fits = [&](const Inst& inst) {
      if (inst.kind != Inst::Kind::index) return true;
      const std::int64_t start = inst.param < 0 ? 0 : magnitude(Coef::at(inst.param));
      return add(start, reach(inst.coefs)) < narrow_limit;
    };
    return std::all_of(kernel_.sections.begin(), kernel_.sections.end(), [&](const Section& s) {
      return std::all_of(s.body.begin(), s.body.end(), fits) &&
             std::all_of(s.rhs.begin(), s.rhs.end(), fits);
    });
  }

  bool is_elementwise() const {
    if (kernel_.row_axis || kernel_.parallel_axes == 0 || kernel_.lanes != Lanes::across)
      return false;
    return std::all_of(kernel_.sections.begin(), kernel_.sections.end(),
                       [](const Section& s) { return s.kind == Section::Kind::once; });
  }

  // Worth it where squares are full, and only while they fit.
  int turned_axis() const {
    const int axis = kernel_.turned_axis();
    if (axis < 0 || params_[static_cast<std::size_t>(axis)] < turned_side ||
        params_[static_cast<std::size_t>(kernel_.parallel_axes) - 1] < turned_side)
      return -1;
    std::size_t bytes = 0;
    for (const Access& access : kernel_.accesses)
      bytes += turned_side * (turned_side + 1) * size_of(access.dtype);
    return bytes <= shared_bytes ? axis : -1;
  }

  // Elements next to each other along the last axis, from a multiple of the pack on.
  bool moves_packs(std::size_t k) const {
    const Access& access = kernel_.accesses[k];
    const auto last = static_cast<std::size_t>(kernel_.parallel_axes) - 1;
    if (!access.strides[last].is_one() || offsets_[k] % pack_size != 0) return false;
    for (std::size_t axis = 0; axis < last; ++axis)
      if (!access.strides[axis].is_zero() && stride(access.strides[axis]) % pack_size != 0)
        return false;
    return is_plain(static_cast<int>(k));
  }

  // Is an access used without masks and dynamic terms, and stored to by one instruction at most?
  bool is_plain(int access) const {
    int stores = 0;
    for (const Section& section : kernel_.sections)
      for (const Inst& inst : section.body) {
        if (inst.access != access) continue;
        const bool store = inst.kind == Inst::Kind::store;
        if (inst.kind == Inst::Kind::update || !inst.coefs.empty()) return false;
        if (inst.args[store ? 1 : 0] >= 0) return false;
        stores += store ? 1 : 0;
      }
    return stores <= 1;
  }

  void choose_packs(Schedule& chosen) const {
    const auto last = static_cast<std::size_t>(kernel_.parallel_axes) - 1;
    const bool whole = params_[last] % pack_size == 0;
    if (!whole && kernel_.parallel_axes > 1) return;
    int loads = 0, stores = 0;
    for (std::size_t k = 0; k < kernel_.accesses.size(); ++k) {
      chosen.packed[k] = moves_packs(k);
      if (chosen.packed[k]) ++(kernel_.accesses[k].written ? stores : loads);
    }
    if (stores == 0) return;
    chosen.ragged = !whole;
    chosen.copies = std::max(1, up_to_flight(loads));
  }
  static int up_to_flight(int loads) {
    return loads == 0 ? 1 : static_cast<int>(up(accesses_in_flight, loads));
  }

  const Kernel& kernel_;
  std::span<const std::int64_t> params_, offsets_;
};

}  // namespace

Schedule schedule(const Kernel& kernel, std::span<const std::int64_t> params,
                  std::span<const std::int64_t> offsets) {
  return Chooser(kernel, params, offsets).run();
}

Schedule schedule(const Launch& launch) {
  std::vector<std::int64_t> offsets;
  for (const Argument& argument : launch.arguments) offsets.push_back(argument.offset);
  return schedule(*launch.kernel, launch.params, offsets);
}

LaunchShape launch_shape(const Launch& launch) {
  return launch_shape(*launch.kernel, schedule(launch), launch.params);
}

LaunchShape launch_shape(const Kernel& kernel, const Schedule& schedule,
                         std::span<const std::int64_t> params) {
  const auto parallel = static_cast<std::size_t>(kernel.parallel_axes);
  const bool product = kernel.is_contract();
  std::int64_t units = 1;
  for (std::size_t axis = 0; axis < parallel - (product ? 2 : 0); ++axis) units *= params[axis];
  if (product) {
    units *= up(params[parallel - 2], tile_side) * up(params[parallel - 1], tile_side);
    return {static_cast<unsigned>(std::min(units, most_product_blocks)), product_threads, 0};
  }
  if (schedule.in_packs()) {
    const std::int64_t threads = up(up(units, pack_size), schedule.copies);
    return {static_cast<unsigned>(std::min(up(threads, block_threads), most_blocks)), block_threads,
            0};
  }
  if (schedule.rows.any()) {
    const std::int64_t warps = schedule.rows.warps;
    const std::int64_t most = most_blocks * (block_threads / 32) / warps;
    return {static_cast<unsigned>(std::min(up(units, warps), most)),
            static_cast<unsigned>(32 * warps), 0};
  }
  if (schedule.turned >= 0) {
    const auto near = static_cast<std::size_t>(schedule.turned);
    units = units / params[near] / params[parallel - 1] * up(params[near], turned_side) *
            up(params[parallel - 1], turned_side);
    return {static_cast<unsigned>(std::min(units, most_blocks * turned_rows_per_turn)),
            turned_side * turned_rows_per_turn, 0};
  }
  const bool along = kernel.lanes == Lanes::along;
  std::size_t kept = 0;
  for (const Section& section : kernel.sections) kept += section.keeps.size();
  const std::int64_t per_block = along ? block_threads / 32 : block_threads;
  const std::int64_t blocks =
      std::min(up(units, per_block), kept == 0 ? most_blocks : most_blocks_keeping);
  const std::size_t row = kernel.row_axis ? static_cast<std::size_t>(params[parallel]) : 0;
  return {static_cast<unsigned>(blocks), block_threads,
          8 * row * kept * static_cast<std::size_t>(blocks * per_block)};
}

}  // namespace weft::codegen::cuda
