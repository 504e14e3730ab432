// What is said where the driver, a device or the compiler is missing, wrong or too old. Libraries
// are small ones of the test tree (tests/cuda/tiny), and the toolkit's where it is installed.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <weft/error.h>
#include "codegen/cuda/nvrtc.h"
#include "runtime/cuda_probe.h"
#include "tests/support/places.h"
#include "tests/support/temporary_folder.h"

using namespace weft;
using namespace weft::test;
using codegen::cuda::LibrarySearch;
using codegen::cuda::Nvrtc;
using runtime::cuda::Driver;

namespace {

LibrarySearch only(const std::string& file) {
  LibrarySearch search = codegen::cuda::driver_search();
  search.override_to.reset();
  search.candidates = {file};
  return search;
}
Driver driver(const std::string& fake) { return Driver::open(only(cuda_fake(fake))); }

std::string nvrtc_problem(const LibrarySearch& search) {
  try {
    Nvrtc compiler(search);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}
LibrarySearch only_nvrtc(const std::string& file) {
  LibrarySearch search = codegen::cuda::toolkit_search("libnvrtc.so", "WEFT_NVRTC");
  search.override_to.reset();
  search.candidates = {file};
  return search;
}

/// A variable of the environment for as long as this lives.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) {
    if (const char* old = std::getenv(name)) old_ = old;
    setenv(name, value.c_str(), 1);
  }
  ~Variable() { old_.empty() ? unsetenv(name_) : setenv(name_, old_.c_str(), 1); }

 private:
  const char* name_;
  std::string old_;
};

bool mentions(const std::string& text, std::initializer_list<const char*> parts) {
  return text.find('\n') == std::string::npos &&
         std::all_of(parts.begin(), parts.end(),
                     [&](const char* part) { return text.find(part) != std::string::npos; });
}
#define CHECK_MENTIONS(text, ...) CHECK_MESSAGE(mentions(text, {__VA_ARGS__}), text)

}  // namespace

TEST_CASE("no driver, a stub, a broken, an old and an incomplete driver each say so in one line") {
  CHECK(Driver::open(only("libcuda-nowhere.so.1")).problem ==
        "libcuda.so.1 not found: no NVIDIA driver");
  CHECK_MENTIONS(driver("driver_stub").problem, "is the toolkit's stub", "LD_LIBRARY_PATH");
  CHECK_MENTIONS(driver("driver_old").problem, "too old", "CUDA 11.4", "12.0", "newer driver");
  CHECK_MENTIONS(driver("driver_broken").problem, "does not start", "reboot", "803");
  CHECK_MENTIONS(driver("driver_lacking").problem, "lacks cuLaunchKernel", "CUDA 12 or later");
  const TemporaryFolder folder;
  std::ofstream(folder / "text.so") << "no library\n";
  LibrarySearch named = only("");
  named.override_to = folder / "text.so";
  CHECK_MENTIONS(Driver::open(named).problem, "WEFT_CUDA_DRIVER: ", "text.so cannot be opened");
  named.override_to = "off";
  CHECK(Driver::open(named).problem == "libcuda.so.1 is switched off by WEFT_CUDA_DRIVER");
}

TEST_CASE("a driver without a device is told apart from none") {
  const Driver none = driver("driver_no_device");
  CHECK(none.works());
  CHECK(!none.usable());
  CHECK_MENTIONS(none.why_not(), "driver (CUDA 13.0)", "sees no device", "CUDA_VISIBLE_DEVICES");
  const Driver two = driver("driver_working");
  REQUIRE(two.devices.size() == 2);
  CHECK(two.usable());
  CHECK(two.why_not().empty());
  CHECK(two.devices[1].name == "Tiny GPU");
  CHECK(two.devices[1].architecture == 90);
  CHECK(two.devices[1].memory_bytes == std::size_t{1} << 30);
}

TEST_CASE("the toolkit's stub of the driver is known as such") {
  const std::string stub = "/usr/local/cuda/lib64/stubs/libcuda.so";
  if (!std::filesystem::exists(stub)) return;
  CHECK_MENTIONS(Driver::open(only(stub)).problem, "is the toolkit's stub");
}

TEST_CASE("a compiler that is missing, too old or without its builtins says so in one line") {
  CHECK_MENTIONS(nvrtc_problem(only_nvrtc("libnvrtc-nowhere.so")), "libnvrtc.so not found",
                 "install the CUDA toolkit", "WEFT_NVRTC", "CUDA_HOME");
  CHECK_MENTIONS(nvrtc_problem(only_nvrtc(cuda_fake("nvrtc_11"))), "NVRTC 11.0", "too old",
                 "CUDA 12 or later");
  CHECK_MENTIONS(nvrtc_problem(only_nvrtc(cuda_fake("nvrtc_13"))),
                 "finds no libnvrtc-builtins.so.13.0", "beside it", "install");
  CHECK_MENTIONS(nvrtc_problem(only_nvrtc(cuda_fake("driver_working"))), "lacks nvrtcVersion");
}

TEST_CASE("a toolkit newer than any that was seen is taken if it has what is called") {
  const Nvrtc compiler(only_nvrtc(cuda_fake("nvrtc_14")));
  CHECK(compiler.version() == "14.0");
  CHECK(compiler.architectures().size() == 3);
}

TEST_CASE("devices get code of their architecture, newer ones PTX, older ones an error") {
  const Nvrtc compiler(only_nvrtc(cuda_fake("nvrtc_14")));
  CHECK(compiler.target_for({90}).option() == "sm_90");
  CHECK(compiler.target_for({130}).option() == "compute_120");
  CHECK(compiler.target_for({103}).option() == "compute_90");
  try {
    compiler.target_for({61});
    FAIL("no error");
  } catch (const Error& error) {
    CHECK_MENTIONS(error.what(), "sm_61 is too old", "compiles for sm_80 to sm_120",
                   "older CUDA toolkit");
  }
  for (const char* bad : {"", "sm_", "90", "sm_9x", "sm_90a", "hopper"}) {
    CAPTURE(bad);
    CHECK_THROWS_AS(codegen::cuda::parse_architecture(bad), Error);
  }
}

TEST_CASE(
    "libraries are looked for by name, then under CUDA_HOME, CUDA_PATH and the usual folder") {
  const Variable home("CUDA_HOME", "/home/cuda"), path("CUDA_PATH", "/path/cuda");
  const LibrarySearch search = codegen::cuda::toolkit_search("libnvrtc.so", "WEFT_NVRTC");
  const auto place = [&](const std::string& file) {
    return std::find(search.candidates.begin(), search.candidates.end(), file) -
           search.candidates.begin();
  };
  CHECK(place("libnvrtc.so.13") == 0);
  CHECK(place("libnvrtc.so.12") == 1);
  CHECK(place("/home/cuda/lib64/libnvrtc.so.13") < place("/path/cuda/lib64/libnvrtc.so.13"));
  CHECK(place("/path/cuda/lib64/libnvrtc.so") < place("/usr/local/cuda/lib64/libnvrtc.so.13"));
  CHECK(place("/usr/local/cuda/lib/libnvrtc.so") + 1 ==
        static_cast<std::ptrdiff_t>(search.candidates.size()));
  CHECK(!search.override_to);
  const Variable named("WEFT_NVRTC", "/there/libnvrtc.so");
  CHECK(codegen::cuda::toolkit_search("libnvrtc.so", "WEFT_NVRTC").override_to ==
        "/there/libnvrtc.so");
}

TEST_CASE("what is found first that has every function is taken, and what was wrong is told else") {
  LibrarySearch search = only("libcuda-nowhere.so.1");
  search.candidates.push_back(cuda_fake("driver_lacking"));
  CHECK_MENTIONS(Driver::open(search).problem, "lacks cuLaunchKernel");
  search.candidates.push_back(cuda_fake("driver_working"));
  CHECK(Driver::open(search).path == cuda_fake("driver_working"));
}

TEST_CASE("a compiler of the toolkit compiles, where it is installed") {
  const Nvrtc* compiler = Nvrtc::find();
  if (compiler == nullptr) {
    MESSAGE("skipped: ", Nvrtc::missing_reason());
    return;
  }
  const char* text = "extern \"C\" __global__ void f(int* a) { a[0] = 1; }\n";
  const int highest = compiler->architectures().back().number;
  CHECK(!compiler->compile_all(text, compiler->target_for({highest})).code.empty());
  const Nvrtc::Compiled newer = compiler->compile_all(text, compiler->target_for({highest + 10}));
  CHECK(newer.code.empty());
  CHECK(newer.ptx.find(".entry f") != std::string::npos);
}
