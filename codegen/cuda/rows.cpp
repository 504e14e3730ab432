#include "codegen/cuda/rows.h"

#include <algorithm>
#include <bit>

#include "codegen/kernel_values.h"

namespace weft::codegen::cuda {
namespace {

constexpr int most_warps = 8;
constexpr std::int64_t copy_bytes = 16;
constexpr std::int64_t least_capacity = 128;

/// Steps of a quarter of the power of two below.
std::int64_t rounded_up(std::int64_t size) {
  if (size <= least_capacity) return least_capacity;
  const auto below =
      static_cast<std::int64_t>(std::bit_floor(static_cast<std::uint64_t>(size - 1)));
  const std::int64_t step = below / 4;
  return (size + step - 1) / step * step;
}

struct Use {
  int sections = 0, last = -1;  // how many read it row by row, and the last of them
};

class Planner {
 public:
  Planner(const Kernel& kernel, std::span<const std::int64_t> params,
          std::span<const std::int64_t> offsets)
      : kernel_(kernel), params_(params), offsets_(offsets), dtypes_(register_dtypes(kernel)) {}

  SharedRows run() const {
    if (kernel_.lanes != Lanes::along || !kernel_.row_axis || row() == 0) return {};
    // All that can be copied; else what is read more than once; else only what is kept.
    for (const int least : {1, 2, 1 << 30}) {
      SharedRows rows = plan(least);
      if (rows.slots == 0) continue;
      const std::int64_t warp_bytes = rounded_up(row()) * rows.unit * rows.slots;
      if (warp_bytes > shared_bytes) continue;
      rows.capacity = static_cast<int>(rounded_up(row()));
      rows.warps = std::min(
          most_warps,
          static_cast<int>(std::bit_floor(static_cast<std::uint64_t>(shared_bytes / warp_bytes))));
      return rows;
    }
    return {};
  }

 private:
  std::int64_t row() const { return params_[static_cast<std::size_t>(kernel_.parallel_axes)]; }

  SharedRows plan(int least_sections) const {
    SharedRows rows;
    rows.unit = 4;
    rows.copied.assign(kernel_.accesses.size(), -1);
    struct Slot {
      DType dtype;  // memory is never read as another type than it was written as
      int last_read;
    };
    std::vector<Slot> slots;
    constexpr int for_good = 1 << 30;
    for (std::size_t k = 0; k < kernel_.accesses.size(); ++k) {
      const Use use = use_of(static_cast<int>(k));
      if (use.sections < least_sections || !is_copyable(k)) continue;
      rows.copied[k] = static_cast<int>(slots.size());
      rows.unit = std::max(rows.unit, static_cast<int>(size_of(kernel_.accesses[k].dtype)));
      slots.push_back({kernel_.accesses[k].dtype, use.last});
    }
    for (std::size_t s = 0; s < kernel_.sections.size(); ++s)
      for (const Reg reg : kernel_.sections[s].keeps) {
        const DType dtype = dtypes_[static_cast<std::size_t>(reg)];
        rows.unit = std::max(rows.unit, static_cast<int>(size_of(dtype)));
        const auto dead = std::find_if(slots.begin(), slots.end(), [&](const Slot& slot) {
          return slot.dtype == dtype && slot.last_read <= static_cast<int>(s);
        });
        rows.kept.push_back(static_cast<int>(dead - slots.begin()));
        if (dead != slots.end())
          dead->last_read = for_good;
        else
          slots.push_back({dtype, for_good});
      }
    rows.slots = static_cast<int>(slots.size());
    return rows;
  }

  Use use_of(int access) const {
    Use use;
    for (std::size_t s = 0; s < kernel_.sections.size(); ++s) {
      const Section& section = kernel_.sections[s];
      if (section.kind != Section::Kind::over) continue;
      if (std::none_of(section.body.begin(), section.body.end(), [&](const Inst& inst) {
            return inst.access == access && reads_plainly(inst);
          }))
        continue;
      ++use.sections;
      use.last = static_cast<int>(s);
    }
    return use;
  }
  static bool reads_plainly(const Inst& inst) {
    return inst.kind == Inst::Kind::load && inst.args[0] < 0 && inst.coefs.empty();
  }

  /// Side by side along the row, in pieces of 16 bytes, and other rows elsewhere.
  bool is_copyable(std::size_t k) const {
    const Access& access = kernel_.accesses[k];
    const auto size = static_cast<std::int64_t>(size_of(access.dtype));
    const auto in_pieces = [&](std::int64_t elements) {
      return elements % std::max<std::int64_t>(1, copy_bytes / size) == 0;
    };
    const auto axis = static_cast<std::size_t>(kernel_.parallel_axes);
    if (access.written || !access.strides[axis].is_one()) return false;
    if (!in_pieces(row()) || !in_pieces(offsets_[k])) return false;
    bool shared_by_all = true;
    for (std::size_t a = 0; a < axis; ++a) {
      const Coef& stride = access.strides[a];
      if (stride.is_zero()) continue;
      if (params_[a] > 1) shared_by_all = false;
      const bool given = stride.kind == Coef::Kind::param;  // else 1 or -1
      if (!in_pieces(given ? params_[static_cast<std::size_t>(stride.param)] : 1)) return false;
    }
    return !shared_by_all;
  }

  const Kernel& kernel_;
  std::span<const std::int64_t> params_, offsets_;
  std::vector<DType> dtypes_;
};

}  // namespace

SharedRows shared_rows(const Kernel& kernel, std::span<const std::int64_t> params,
                       std::span<const std::int64_t> offsets) {
  return Planner(kernel, params, offsets).run();
}

}  // namespace weft::codegen::cuda
