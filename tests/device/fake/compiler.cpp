// The compiler's functions, by their names: code is the text.
#include <cstring>
#include <string>
#include <string_view>

#include "tests/device/fake/fake_device.h"

using namespace weft::test;

namespace {

#define COMPILER_FUNCTION extern "C" __attribute__((visibility("default"))) int

struct FakeProgram {
  std::string text, log, architecture;
};
constexpr int architectures[] = {80, 90, 120};
constexpr int compilation_failed = 6;

int note(FakeCall call) {
  FakeState& state = FakeState::instance();
  const std::lock_guard lock(state.mutex);
  return state.enter(std::move(call), false);
}

/// As ptxas tells about each kernel.
std::string log_of(const FakeProgram& program) {
  constexpr std::string_view begin = "extern \"C\" __global__ void ";
  std::string log;
  for (std::size_t at = 0; (at = program.text.find(begin, at)) != std::string::npos;) {
    at += begin.size();
    const std::string name = program.text.substr(at, program.text.find('(', at) - at);
    log += "ptxas info    : Compiling entry function '" + name + "' for '" + program.architecture +
           "'\nptxas info    : Function properties for " + name +
           "\n    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads\n"
           "ptxas info    : Used 24 registers, used 0 barriers, 1024 bytes smem\n";
  }
  return log;
}

std::string image_of(const FakeProgram& program) {
  return "weft fake code\n" + program.text + std::string(1, '\0');
}
int give(const std::string& text, char* to) {
  std::memcpy(to, text.data(), text.size());
  return 0;
}

}  // namespace

COMPILER_FUNCTION nvrtcVersion(int* major, int* minor) {
  *major = 13;
  *minor = 0;
  return 0;
}
extern "C" __attribute__((visibility("default"))) const char* nvrtcGetErrorString(int) {
  return "NVRTC_ERROR_OF_THE_FAKE";
}
COMPILER_FUNCTION nvrtcGetNumSupportedArchs(int* count) {
  *count = 3;
  return 0;
}
COMPILER_FUNCTION nvrtcGetSupportedArchs(int* numbers) {
  std::memcpy(numbers, architectures, sizeof architectures);
  return 0;
}
COMPILER_FUNCTION nvrtcCreateProgram(FakeProgram** program, const char* text, const char*, int,
                                     const char* const*, const char* const*) {
  *program = new FakeProgram{text, {}, {}};
  return 0;
}
COMPILER_FUNCTION nvrtcDestroyProgram(FakeProgram** program) {
  delete *program;
  return 0;
}
COMPILER_FUNCTION nvrtcCompileProgram(FakeProgram* program, int count, const char* const* options) {
  for (int k = 0; k < count; ++k) {
    constexpr std::string_view option = "--gpu-architecture=";
    if (std::string_view(options[k]).starts_with(option))
      program->architecture = options[k] + option.size();
  }
  program->log = log_of(*program);
  const int status = note({"nvrtcCompileProgram", nullptr, 0, program->architecture});
  return status != 0 ? status : program->architecture.empty() ? compilation_failed : 0;
}
COMPILER_FUNCTION nvrtcGetProgramLogSize(FakeProgram* program, std::size_t* size) {
  *size = program->log.size() + 1;
  return 0;
}
COMPILER_FUNCTION nvrtcGetProgramLog(FakeProgram* program, char* to) {
  return give(program->log + std::string(1, '\0'), to);
}
COMPILER_FUNCTION nvrtcGetCUBINSize(FakeProgram* program, std::size_t* size) {
  *size = image_of(*program).size();
  return 0;
}
COMPILER_FUNCTION nvrtcGetCUBIN(FakeProgram* program, char* to) {
  return give(image_of(*program), to);
}
COMPILER_FUNCTION nvrtcGetPTXSize(FakeProgram* program, std::size_t* size) {
  return nvrtcGetCUBINSize(program, size);
}
COMPILER_FUNCTION nvrtcGetPTX(FakeProgram* program, char* to) { return nvrtcGetCUBIN(program, to); }
