#include "codegen/cuda/library.h"

#include <dlfcn.h>

#include <array>
#include <cstdlib>
#include <filesystem>

namespace weft::codegen::cuda {
namespace {

std::optional<std::string> value_of(const char* variable) {
  const char* value = std::getenv(variable);
  if (value == nullptr || *value == '\0') return std::nullopt;
  return value;
}

}  // namespace

LibrarySearch toolkit_search(const std::string& name, const char* variable) {
  LibrarySearch search{.name = name,
                       .variable = variable,
                       .override_to = value_of(variable),
                       .candidates = {},
                       .remedy = std::string("install the CUDA toolkit (13 or 12), or set ") +
                                 variable + " or CUDA_HOME"};
  const std::array names = {name + ".13", name + ".12", name};
  search.candidates.assign(names.begin(), names.end());
  const std::array homes = {value_of("CUDA_HOME"), value_of("CUDA_PATH"),
                            std::optional<std::string>("/usr/local/cuda")};
  for (const auto& home : homes) {
    if (!home) continue;
    for (const char* folder : {"/lib64/", "/lib/"})
      for (const std::string& file : names) search.candidates.push_back(*home + folder + file);
  }
  return search;
}

LibrarySearch driver_search() {
  return {.name = "libcuda.so.1",
          .variable = "WEFT_CUDA_DRIVER",
          .override_to = value_of("WEFT_CUDA_DRIVER"),
          .candidates = {"libcuda.so.1", "/usr/lib/wsl/lib/libcuda.so.1"},
          .remedy = "no NVIDIA driver"};
}

std::string file_of(const void* function) {
  Dl_info info{};
  if (dladdr(const_cast<void*>(function), &info) == 0 || info.dli_fname == nullptr) return {};
  std::error_code error;
  const std::filesystem::path path = std::filesystem::canonical(info.dli_fname, error);
  return error ? info.dli_fname : path.string();
}

void* Library::find(const char* symbol) const { return dlsym(handle_, symbol); }

Library open_library(const std::string& candidate, std::string& problem) {
  Library library;
  library.handle_ = dlopen(candidate.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library.handle_ == nullptr) {
    const char* reason = dlerror();
    problem = candidate + " cannot be opened" + (reason ? std::string(": ") + reason : "");
  }
  return library;
}

}  // namespace weft::codegen::cuda
