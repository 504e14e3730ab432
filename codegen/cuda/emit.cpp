#include "codegen/cuda/emit.h"

#include "codegen/cuda/forms.h"
#include "codegen/cuda/spell.h"
#include "codegen/jit.h"

namespace weft::codegen {

std::string cuda::kernel_text(const Kernel& kernel, const Schedule& schedule,
                              std::string_view name) {
  if (kernel.is_attention() || kernel.is_attention_gradient())
    throw Unsupported("cuda: kernels of attention");
  if (kernel.is_contract()) return product_text(kernel, schedule, name);
  if (schedule.in_packs()) return packs_text(kernel, schedule, name);
  if (schedule.turned >= 0) return turned_text(kernel, schedule, name);
  return rows_text(kernel, schedule, name);
}

std::string cuda_text(const Kernel& kernel) {
  cuda::Schedule any_launch;
  any_launch.packed.assign(kernel.accesses.size(), false);
  return std::string(cuda::prelude()) + cuda::kernel_text(kernel, any_launch, "kernel");
}

std::string cuda_text(const Kernel& kernel, std::span<const std::int64_t> params,
                      std::span<const std::int64_t> offsets) {
  return std::string(cuda::prelude()) +
         cuda::kernel_text(kernel, cuda::schedule(kernel, params, offsets), "kernel");
}

}  // namespace weft::codegen
