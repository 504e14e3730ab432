// Rounding and denormal modes of a thread, read and set without the rest of the environment: saving
// and loading all of it takes longer than handing work to another thread.
#pragma once

#if defined(__x86_64__)
#include <xmmintrin.h>

#include <cstdint>
#else
#include <cfenv>
#endif

namespace weft::runtime {

#if defined(__x86_64__)
class FloatModes {
 public:
  /// Those of the calling thread.
  static FloatModes current() {
    FloatModes modes;
    modes.vectors_ = _mm_getcsr() & ~raised;
    asm volatile("fnstcw %0" : "=m"(modes.x87_));
    return modes;
  }
  /// Makes them the calling thread's. Exceptions that it has raised stay.
  void apply() const {
    const FloatModes now = current();
    if (now.vectors_ != vectors_) _mm_setcsr(vectors_ | (_mm_getcsr() & raised));
    if (now.x87_ != x87_) asm volatile("fldcw %0" : : "m"(x87_));
  }

 private:
  static constexpr std::uint32_t raised = 0x3f;  // the bits of exceptions
  std::uint32_t vectors_ = 0;
  std::uint16_t x87_ = 0;
};
#else
class FloatModes {
 public:
  static FloatModes current() {
    FloatModes modes;
    std::fegetenv(&modes.floats_);
    return modes;
  }
  void apply() const { std::fesetenv(&floats_); }

 private:
  std::fenv_t floats_{};
};
#endif

}  // namespace weft::runtime
