// The command line on the fake device, and what it says without one.
#include <doctest/doctest.h>

#include <weft/weft.h>

#include "codegen/cuda/nvrtc.h"
#include "tests/device/fake_machine.h"
#include "tests/support/places.h"
#include "tests/tools/command.h"

using namespace weft;
using namespace weft::test;

namespace {

const std::string program = text_files() + "/softmax.weft";

/// A tool with these libraries as driver and compiler.
Output run_with(const std::string& driver, const std::string& compiler,
                const std::string& arguments) {
  return run_command("WEFT_CUDA_DRIVER=" + driver + " WEFT_NVRTC=" + compiler + " " + bin_dir() +
                     "/" + arguments);
}
Output run_faked(const std::string& arguments) {
  return run_with(cuda_fake("fake_cuda"), cuda_fake("fake_cuda"), arguments);
}

}  // namespace

TEST_CASE("weft run --device cuda gives the CPU's bits, and tells times") {
  if (!fake_missing().empty()) return;
  const TemporaryFolder folder;
  manual_seed(1);
  save_npy(folder / "x.npy", randn({64, 100}));
  const std::string run = "weft run " + program + " --input x=" + (folder / "x.npy");
  CHECK(run_tool(run + " --output " + (folder / "cpu")).code == 0);
  const Output out = run_faked(run + " --device cuda --output " + (folder / "cuda"));
  CHECK_MESSAGE(out.code == 0, out.text);
  CHECK(!read(folder / "cpu/result0.npy").empty());
  CHECK(read(folder / "cpu/result0.npy") == read(folder / "cuda/result0.npy"));
  const Output printed = run_faked(run + " --device cuda:1 --time");
  CHECK(printed.code == 0);
  CHECK(has(printed.text, "tensor("));
  CHECK(has(printed.text, "run median"));
}

TEST_CASE("weft run --device says what is missing, wrong or contradictory, in one line") {
  const std::string run = "weft run " + program + " --random-inputs 1 --device ";
  const auto refused = [&](const Output& out, int code, const char* part) {
    CHECK_MESSAGE(out.code == code, out.text);
    CHECK_MESSAGE(has(out.text, part), out.text);
    CHECK(out.text.find('\n') == out.text.size() - 1);
  };
  refused(run_with("off", "off", run + "cuda"), 2,
          "device cuda is not available: libcuda.so.1 is switched off by WEFT_CUDA_DRIVER");
  refused(run_with("/nowhere/libcuda.so", "off", run + "cuda:0"), 2,
          "WEFT_CUDA_DRIVER: /nowhere/libcuda.so cannot be opened");
  refused(run_with(cuda_fake("driver_no_device"), cuda_fake("nvrtc_14"), run + "cuda"), 2,
          "sees no device");
  refused(run_with(cuda_fake("driver_working"), "off", run + "cuda"), 2,
          "libnvrtc.so is switched off by WEFT_NVRTC");
  refused(run_with(cuda_fake("driver_working"), cuda_fake("nvrtc_14"), run + "cuda:5"), 3,
          "device cuda:5 does not exist: expected cuda:0 to cuda:1, the driver has 2 devices");
  refused(run_with("off", "off", run + "gpu"), 3, "expected cpu, cuda or cuda:<number>");
  refused(
      run_with(cuda_fake("driver_working"), cuda_fake("nvrtc_14"), run + "cuda --backend interp"),
      3, "--backend interp runs on the CPU, got --device cuda");
  refused(run_with(cuda_fake("driver_working"), cuda_fake("nvrtc_13"), run + "cuda"), 2,
          "finds no libnvrtc-builtins.so.13.0, which must lie beside it");
  refused(run_with("off", "off", run + "cpu:5"), 3, "expected cpu, cuda or cuda:<number>");
  // A device whose context cannot be made.
  refused(run_with(cuda_fake("driver_working"), cuda_fake("fake_cuda"), run + "cuda"), 3,
          "cuda:0: the device's context: unknown error (CUDA error 999)");
}

TEST_CASE("weft info tells driver, devices and compiler") {
  if (!fake_missing().empty()) return;
  CHECK(has(run_faked("weft info").text,
            "CUDA 13.0: cuda:0 Fake GPU (sm_90), cuda:1 Fake GPU (sm_90), cuda:2 Fake GPU (sm_90); "
            "NVRTC 13.0"));
  CHECK(has(run_with(cuda_fake("driver_old"), cuda_fake("nvrtc_11"), "weft info").text,
            "CUDA: off (the NVIDIA driver (" + cuda_fake("driver_old") + ") is too old"));
  CHECK(has(run_with("off", cuda_fake("nvrtc_14"), "weft info").text,
            "NVRTC 14.0 present: kernels can be compiled, not run"));
  const std::string incomplete =
      "no compiler: NVRTC 13.0 (" + cuda_fake("nvrtc_13") + ") finds no libnvrtc-builtins.so.13.0";
  CHECK(has(run_with("off", cuda_fake("nvrtc_13"), "weft info").text, incomplete));
  CHECK(has(run_with(cuda_fake("driver_working"), cuda_fake("nvrtc_13"), "weft info").text,
            "cuda:1 Tiny GPU (sm_90) there, but " + incomplete));
}

TEST_CASE("weft dump tells what kernels need of a device, and refuses what it cannot tell") {
  const std::string dump = "weft dump " + program;
  if (fake_missing().empty()) {
    const Output faked = run_faked(dump + " --stage kernel --device cuda");
    CHECK(faked.code == 0);
    CHECK(has(faked.text, "reduce max"));
    CHECK(has(faked.text, "// sm_90: "));
    CHECK(has(faked.text, " blocks of "));
    CHECK(has(faked.text,
              " threads; 24 registers, 1024 bytes of shared memory, no stack, no spills"));
    const Output newer = run_faked(dump + " --stage cuda --device cuda --arch sm_130");
    CHECK(has(newer.text, "// compute_120: "));
    CHECK(has(newer.text, " threads; the driver compiles it"));
    CHECK(has(run_faked(dump + " --stage ptx --arch sm_61").text, "sm_61 is too old"));
  }
  const Output off = run_with("off", "off", dump + " --stage ptx");
  CHECK(off.code == 2);
  CHECK(has(off.text, "code for a CUDA device needs its compiler: libnvrtc.so is switched off"));
  for (const char* wrong : {"--stage llvm --device cuda", "--stage kernel --arch sm_90",
                            "--stage ptx --arch hopper", "--stage ptx --format dot"}) {
    const Output out = run_tool(dump + " " + wrong);
    CHECK_MESSAGE(out.code == (codegen::cuda::Nvrtc::find() || wrong[8] != 'p' ? 3 : 2), out.text);
  }
  // The real compiler, where it is installed; this process may have the fake one.
  const Output real = run_command("env -u WEFT_NVRTC -u WEFT_CUDA_DRIVER " + bin_dir() + "/" +
                                  dump + " --stage ptx --arch sm_90");
  if (real.code == 0) {
    CHECK(has(real.text, ".target sm_90"));
    const Output kernel = run_command("env -u WEFT_NVRTC -u WEFT_CUDA_DRIVER " + bin_dir() + "/" +
                                      dump + " --stage kernel --device cuda --arch sm_90");
    CHECK_MESSAGE(has(kernel.text, "registers, "), kernel.text);
    CHECK_MESSAGE(has(kernel.text, "no spills"), kernel.text);
  } else {
    MESSAGE("skipped: ", real.text);
  }
}

TEST_CASE("weft-bench --device measures on the device, and refuses where there is none") {
  const Output off = run_with("off", "off", "weft-bench --device cuda --filter call_8");
  CHECK(off.code == 2);
  CHECK(has(off.text,
            "weft-bench: --device: device cuda is not available: libcuda.so.1 is "
            "switched off"));
  CHECK(run_tool("weft-bench --device gpu --filter call_8").code == 3);
  if (!fake_missing().empty()) return;
  const TemporaryFolder folder;
  const Output out = run_faked(
      "weft-bench --device cuda --filter '^(call_8|new_batch_size)$' "
      "--json " +
      (folder / "bench.json"));
  CHECK_MESSAGE(out.code == 0, out.text);
  CHECK_MESSAGE(has(out.text, "Fake GPU (cuda:0): copy "), out.text);
  CHECK(has(out.text, "call_8 "));
  CHECK(!has(out.text, "new_batch_size "));  // measures the CPU's caches
  CHECK(has(read(folder / "bench.json"), "Fake GPU (cuda:0)"));
  CHECK(run_faked("weft-bench --device cuda --threads 2 --filter call_8").code == 3);
}
