#include "tools/bench/ceilings.h"

#include "runtime/engine.h"
#include "runtime/thread_pool.h"
#include "tools/bench/inputs.h"

namespace weft::bench {

const CeilingKernels* ceiling_kernels() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq"))
    return &avx512_ceilings();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return &avx2_ceilings();
#endif
  return nullptr;
}

std::shared_ptr<Ceiling> make_ceiling(CeilingWork work,
                                      std::function<double(std::int64_t)> expected,
                                      double tolerance) {
  const CeilingKernels* kernels = ceiling_kernels();
  if (!kernels) return nullptr;
  struct State {
    CeilingWork work;
    std::vector<runtime::Buffer> in;  // aligned as tensors are
    runtime::Buffer out;
    CeilingArrays arrays;
  };
  auto state = std::make_shared<State>();
  state->work = std::move(work);
  CeilingWork& w = state->work;
  for (std::size_t k = 0; k < w.in.size(); ++k) {
    state->in.push_back(runtime::allocate(w.in[k].size() * sizeof(float)));
    std::copy(w.in[k].begin(), w.in[k].end(), static_cast<float*>(state->in[k].data()));
    state->arrays.in[k] = static_cast<const float*>(state->in[k].data());
  }
  state->out = runtime::allocate(at(w.outputs) * sizeof(float));
  state->arrays.out = static_cast<float*>(state->out.data());
  state->arrays.labels = w.labels.data();
  state->arrays.columns = w.columns;
  auto ceiling = std::make_shared<Ceiling>();
  for (CeilingKernel kernel : {(kernels->*w.kernel).plain, (kernels->*w.kernel).streaming}) {
    if (!kernel) continue;
    ceiling->variants.push_back([state, kernel] {
      const CeilingWork& c = state->work;
      const std::int64_t block = c.columns ? 1 : 1024;  // elements are shared out in blocks
      const double cost = static_cast<double>(c.units) * c.unit_ns;
      runtime::parallel_for(c.units / block, cost, [&](std::int64_t begin, std::int64_t end) {
        kernel(state->arrays, begin * block, end * block);
      });
    });
  }
  ceiling->check = [state, expected = std::move(expected), tolerance] {
    return compare_elements(state->arrays.out, state->work.outputs, expected, tolerance);
  };
  return ceiling;
}

}  // namespace weft::bench
