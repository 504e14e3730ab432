#include "codegen/dump.h"

#include <algorithm>

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
  std::vector<std::int64_t> offsets;
  for (const Argument& argument : launch.arguments) offsets.push_back(argument.offset);
  return cuda_text(*launch.kernel, launch.params, offsets);
}

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

std::string heading(const Launch& launch, std::size_t number) {
  std::string text = "launch " + std::to_string(number) + ": " + launch.label + ", parameters [";
  for (std::size_t p = 0; p < launch.params.size(); ++p)
    text += (p ? ", " : "") + std::to_string(launch.params[p]);
  return text + "]";
}

}  // namespace

std::string dump(const Program& program, CodeForm form) {
  std::string text;
  std::vector<std::string> seen;
  for (std::size_t k = 0; k < program.launches.size(); ++k) {
    const Launch& launch = program.launches[k];
    const std::string key = print(*launch.kernel);
    const auto first = std::find(seen.begin(), seen.end(), key);
    text += comment(form) + heading(launch, k);
    if (first == seen.end())
      text += "\n" + code_of(launch, form);
    else
      text += ", the kernel of launch " + std::to_string(first - seen.begin());
    text += "\n";
    seen.push_back(key);
  }
  return text;
}

}  // namespace weft::codegen
