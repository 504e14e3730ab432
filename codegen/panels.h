// The right factor of a product as its kernel wants it: panels of columns, packed once for many
// launches. The layout is that of the kernel's own packing (codegen/llvm/gemm.cpp): columns in
// blocks of block_columns; in each, k in blocks of block_depth; in each of those, panels of `full`
// columns as long as they are whole, then panels of `tail` columns, the last one padded; in a
// panel, one k after another, its columns side by side.
#pragma once

#include <cstdint>

#include "codegen/kernel.h"

namespace weft::codegen {

/// Columns of a panel; tail divides full and block_columns.
struct PanelWidths {
  std::int64_t full, tail;
};

/// An array of n columns and k rows, strides in elements.
struct RightFactor {
  const void* data;
  std::size_t element_bytes;  // 1, 2, 4 or 8
  std::int64_t n, k;
  std::int64_t stride_n, stride_k;
  friend bool operator==(const RightFactor&, const RightFactor&) = default;
};

std::int64_t panel_elements(const RightFactor& factor, const PanelWidths& widths);
/// `to`: panel_elements of the factor's size. Columns of padding are 0.
void pack_panels(const RightFactor& factor, const PanelWidths& widths, void* to);

/// The right factor of a launch of a product; `data` is what its access points to. Only of kernels
/// whose product may be packed ahead.
RightFactor right_factor(const Kernel& kernel, std::span<const std::int64_t> params,
                         const void* data);

}  // namespace weft::codegen
