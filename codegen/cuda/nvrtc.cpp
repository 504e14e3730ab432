#include "codegen/cuda/nvrtc.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>

#include <weft/error.h>

namespace weft::codegen::cuda {
namespace {

struct OpaqueProgram;
using Program = OpaqueProgram*;
constexpr int success = 0, builtins_failed = 7;
constexpr int oldest_major = 12;
// Arithmetic is fixed in the graph: nothing is contracted, flushed or approximated.
constexpr std::array options_for_all = {"--std=c++17",      "--fmad=false",
                                        "--ftz=false",      "--prec-div=true",
                                        "--prec-sqrt=true", "--ptxas-options=-v"};

}  // namespace

// Own declarations of the functions that are used.
struct Nvrtc::Api {
  int (*version)(int* major, int* minor);
  const char* (*error_name)(int status);
  int (*architecture_count)(int* count);
  int (*architectures)(int* numbers);
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

  static constexpr auto symbols() {
    return std::tuple{Symbol{&Api::version, "nvrtcVersion"},
                      Symbol{&Api::error_name, "nvrtcGetErrorString"},
                      Symbol{&Api::architecture_count, "nvrtcGetNumSupportedArchs"},
                      Symbol{&Api::architectures, "nvrtcGetSupportedArchs"},
                      Symbol{&Api::create, "nvrtcCreateProgram"},
                      Symbol{&Api::destroy, "nvrtcDestroyProgram"},
                      Symbol{&Api::compile, "nvrtcCompileProgram"},
                      Symbol{&Api::code_size, "nvrtcGetCUBINSize"},
                      Symbol{&Api::code, "nvrtcGetCUBIN"},
                      Symbol{&Api::ptx_size, "nvrtcGetPTXSize"},
                      Symbol{&Api::ptx, "nvrtcGetPTX"},
                      Symbol{&Api::log_size, "nvrtcGetProgramLogSize"},
                      Symbol{&Api::log, "nvrtcGetProgramLog"}};
  }

  template <class Text>
  bool read(int (*size_of)(Program, std::size_t*), int (*read_into)(Program, char*),
            Program program, Text& into) const {
    std::size_t size = 0;
    if (size_of(program, &size) != success || size == 0) return false;
    into.resize(size);
    return read_into(program, into.data()) == success;
  }
  std::string program_log(Program program) const {
    std::string text;
    if (!read(log_size, log, program, text) || text.size() <= 1) return "no log";
    text.pop_back();
    return text;
  }
};

Architecture parse_architecture(std::string_view text) {
  Architecture parsed;
  const std::string_view digits = text.starts_with("sm_") ? text.substr(3) : std::string_view();
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), parsed.number);
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size() ||
      parsed.number < 10)
    throw Error("architecture: expected sm_ and a number, like sm_90, got \"" + std::string(text) +
                "\"");
  return parsed;
}

Nvrtc::Nvrtc(const LibrarySearch& search) {
  const auto loaded = Loaded<Api>::open(search);
  if (!loaded) throw Error(loaded.problem);
  path_ = loaded.path;
  int minor = 0, count = 0;
  if (loaded.api.version(&major_, &minor) != success)
    throw Error(path_ + " does not tell its version: " + search.remedy);
  version_ = std::to_string(major_) + "." + std::to_string(minor);
  if (major_ < oldest_major)
    throw Error("NVRTC " + version_ + " (" + path_ + ") is too old: CUDA 12 or later is needed; " +
                search.remedy);
  std::vector<int> numbers;
  if (loaded.api.architecture_count(&count) == success && count > 0) {
    numbers.resize(static_cast<std::size_t>(count));
    if (loaded.api.architectures(numbers.data()) != success) numbers.clear();
  }
  if (numbers.empty())
    throw Error("NVRTC " + version_ + " (" + path_ + ") names no architecture: " + search.remedy);
  std::sort(numbers.begin(), numbers.end());
  for (int number : numbers) architectures_.push_back({number});
  api_ = std::make_shared<Api>(loaded.api);
  check_builtins();
}

// The compiler opens its built-in functions by bare name at the first compilation, which fails
// where they are on no search path; what is open already is found by its name. Where they do not
// lie beside it, a compilation of nothing tells whether they are found.
void Nvrtc::check_builtins() const {
  const std::string name = "libnvrtc-builtins.so." + version_;
  std::string ignored;
  if (open_library((std::filesystem::path(path_).parent_path() / name).string(), ignored).is_open())
    return;
  Program program = nullptr;
  if (api_->create(&program, "", "nothing.cu", 0, nullptr, nullptr) != success) return;
  const int status = api_->compile(program, 0, nullptr);
  api_->destroy(&program);
  if (status == builtins_failed)
    throw Error("NVRTC " + version_ + " (" + path_ + ") finds no " + name +
                ", which must lie beside it: install the CUDA toolkit whole");
}

namespace {
struct Only {
  std::unique_ptr<const Nvrtc> nvrtc;
  std::string problem;
  static const Only& instance() {
    static const Only only;
    return only;
  }
  Only() {
    try {
      nvrtc = std::make_unique<const Nvrtc>(toolkit_search("libnvrtc.so", "WEFT_NVRTC"));
    } catch (const Error& error) {
      problem = error.what();
    }
  }
};
}  // namespace

const Nvrtc* Nvrtc::find() { return Only::instance().nvrtc.get(); }
const std::string& Nvrtc::missing_reason() { return Only::instance().problem; }

Nvrtc::Target Nvrtc::target_for(Architecture device) const {
  const Architecture lowest = architectures_.front(), highest = architectures_.back();
  if (std::find(architectures_.begin(), architectures_.end(), device) != architectures_.end())
    return {device, false};
  if (device.number > highest.number) return {highest, true};
  const std::string reach =
      "NVRTC " + version_ + " compiles for " + lowest.code_name() + " to " + highest.code_name();
  if (device.number < lowest.number)
    throw Error("architecture " + device.code_name() + " is too old: " + reach +
                "; an older CUDA toolkit is needed (WEFT_NVRTC names its libnvrtc.so)");
  // Between two known ones: PTX of the one below.
  const auto above =
      std::find_if(architectures_.begin(), architectures_.end(),
                   [&](const Architecture& known) { return known.number > device.number; });
  return {*std::prev(above), true};
}

std::string Nvrtc::options_text() {
  std::string text;
  for (const char* option : options_for_all) text += std::string(option) + " ";
  return text;
}

void Nvrtc::fail(int status, const std::string& log) const {
  throw InternalError(std::string("nvrtc: ") + api_->error_name(status) + "\n" + log);
}

Nvrtc::Compiled Nvrtc::compile_all(const std::string& text, const Target& target) const {
  Program program = nullptr;
  int status = api_->create(&program, text.c_str(), "kernel.cu", 0, nullptr, nullptr);
  if (status != success) fail(status, "no program was made");
  const auto destroy = [this](Program* p) { api_->destroy(p); };
  const std::unique_ptr<Program, decltype(destroy)> guard(&program, destroy);

  const std::string option = "--gpu-architecture=" + target.option();
  std::vector<const char*> options(options_for_all.begin(), options_for_all.end());
  options.push_back(option.c_str());
  status = api_->compile(program, static_cast<int>(options.size()), options.data());
  Compiled result{{}, {}, api_->program_log(program)};
  if (status != success) fail(status, result.log);
  if (!target.ptx && !api_->read(api_->code_size, api_->code, program, result.code))
    throw InternalError("nvrtc: no code came out");
  if (!api_->read(api_->ptx_size, api_->ptx, program, result.ptx))
    throw InternalError("nvrtc: no PTX came out");
  result.ptx.pop_back();
  return result;
}

}  // namespace weft::codegen::cuda
