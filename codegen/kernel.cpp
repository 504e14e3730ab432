#include "codegen/kernel.h"

#include <algorithm>

#include "codegen/attention_scratch.h"
#include "codegen/contract_blocks.h"
#include "codegen/kernel_values.h"

namespace weft::codegen {
namespace {

// Scratch that emitters need beside kept rows and panels: vectors spilled around calls, tails of
// rows, reduction lanes of every reduce instruction.
constexpr std::size_t scratch_alignment = 64;
constexpr std::size_t tail_bytes = 4096;
constexpr std::size_t tail_bytes_per_access = 1024;
constexpr std::int64_t kept_row_multiple = 32;
constexpr std::size_t column_sum_bytes = 16384;  // of the accumulators of a tile of columns

std::int64_t product(std::span<const std::int64_t> sizes) {
  std::int64_t total = 1;
  for (std::int64_t size : sizes) total *= size;
  return total;
}

std::int64_t tiles(std::int64_t size, std::int64_t tile) { return (size + tile - 1) / tile; }

std::size_t aligned(std::size_t bytes) {
  return (bytes + scratch_alignment - 1) / scratch_alignment * scratch_alignment;
}

// A kept value has room for every j, and in an across kernel for every lane of a tile at each j.
std::size_t kept_bytes(const Kernel& kernel, std::int64_t row_size) {
  std::size_t row = static_cast<std::size_t>(round_up(row_size, kept_row_multiple));
  if (kernel.lanes == Lanes::across) row *= static_cast<std::size_t>(across_row_tile);
  std::vector<DType> dtypes = register_dtypes(kernel);
  std::size_t bytes = 0;
  for (const Section& section : kernel.sections)
    for (Reg reg : section.keeps)
      bytes += aligned(row * size_of(dtypes[static_cast<std::size_t>(reg)]));
  return bytes;
}

bool computes(const Inst& inst) { return inst.kind == Inst::Kind::op; }

// Bytes of the accumulators of one column.
std::size_t sum_bytes(const Kernel& kernel) {
  std::size_t bytes = 0;
  for (const Section& section : kernel.sections)
    for (const Inst& inst : section.body)
      if (inst.kind == Inst::Kind::reduce || inst.kind == Inst::Kind::scan)
        bytes += size_of(inst.dtype);
  return bytes;
}

std::size_t contract_bytes(const Section& section, std::int64_t m, std::int64_t n, std::int64_t k) {
  std::int64_t elements =
      row_buffer_elements + packed_a_elements(k) + packed_b_elements(n, k) + c_elements(m, n, k);
  return aligned(static_cast<std::size_t>(elements) * size_of(section.dtype));
}

}  // namespace

bool Kernel::is_contract() const {
  for (const Section& section : sections)
    if (section.kind == Section::Kind::contract) return true;
  return false;
}

bool Kernel::sums_columns() const {
  if (lanes != Lanes::across || !row_axis || is_contract()) return false;
  const Section* over = nullptr;
  for (const Section& section : sections) {
    for (const Inst& inst : section.body) {
      if (inst.kind == Inst::Kind::update) return false;
      // What comes before the rows is done again for some of them, so it is next to nothing.
      bool before = section.kind == Section::Kind::once && !over;
      if (before && (inst.kind == Inst::Kind::store || computes(inst))) return false;
    }
    if (section.kind != Section::Kind::over) continue;
    if (over || !section.keeps.empty()) return false;
    over = &section;
  }
  return over && sum_bytes(*this) > 0 && sum_bytes(*this) <= column_sum_bytes / narrow_column_tile;
}

std::int64_t widest_column_tile(const Kernel& kernel) {
  std::size_t bytes = sum_bytes(kernel);
  auto tile = static_cast<std::size_t>(across_tile);
  while (tile * bytes > column_sum_bytes) tile /= 2;
  return static_cast<std::int64_t>(tile);
}

std::int64_t column_tile(const Kernel& kernel, std::span<const std::int64_t> params) {
  auto parallel = static_cast<std::size_t>(kernel.parallel_axes);
  std::int64_t wide = widest_column_tile(kernel);
  std::int64_t units = product(params.first(parallel - 1)) * tiles(params[parallel - 1], wide);
  return units < column_units ? narrow_column_tile : wide;
}

bool Kernel::is_attention() const {
  return !sections.empty() && sections[0].kind == Section::Kind::attention;
}

bool Kernel::is_attention_gradient() const {
  return !sections.empty() && sections[0].kind == Section::Kind::attention_gradient;
}

bool Kernel::is_turned(const Inst& inst, int axis) const {
  bool store = inst.kind == Inst::Kind::store;
  if (!store && inst.kind != Inst::Kind::load) return false;
  if (inst.args[store ? 1 : 0] >= 0 || !inst.coefs.empty()) return false;
  const std::vector<Coef>& strides = accesses[static_cast<std::size_t>(inst.access)].strides;
  return strides[static_cast<std::size_t>(axis)].is_one() &&
         strides[static_cast<std::size_t>(parallel_axes - 1)].kind == Coef::Kind::param;
}

int Kernel::turned_axis() const {
  if (lanes != Lanes::across || row_axis || sections.size() != 1) return -1;
  if (is_attention() || is_attention_gradient()) return -1;
  if (std::any_of(accesses.begin(), accesses.end(), [](const Access& a) { return a.record > 1; }))
    return -1;
  int best = -1;
  std::ptrdiff_t most = 0;
  for (int axis = 0; axis < parallel_axes - 1; ++axis) {
    const std::vector<Inst>& body = sections[0].body;
    std::ptrdiff_t count = std::count_if(body.begin(), body.end(),
                                         [&](const Inst& inst) { return is_turned(inst, axis); });
    if (count <= most) continue;
    best = axis;
    most = count;
  }
  return best;
}

std::int64_t unit_count(const Kernel& kernel, std::span<const std::int64_t> params) {
  auto parallel = static_cast<std::size_t>(kernel.parallel_axes);
  if (kernel.is_contract()) {
    if (params[parallel - 1] == 0) return 0;
    const std::int64_t rows = tiles(params[parallel - 2], contract_rows);
    return product(params.first(parallel - 2)) *
           (rows == 1 ? tiles(params[parallel - 1], unit_columns) : rows);
  }
  if (kernel.is_attention()) return params[0] * tiles(params[1], ir::attention_queries);
  if (kernel.is_attention_gradient()) return params[0] * params[5];
  if (kernel.lanes == Lanes::along) return product(params.first(parallel));
  if (int turned = kernel.turned_axis(); turned >= 0) {
    std::int64_t near = params[static_cast<std::size_t>(turned)];
    if (near == 0) return 0;
    return product(params.first(parallel - 1)) / near * tiles(near, turned_rows) *
           tiles(params[parallel - 1], across_tile);
  }
  std::int64_t tile = kernel.sums_columns() ? column_tile(kernel, params)
                      : kernel.row_axis     ? across_row_tile
                                            : across_tile;
  return product(params.first(parallel - 1)) * tiles(params[parallel - 1], tile);
}

std::size_t scratch_bytes(const Kernel& kernel, std::span<const std::int64_t> params) {
  auto parallel = static_cast<std::size_t>(kernel.parallel_axes);
  std::size_t bytes = aligned(tail_bytes + tail_bytes_per_access * kernel.accesses.size());
  if (kernel.row_axis) bytes += kept_bytes(kernel, params[parallel]);
  if (kernel.sums_columns())
    bytes += sum_bytes(kernel) * static_cast<std::size_t>(widest_column_tile(kernel));
  if (kernel.is_attention())
    bytes += aligned(static_cast<std::size_t>(AttentionScratch(params[3], params[4]).elements) *
                     size_of(kernel.sections[0].dtype));
  if (kernel.is_attention_gradient())
    bytes +=
        aligned(static_cast<std::size_t>(AttentionGradientScratch(kernel.sections[0].wrt, params[2],
                                                                  params[3], params[4])
                                             .elements) *
                size_of(kernel.sections[0].dtype));
  for (const Section& section : kernel.sections)
    if (section.kind == Section::Kind::contract)
      bytes +=
          contract_bytes(section, params[parallel - 2], params[parallel - 1], params[parallel]);
  return bytes;
}

}  // namespace weft::codegen
