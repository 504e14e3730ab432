#include "codegen/panels.h"

#include <algorithm>

#include <weft/error.h>
#include "codegen/contract_blocks.h"

namespace weft::codegen {
namespace {

// Steps of k that are copied for one column after another: where k lies side by side in memory,
// lines are read whole.
constexpr std::int64_t steps = 16;

struct Block {
  std::int64_t first, size;
};

/// One panel: columns of the factor from columns.first on, `width` of them in the panel.
template <class T>
void pack_panel(const RightFactor& factor, const Block& columns, const Block& depth,
                std::int64_t width, T* to) {
  const auto* from = static_cast<const T*>(factor.data);
  const std::int64_t there = std::min(width, columns.size);
  if (factor.stride_n == 1) {
    for (std::int64_t k = 0; k < depth.size; ++k, to += width) {
      const T* row = from + (depth.first + k) * factor.stride_k + columns.first;
      std::fill(std::copy_n(row, there, to), to + width, T{0});
    }
    return;
  }
  for (std::int64_t k = 0; k < depth.size; k += steps) {
    const std::int64_t last = std::min(k + steps, depth.size);
    for (std::int64_t n = 0; n < width; ++n)
      for (std::int64_t at = k; at < last; ++at)
        to[at * width + n] =
            n < there
                ? from[(depth.first + at) * factor.stride_k + (columns.first + n) * factor.stride_n]
                : T{0};
  }
}

template <class T>
void pack(const RightFactor& factor, const PanelWidths& widths, T* to) {
  for (std::int64_t n = 0; n < factor.n; n += block_columns) {
    const std::int64_t columns = std::min(factor.n - n, block_columns);
    const std::int64_t full = columns / widths.full * widths.full;
    for (std::int64_t k = 0; k < factor.k; k += block_depth) {
      const Block depth{k, std::min(factor.k - k, block_depth)};
      for (std::int64_t first = 0; first < columns;) {
        const std::int64_t width = first < full ? widths.full : widths.tail;
        pack_panel(factor, {n + first, columns - first}, depth, width, to);
        to += width * depth.size;
        first += width;
      }
    }
  }
}

}  // namespace

std::int64_t panel_elements(const RightFactor& factor, const PanelWidths& widths) {
  return round_up(factor.n, widths.tail) * factor.k;
}

void pack_panels(const RightFactor& factor, const PanelWidths& widths, void* to) {
  switch (factor.element_bytes) {
    case 1:
      return pack(factor, widths, static_cast<std::uint8_t*>(to));
    case 2:
      return pack(factor, widths, static_cast<std::uint16_t*>(to));
    case 4:
      return pack(factor, widths, static_cast<std::uint32_t*>(to));
    case 8:
      return pack(factor, widths, static_cast<std::uint64_t*>(to));
    default:
      throw InternalError("panels: elements of " + std::to_string(factor.element_bytes) + " bytes");
  }
}

RightFactor right_factor(const Kernel& kernel, std::span<const std::int64_t> params,
                         const void* data) {
  const Section& product = kernel.sections.front();
  const Access& access = kernel.accesses[static_cast<std::size_t>(product.rhs.front().access)];
  const auto k = static_cast<std::size_t>(kernel.parallel_axes), n = k - 1;
  const auto stride = [&](std::size_t axis) {
    const Coef& coef = access.strides[axis];
    if (coef.kind == Coef::Kind::param) return params[static_cast<std::size_t>(coef.param)];
    return static_cast<std::int64_t>(coef.is_one() ? 1 : 0);
  };
  return {data, size_of(access.dtype), params[n], params[k], stride(n), stride(k)};
}

}  // namespace weft::codegen
