#include "runtime/cuda_probe.h"

#include "codegen/cuda/nvrtc.h"

namespace weft::runtime {

const CudaProbe& cuda_probe() {
  static const CudaProbe probe = [] {
    const cuda::Driver& driver = cuda::Driver::instance();
    const codegen::cuda::Nvrtc* nvrtc = codegen::cuda::Nvrtc::find();
    return CudaProbe{.driver = driver.works() ? driver.version_text() : "",
                     .problem = driver.why_not(),
                     .devices = driver.devices,
                     .compiler = nvrtc ? nvrtc->version() : "",
                     .compiler_problem = codegen::cuda::Nvrtc::missing_reason()};
  }();
  return probe;
}

std::string to_text(const CudaProbe& probe) {
  std::string devices;
  for (std::size_t k = 0; k < probe.devices.size(); ++k)
    devices += (k > 0 ? ", " : "") + ("cuda:" + std::to_string(k)) + " " + probe.devices[k].name +
               " (sm_" + std::to_string(probe.devices[k].architecture) + ")";
  if (probe.usable()) return probe.driver + ": " + devices + "; NVRTC " + probe.compiler;
  if (probe.problem.empty())
    return "off (" + devices + " there, but no compiler: " + probe.compiler_problem + ")";
  return "off (" + probe.problem + "); " +
         (probe.compiler.empty()
              ? "no compiler: " + probe.compiler_problem
              : "NVRTC " + probe.compiler + " present: kernels can be compiled, not run");
}

}  // namespace weft::runtime
