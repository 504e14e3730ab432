#include "codegen/cuda/nvrtc.h"

#include <dlfcn.h>

#include <array>
#include <cstdlib>
#include <filesystem>

#include <weft/error.h>

namespace weft::codegen::cuda {
namespace {

struct OpaqueProgram;
using Program = OpaqueProgram*;
constexpr int success = 0;
// Arithmetic is fixed in the graph: nothing is contracted, flushed or approximated.
constexpr std::array options_for_all = {"--std=c++17",      "--fmad=false",
                                        "--ftz=false",      "--prec-div=true",
                                        "--prec-sqrt=true", "--ptxas-options=-v"};

template <class F>
bool load(void* library, F& function, const char* symbol) {
  function = reinterpret_cast<F>(dlsym(library, symbol));
  return function != nullptr;
}

// Newest first: by bare name as the loader finds it, then where toolkits install themselves.
std::vector<std::string> candidates() {
  constexpr std::array names = {"libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so"};
  std::vector<std::string> found(names.begin(), names.end());
  for (const char* variable : {"CUDA_HOME", "CUDA_PATH", ""}) {
    const char* value = *variable ? std::getenv(variable) : "/usr/local/cuda";
    if (!value || !*value) continue;
    for (const char* folder : {"/lib64/", "/lib/"})
      for (const char* name : names) found.push_back(std::string(value) + folder + name);
  }
  return found;
}

}  // namespace

// Own declarations of the functions that are used.
struct Nvrtc::Api {
  void* library = nullptr;
  int (*version)(int* major, int* minor);
  const char* (*error_name)(int status);
  int (*create)(Program*, const char* text, const char* name, int headers, const char* const*,
                const char* const*);
  int (*destroy)(Program*);
  int (*compile)(Program, int count, const char* const* options);
  int (*code_size)(Program, std::size_t*);
  int (*code)(Program, char*);
  int (*ptx_size)(Program, std::size_t*);
  int (*ptx)(Program, char*);
  int (*log_size)(Program, std::size_t*);
  int (*log)(Program, char*);

  bool load_all() {
    return load(library, version, "nvrtcVersion") &&
           load(library, error_name, "nvrtcGetErrorString") &&
           load(library, create, "nvrtcCreateProgram") &&
           load(library, destroy, "nvrtcDestroyProgram") &&
           load(library, compile, "nvrtcCompileProgram") &&
           load(library, code_size, "nvrtcGetCUBINSize") && load(library, code, "nvrtcGetCUBIN") &&
           load(library, ptx_size, "nvrtcGetPTXSize") && load(library, ptx, "nvrtcGetPTX") &&
           load(library, log_size, "nvrtcGetProgramLogSize") &&
           load(library, log, "nvrtcGetProgramLog");
  }

  // The file that the library was loaded from, with its links resolved.
  std::filesystem::path file() const {
    Dl_info info{};
    std::error_code error;
    if (!dladdr(reinterpret_cast<void*>(version), &info) || !info.dli_fname) return {};
    std::filesystem::path path = std::filesystem::canonical(info.dli_fname, error);
    return error ? std::filesystem::path(info.dli_fname) : path;
  }

  std::string program_log(Program program) const {
    std::size_t size = 0;
    if (log_size(program, &size) != success || size <= 1) return "no log";
    std::string text(size, '\0');
    if (log(program, text.data()) != success) return "no log";
    text.resize(size - 1);
    return text;
  }
};

Nvrtc::Nvrtc() {
  for (const std::string& candidate : candidates())
    if (open(candidate)) return;
  if (problem_.empty()) problem_ = "libnvrtc is not installed";
}

bool Nvrtc::open(const std::string& candidate) {
  auto api = std::make_shared<Api>();
  api->library = dlopen(candidate.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!api->library) return false;
  int major = 0, minor = 0;
  if (!api->load_all() || api->version(&major, &minor) != success) {
    problem_ = candidate + " lacks functions of NVRTC";
    dlclose(api->library);
    return false;
  }
  version_ = std::to_string(major) + "." + std::to_string(minor);
  path_ = api->file().string();
  // The compiler opens its built-in functions by bare name at the first compilation, which fails
  // where they are on no search path; what is open already is found by its name.
  std::filesystem::path builtins = api->file().parent_path() / ("libnvrtc-builtins.so." + version_);
  dlopen(builtins.c_str(), RTLD_NOW | RTLD_LOCAL);
  api_ = std::move(api);
  return true;
}

const Nvrtc& Nvrtc::instance() {
  static const Nvrtc only;
  return only;
}
const Nvrtc* Nvrtc::find() { return instance().api_ ? &instance() : nullptr; }
const std::string& Nvrtc::missing_reason() { return instance().problem_; }

Nvrtc::Compiled Nvrtc::compile_all(const std::string& text, std::string_view architecture) const {
  auto fail = [](const std::string& what) { throw InternalError("nvrtc: " + what); };
  Program program = nullptr;
  int status = api_->create(&program, text.c_str(), "kernel.cu", 0, nullptr, nullptr);
  if (status != success) fail(api_->error_name(status));
  auto destroy = [this](Program* p) { api_->destroy(p); };
  std::unique_ptr<Program, decltype(destroy)> guard(&program, destroy);

  std::string target = "--gpu-architecture=" + std::string(architecture);
  std::vector<const char*> options(options_for_all.begin(), options_for_all.end());
  options.push_back(target.c_str());
  status = api_->compile(program, static_cast<int>(options.size()), options.data());
  if (status != success)
    fail(std::string(api_->error_name(status)) + "\n" + api_->program_log(program));
  std::size_t size = 0;
  if (api_->code_size(program, &size) != success || size == 0) fail("no code came out");
  Compiled result{std::vector<char>(size), {}, api_->program_log(program)};
  if (api_->code(program, result.code.data()) != success) fail("the code could not be read");
  if (api_->ptx_size(program, &size) != success || size == 0) fail("no PTX came out");
  result.ptx.resize(size);
  if (api_->ptx(program, result.ptx.data()) != success) fail("the PTX could not be read");
  result.ptx.resize(size - 1);
  return result;
}

}  // namespace weft::codegen::cuda
