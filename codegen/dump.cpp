#include "codegen/dump.h"

#include <algorithm>

#include <weft/error.h>
#include "codegen/cuda/emit.h"
#include "codegen/cuda/nvrtc.h"
#include "codegen/cuda/resources.h"
#include "codegen/cuda/schedule.h"
#include "codegen/cuda/spell.h"
#include "codegen/jit.h"

namespace weft::codegen {

namespace {

const char* comment(CodeForm form) {
  switch (form) {
    case CodeForm::llvm:
      return "; ";
    case CodeForm::assembly:
      return "# ";
    default:
      return "// ";
  }
}

std::string cuda_of(const Launch& launch) {
  return std::string(cuda::prelude()) +
         cuda::kernel_text(*launch.kernel, cuda::schedule(launch), "kernel");
}

std::string print_of(const Launch& launch) { return print(*launch.kernel); }

std::string code_of(const Launch& launch, CodeForm form) {
  const Kernel& kernel = *launch.kernel;
  switch (form) {
    case CodeForm::llvm:
      return llvm_text(kernel);
    case CodeForm::assembly:
      return asm_text(kernel);
    case CodeForm::cuda:
      return cuda_of(launch);
    default:
      return print(kernel);
  }
}

/// Compiles each kernel for a device.
class DeviceCode {
 public:
  explicit DeviceCode(std::string_view architecture)
      : compiler_(cuda::Nvrtc::find()), architecture_(cuda::parse_architecture(architecture)) {
    if (compiler_ == nullptr)
      throw Unsupported("code for a CUDA device needs its compiler: " +
                        cuda::Nvrtc::missing_reason());
  }

  std::string operator()(const Launch& launch, CodeForm form) const {
    const cuda::Nvrtc::Target target = compiler_->target_for(architecture_);
    const cuda::Nvrtc::Compiled compiled = compiler_->compile_all(cuda_of(launch), target);
    if (form == CodeForm::ptx) return compiled.ptx;
    return code_of(launch, form) + "// " + target.option() + ": " + grid(launch) +
           (target.ptx ? "; the driver compiles it, nothing is known of its registers"
                       : "; " + cuda::read_resources(compiled.log).at(0).str()) +
           "\n";
  }

  static std::string grid(const Launch& launch) {
    const cuda::LaunchShape shape = cuda::launch_shape(launch);
    return std::to_string(shape.blocks) + " blocks of " + std::to_string(shape.threads) +
           " threads";
  }

 private:
  const cuda::Nvrtc* compiler_;
  const cuda::Architecture architecture_;
};

std::string heading(const Launch& launch, std::size_t number) {
  std::string text = "launch " + std::to_string(number) + ": " + launch.label + ", parameters [";
  for (std::size_t p = 0; p < launch.params.size(); ++p)
    text += (p ? ", " : "") + std::to_string(launch.params[p]);
  return text + "]";
}

/// Launches with equal keys have equal code, which is shown once.
template <class KeyOf, class CodeOf>
std::string dump_each(const Program& program, CodeForm form, const KeyOf& key_of,
                      const CodeOf& code) {
  std::string text;
  std::vector<std::string> seen;
  for (std::size_t k = 0; k < program.launches.size(); ++k) {
    const Launch& launch = program.launches[k];
    const std::string key = key_of(launch);
    const auto first = std::find(seen.begin(), seen.end(), key);
    text += comment(form) + heading(launch, k);
    if (first == seen.end())
      text += "\n" + code(launch, form);
    else
      text += ", the kernel of launch " + std::to_string(first - seen.begin());
    text += "\n";
    seen.push_back(key);
  }
  return text;
}

}  // namespace

std::string dump(const Program& program, CodeForm form) {
  // A kernel has one text on the CPU; on a device it depends on what a launch lets it assume.
  return dump_each(program, form, form == CodeForm::cuda ? cuda_of : print_of, code_of);
}

std::string dump_for_device(const Program& program, CodeForm form, std::string_view architecture) {
  const auto key = [](const Launch& launch) { return cuda_of(launch) + DeviceCode::grid(launch); };
  return dump_each(program, form, key, DeviceCode(architecture));
}

}  // namespace weft::codegen
