#include "runtime/packed_factors.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include <weft/error.h>
#include "codegen/contract_blocks.h"
#include "codegen/jit.h"
#include "runtime/machine.h"

namespace weft::runtime {
namespace {

using codegen::RightFactor;

constexpr std::size_t least_bytes = 32 << 10;  // below, packing costs no more than looking here

std::atomic<std::size_t> kept_factors{0}, kept_bytes{0};

std::size_t limit() {
  static const std::size_t bytes = memory_bytes() / 8;
  return bytes;
}

/// Panels of one factor, counted.
class Panels {
 public:
  /// Null where there is no room.
  static std::unique_ptr<const Panels> make(const RightFactor& factor, DType dtype) {
    const codegen::PanelWidths widths = codegen::panel_widths(dtype);
    const std::size_t bytes =
        static_cast<std::size_t>(codegen::panel_elements(factor, widths)) * factor.element_bytes;
    if (kept_bytes.fetch_add(bytes) + bytes > limit()) {
      kept_bytes.fetch_sub(bytes);
      return nullptr;
    }
    try {
      return std::unique_ptr<const Panels>(new Panels(factor, widths, bytes));
    } catch (const std::bad_alloc&) {
    } catch (const OutOfMemory&) {
    }
    kept_bytes.fetch_sub(bytes);
    return nullptr;
  }
  ~Panels() {
    kept_factors.fetch_sub(1);
    kept_bytes.fetch_sub(block_.bytes());
  }
  bool are_of(const RightFactor& factor) const { return factor_ == factor; }
  const void* data() const { return block_.data(); }

 private:
  Panels(const RightFactor& factor, const codegen::PanelWidths& widths, std::size_t bytes)
      : factor_(factor), block_(bytes) {
    codegen::pack_panels(factor, widths, block_.data());
    kept_factors.fetch_add(1);
  }

  RightFactor factor_;
  Block block_;
};

/// All panels of a buffer: of the factor as it is, and transposed, say.
class PackedFactors final : public BufferNote {
 public:
  ~PackedFactors() override {
    for (std::atomic<const Panels*>& panels : known_) delete panels.load();
  }

  const void* find(const RightFactor& factor, DType dtype) {
    for (const std::atomic<const Panels*>& known : known_) {
      const Panels* panels = known.load(std::memory_order_acquire);
      if (panels != nullptr && panels->are_of(factor)) return panels->data();
    }
    return meet(factor, dtype);
  }

 private:
  /// Packs what was met before. Whoever finds another thread at it goes without.
  const void* meet(const RightFactor& factor, DType dtype) {
    const std::unique_lock lock(mutex_, std::try_to_lock);
    if (!lock) return nullptr;
    const auto place = std::find_if(known_.begin(), known_.end(), [&](const auto& known) {
      const Panels* panels = known.load(std::memory_order_relaxed);
      return panels == nullptr || panels->are_of(factor);
    });
    if (place == known_.end()) return nullptr;
    if (const Panels* panels = place->load(std::memory_order_relaxed)) return panels->data();
    const bool again = std::find(met_.begin(), met_.end(), factor) != met_.end();
    if (!again) {
      met_[next_++ % met_.size()] = factor;
      return nullptr;
    }
    std::unique_ptr<const Panels> made = Panels::make(factor, dtype);
    if (made == nullptr) return nullptr;
    place->store(made.get(), std::memory_order_release);
    return made.release()->data();
  }

  std::array<std::atomic<const Panels*>, 2> known_{};
  std::mutex mutex_;
  std::array<std::optional<RightFactor>, 2> met_{};
  std::size_t next_ = 0;
};

}  // namespace

bool is_worth_keeping(const RightFactor& factor) {
  const std::size_t bytes = static_cast<std::size_t>(factor.n) *
                            static_cast<std::size_t>(factor.k) * factor.element_bytes;
  // What has contiguous columns and is small is read where it lies.
  return bytes >= (factor.stride_n == 1 ? codegen::in_place_bytes : least_bytes);
}

std::int64_t packed_ahead(const Buffer& buffer, const RightFactor& factor, DType dtype) {
  BufferNote** const slot = note_of(buffer);
  if (slot == nullptr) return 0;
  const std::atomic_ref<BufferNote*> note(*slot);
  BufferNote* known = note.load(std::memory_order_acquire);
  if (known == nullptr) {
    std::unique_ptr<BufferNote> made(new (std::nothrow) PackedFactors());
    if (made == nullptr) return 0;
    if (note.compare_exchange_strong(known, made.get(), std::memory_order_acq_rel))
      known = made.release();
  }
  return reinterpret_cast<std::intptr_t>(static_cast<PackedFactors*>(known)->find(factor, dtype));
}

void forget_packed(const Buffer& buffer) {
  BufferNote** const slot = note_of(buffer);
  if (slot == nullptr) return;
  delete *slot;
  *slot = nullptr;
}

PackedStats packed_stats() { return {kept_factors.load(), kept_bytes.load(), limit()}; }

}  // namespace weft::runtime
