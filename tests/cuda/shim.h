// What CUDA's compiler has built in, for a host compiler: put before generated kernels to build
// them as a shared library that the emulator (emulator.h) runs. No header is included, as on the
// device. Interface and emulator.cpp must agree on everything that is named weft_emulated_*.
#define __global__
#define __device__ inline
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __restrict__ __restrict
#define __align__(n) __attribute__((aligned(n)))
#define __shared__ static __attribute__((section("weft_shared"), used))

struct weft_emulated_dim {
  unsigned x, y, z;
};
struct weft_emulated_thread {
  weft_emulated_dim thread, block, block_size, grid_size;
};
struct weft_emulated_machine {
  weft_emulated_thread* current;
  unsigned long long (*warp)(int what, unsigned mask, unsigned long long value, int argument,
                             int width);
  void (*block)(int line);
};

#define WEFT_EXPORT extern "C" __attribute__((visibility("default")))
WEFT_EXPORT weft_emulated_machine* weft_emulated;
weft_emulated_machine* weft_emulated;
// Where the library's shared memory lies; empty where no kernel has any.
extern "C" char __start_weft_shared[] __attribute__((weak, visibility("hidden")));
extern "C" char __stop_weft_shared[] __attribute__((weak, visibility("hidden")));
WEFT_EXPORT void weft_emulated_shared(char** begin, char** end) {
  *begin = __start_weft_shared;
  *end = __stop_weft_shared;
}

#define threadIdx (weft_emulated->current->thread)
#define blockIdx (weft_emulated->current->block)
#define blockDim (weft_emulated->current->block_size)
#define gridDim (weft_emulated->current->grid_size)

#define __syncthreads() weft_emulated->block(__LINE__)
template <class T>
static inline T weft_emulated_warp(int what, unsigned mask, T value, int argument, int width) {
  static_assert(sizeof(T) == 4 || sizeof(T) == 8, "shuffles take words");
  unsigned long long bits = 0;
  __builtin_memcpy(&bits, &value, sizeof value);
  bits = weft_emulated->warp(what, mask, bits, argument, width);
  __builtin_memcpy(&value, &bits, sizeof value);
  return value;
}
static inline void __syncwarp(unsigned mask = 0xffffffffu) {
  weft_emulated_warp(0, mask, 0, 0, 32);
}
template <class T>
static inline T __shfl_sync(unsigned mask, T value, int lane, int width = 32) {
  return weft_emulated_warp(1, mask, value, lane, width);
}
template <class T>
static inline T __shfl_down_sync(unsigned mask, T value, unsigned by, int width = 32) {
  return weft_emulated_warp(2, mask, value, (int)by, width);
}

// Copies that the device makes by itself end when they are waited for, not before.
struct weft_emulated_copy {
  void* to;
  const void* from;
};
static weft_emulated_copy weft_emulated_copies[1024][1024];
static int weft_emulated_copy_count[1024];
static inline void weft_copy_16(void* shared, const void* global) {
  int& count = weft_emulated_copy_count[threadIdx.x];
  if (count == 1024 || ((unsigned long long)shared | (unsigned long long)global) % 16 != 0)
    __builtin_trap();
  weft_emulated_copies[threadIdx.x][count++] = {shared, global};
}
static inline void weft_copy_wait() {
  int& count = weft_emulated_copy_count[threadIdx.x];
  for (int k = 0; k < count; ++k)
    __builtin_memcpy(weft_emulated_copies[threadIdx.x][k].to,
                     weft_emulated_copies[threadIdx.x][k].from, 16);
  count = 0;
}

#define __fadd_rn(a, b) ((a) + (b))
#define __dadd_rn(a, b) ((a) + (b))
#define __fsub_rn(a, b) ((a) - (b))
#define __dsub_rn(a, b) ((a) - (b))
#define __fmul_rn(a, b) ((a) * (b))
#define __dmul_rn(a, b) ((a) * (b))
#define __fdiv_rn(a, b) ((a) / (b))
#define __ddiv_rn(a, b) ((a) / (b))
#define __fmaf_rn(a, b, c) __builtin_fmaf(a, b, c)
#define __fma_rn(a, b, c) __builtin_fma(a, b, c)
#define __fsqrt_rn(a) __builtin_sqrtf(a)
#define __dsqrt_rn(a) __builtin_sqrt(a)
#define fmodf(a, b) __builtin_fmodf(a, b)
#define fmod(a, b) __builtin_fmod(a, b)
#define floorf(a) __builtin_floorf(a)
#define floor(a) __builtin_floor(a)
#define ceilf(a) __builtin_ceilf(a)
#define ceil(a) __builtin_ceil(a)
#define rintf(a) __builtin_rintf(a)
#define rint(a) __builtin_rint(a)
#define ldexpf(a, b) __builtin_ldexpf(a, b)
#define ldexp(a, b) __builtin_ldexp(a, b)
#define truncf(a) __builtin_truncf(a)
#define trunc(a) __builtin_trunc(a)

// An array of pointers to arguments, as cuLaunchKernel takes it, to a typed call.
template <int... I>
struct weft_emulated_numbers {};
template <int N, int... I>
struct weft_emulated_count : weft_emulated_count<N - 1, N - 1, I...> {};
template <int... I>
struct weft_emulated_count<0, I...> {
  typedef weft_emulated_numbers<I...> type;
};
template <class... A, int... I>
static inline void weft_emulated_apply(void (*f)(A...), void** arguments,
                                       weft_emulated_numbers<I...>) {
  f(*(A*)arguments[I]...);
}
template <class... A>
static inline void weft_emulated_call(void (*f)(A...), void** arguments) {
  weft_emulated_apply(f, arguments, typename weft_emulated_count<sizeof...(A)>::type());
}
#define WEFT_ENTRY(kernel) \
  WEFT_EXPORT void kernel##_entry(void** arguments) { weft_emulated_call(kernel, arguments); }
