#include "tools/bench/device.h"

#include <algorithm>
#include <chrono>

#include "frontend/place.h"
#include "runtime/cuda/device.h"

namespace weft::bench {
namespace {

Device& chosen() {
  static Device device;
  return device;
}

runtime::cuda::Device& cuda_device() { return *runtime::cuda::Device::get(chosen().index()); }

}  // namespace

void use_device(const std::string& text) {
  try {
    chosen() = detail::place_of(Device(text, Location())).device();
  } catch (const Unsupported& error) {
    throw Unsupported("weft-bench: --device: " + std::string(error.what()));
  }
}

const Device& device() { return chosen(); }

void finish_device() {
  if (device().is_cuda()) cuda_device().stream()->synchronize();
}

std::string device_name() { return cuda_device().facts().name + " (" + cuda_device().name() + ")"; }

Limits measure_device_limits() {
  constexpr std::size_t bytes = std::size_t{64} << 20;
  constexpr int copies = 10;
  runtime::cuda::Device& gpu = cuda_device();
  const runtime::Buffer from = gpu.allocate(bytes, "copied from"),
                        to = gpu.allocate(bytes, "copied to");
  double best_ns = 0;
  for (int sample = 0; sample < 5; ++sample) {
    gpu.stream()->synchronize();
    const auto start = std::chrono::steady_clock::now();
    for (int k = 0; k < copies; ++k) gpu.copy_within(*to.device, 0, *from.device, 0, bytes);
    gpu.stream()->synchronize();
    const double ns =
        std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count();
    best_ns = sample == 0 ? ns : std::min(best_ns, ns);
  }
  const double gbs = 2.0 * copies * static_cast<double>(bytes) / best_ns;
  return {.threads = 1, .copy_gbs = gbs, .read_gbs = gbs, .f32_gflops = 0, .f64_gflops = 0};
}

}  // namespace weft::bench
