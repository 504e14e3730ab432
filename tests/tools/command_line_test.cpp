// The command line as a user meets it: what it prints, its exit codes, and what it says to bad
// input.
#include <doctest/doctest.h>

#include <filesystem>

#include <weft/weft.h>

#include "command.h"
#include "tests/support/places.h"

using namespace weft;
using test::check_rejected;
using test::has;
using test::read;
using test::run_tool;
using test::TemporaryFolder;
using test::write;

namespace {

const std::string files = test::text_files();

}  // namespace

TEST_CASE("weft --help and --version are for people") {
  const auto help = run_tool("weft --help");
  CHECK(help.code == 0);
  for (const char* part : {"dump", "run", "grad", "info", "cache", "Exit codes"})
    CHECK(has(help.text, part));
  const auto version = run_tool("weft --version");
  CHECK(version.code == 0);
  CHECK(has(version.text, "weft 0."));
  CHECK(run_tool("weft dump --help").code == 0);
}

TEST_CASE("weft dump shows every stage of a program") {
  const std::string file = files + "/softmax.weft";
  CHECK(has(run_tool("weft dump " + file).text, "func @softmax"));
  CHECK(has(run_tool("weft dump --stage fused " + file).text, "fused %x"));
  CHECK(has(run_tool("weft dump --stage kernel " + file).text, "reduce max"));
  CHECK(has(run_tool("weft dump --stage llvm " + file).text, "define"));
  CHECK(has(run_tool("weft dump --stage asm " + file).text, "ret"));
  CHECK(has(run_tool("weft dump --stage cuda " + file).text, "__global__"));
  CHECK(has(run_tool("weft dump --format dot " + file).text, "digraph"));
  CHECK(has(run_tool("weft dump --format json " + file).text, "\"softmax\""));
  CHECK(has(run_tool("weft dump --passes expand,split_reductions,fuse " + file).text, "fused"));
  CHECK(has(run_tool("weft dump --stage fused --print-changed " + file).text, "// after fuse"));
}

TEST_CASE("weft dump reads standard input, and what it prints it reads again") {
  const std::string file = files + "/softmax.weft";
  const auto once = run_tool("weft dump " + file);
  const std::string dump = test::bin_dir() + "/weft dump -";
  const auto twice = test::run_command("cat " + file + " | " + dump + " | " + dump);
  CHECK(once.text == twice.text);
}

TEST_CASE("weft dump draws a graph where Graphviz is installed, and says so where not") {
  const auto out = run_tool("weft dump --format svg " + files + "/softmax.weft");
  if (out.code == 0)
    CHECK(has(out.text, "<svg"));
  else
    CHECK((out.code == 2 && has(out.text, "graphviz")));
}

TEST_CASE("weft run computes on .npy files and writes .npy files, the same bits on both backends") {
  const TemporaryFolder folder;
  manual_seed(1);
  save_npy(folder / "x.npy", randn({64, 100}));
  const std::string run = "weft run " + files + "/softmax.weft --input x=" + (folder / "x.npy");
  CHECK(run_tool(run + " --output " + (folder / "cpu")).code == 0);
  CHECK(run_tool(run + " --output " + (folder / "interp") + " --backend interp").code == 0);
  CHECK(read(folder / "cpu/result0.npy") == read(folder / "interp/result0.npy"));
  const Tensor y = load_npy(folder / "cpu/result0.npy");
  CHECK(y.shape() == Shape{64, 100});
  CHECK((y.sum(1) - 1).abs().max().item<float>() < 1e-5f);
  CHECK(has(run_tool(run).text, "tensor("));
}

TEST_CASE("weft run fills inputs from a seed and prints times") {
  const std::string run = "weft run " + files + "/softmax.weft --random-inputs 7";
  CHECK(run_tool(run).text == run_tool(run).text);
  CHECK(run_tool(run).text !=
        run_tool("weft run " + files + "/softmax.weft --random-inputs 8").text);
  const auto timed = run_tool(run + " --time");
  CHECK(timed.code == 0);
  CHECK(has(timed.text, "compile"));
}

TEST_CASE("weft grad prints a program that runs") {
  const TemporaryFolder folder;
  const auto out =
      run_tool("weft grad " + files + "/loss.weft --wrt w,x -o " + (folder / "grad.weft"));
  CHECK(out.code == 0);
  CHECK(has(read(folder / "grad.weft"), "-> (f32[8], f32[64,8])"));
  CHECK(run_tool("weft run " + (folder / "grad.weft") + " --random-inputs 1").code == 0);
}

TEST_CASE("weft info names version, processor, threads and devices") {
  const auto out = run_tool("weft info");
  CHECK(out.code == 0);
  for (const char* part : {"0.1", "features", "threads", "CUDA", "LLVM", "disk cache"})
    CHECK_MESSAGE(has(out.text, part), part, " in ", out.text);
}

TEST_CASE("usage mistakes are rejected with 3") {
  check_rejected("weft", "A subcommand is required");
  check_rejected("weft frobnicate", "frobnicate");
  check_rejected("weft dump", "FILE");
  check_rejected("weft dump --unknown x.weft", "--unknown");
  check_rejected("weft dump --stage nonsense " + files + "/softmax.weft", "nonsense");
  check_rejected("weft dump --passes nonsense " + files + "/softmax.weft", "nonsense");
  check_rejected("weft dump --stage kernel --format dot " + files + "/softmax.weft",
                 "--format dot");
  check_rejected("weft grad " + files + "/loss.weft --wrt z", "expected one of x, w, y");
  check_rejected("weft grad " + files + "/softmax.weft --wrt x", "f32[64,100]");
  check_rejected("weft run --backend gpu " + files + "/softmax.weft", "gpu");
}

TEST_CASE("files that are missing, folders or no Weft text are rejected with place and reason") {
  const TemporaryFolder folder;
  check_rejected("weft dump " + (folder / "none.weft"), "No such file");
  check_rejected("weft dump " + folder.path(), "directory");
  write(folder / "bad.weft",
        "func @f(%x: f32[2]) -> f32[2] {\n  %0 = exq %x : f32[2]\n  return %0\n}\n");
  check_rejected("weft dump " + (folder / "bad.weft"), "bad.weft:2:");
  write(
      folder / "shape.weft",
      "func @f(%x: f32[2], %y: f32[3]) -> f32[2] {\n  %0 = add %x, %y : f32[2]\n  return %0\n}\n");
  check_rejected("weft run " + (folder / "shape.weft") + " --random-inputs 1", "shape.weft:2");
  write(folder / "empty.weft", "");
  check_rejected("weft dump " + (folder / "empty.weft"), "empty.weft");
}

TEST_CASE("inputs of the wrong type, shape or form are rejected, and nothing is written") {
  const TemporaryFolder folder;
  const std::string run =
      "weft run " + files + "/softmax.weft --output " + (folder / "out") + " --input ";
  save_npy(folder / "shape.npy", zeros({64, 99}));
  check_rejected(run + "x=" + (folder / "shape.npy"), "expected f32[64,100], got f32[64,99]");
  save_npy(folder / "dtype.npy", zeros({64, 100}, f64));
  check_rejected(run + "x=" + (folder / "dtype.npy"), "got f64[64,100]");
  save_npy(folder / "x.npy", zeros({64, 100}));
  const std::string whole = read(folder / "x.npy");
  write(folder / "short.npy", whole.substr(0, whole.size() / 2));
  check_rejected(run + "x=" + (folder / "short.npy"), "short.npy");
  write(folder / "noise.npy", "this is no array");
  check_rejected(run + "x=" + (folder / "noise.npy"), "noise.npy");
  check_rejected(run + "x=" + (folder / "none.npy"), "none.npy");
  check_rejected(run + "x", "NAME=FILE.npy");
  check_rejected(run + "q=" + (folder / "x.npy"), "expected one of the parameters x");
  check_rejected("weft run " + files + "/softmax.weft", "parameter x : f32[64,100] has no value");
  CHECK(!std::filesystem::exists(folder / "out"));
}

TEST_CASE("weft info refuses every bad environment variable, and tells where kernels are kept") {
  for (const std::string setting :
       {"WEFT_THREADS=many", "WEFT_LOG=loud", "WEFT_POOL_LIMIT=-1", "WEFT_VERIFY=2",
        "WEFT_CACHE_DIR=rel", "WEFT_CACHE_LIMIT=0", "WEFT_CACHE_DAYS=0"}) {
    const auto out = test::run_command(setting + " " + test::bin_dir() + "/weft info");
    CHECK_MESSAGE(out.code == 3, setting, ": ", out.text);
    CHECK(has(out.text, setting.substr(0, setting.find('='))));
  }
  const auto out = test::run_command("WEFT_CACHE_DIR=/some/where WEFT_CACHE_LIMIT=7 " +
                                     test::bin_dir() + "/weft info");
  CHECK_MESSAGE(has(out.text, "disk cache  /some/where, at most 7 MiB, 30 days"), out.text);
}

TEST_CASE("a bad environment variable is named") {
  const auto out = test::run_command("WEFT_THREADS=many " + test::bin_dir() + "/weft run " + files +
                                     "/softmax.weft --random-inputs 1");
  CHECK(out.code == 3);
  CHECK(has(out.text, "WEFT_THREADS"));
}

TEST_CASE("operations on dtypes that do not compute yet are unsupported, with 2") {
  const TemporaryFolder folder;
  write(folder / "half.weft",
        "func @f(%x: f16[2]) -> f16[2] {\n  %0 = exp %x : f16[2]\n  return %0\n}\n");
  CHECK(run_tool("weft dump " + (folder / "half.weft")).code == 0);
  CHECK(run_tool("weft run " + (folder / "half.weft") + " --random-inputs 1").code == 2);
}

TEST_CASE("what no result needs is not computed, on either backend") {
  const TemporaryFolder folder;
  write(folder / "dead.weft",
        "func @f(%x: f32[2]) -> f32[2] {\n"
        "  %0 = iota {axis = 0, dtype = bf16, shape = [2]} : bf16[2]\n"
        "  %1 = exp %0 : bf16[2]\n  return %x\n}\n");
  for (const char* backend : {"cpu", "interp"}) {
    const auto out =
        run_tool("weft run " + (folder / "dead.weft") + " --random-inputs 1 --backend " + backend);
    CHECK_MESSAGE(out.code == 0, backend, ": ", out.text);
  }
}

TEST_CASE("weft cache lists, counts and clears the kernels on disk") {
  const TemporaryFolder folder;
  const std::string cache = folder / "kernels";
  const auto weft = [&](const std::string& arguments) {
    return test::run_command("WEFT_CACHE_DIR=" + cache + " " + test::bin_dir() + "/weft " +
                             arguments);
  };
  CHECK(weft("cache list").text.empty());
  CHECK(has(weft("cache stats").text, "kernels     0 (0 damaged)"));
  CHECK(weft("cache clear").text == "0 kernels removed from " + cache + "\n");
  CHECK(!std::filesystem::exists(cache));

  const std::string run = "run --random-inputs 1 " + files + "/softmax.weft";
  const auto first = weft(run);
  CHECK(first.code == 0);
  CHECK(has(weft("cache list").text, ".weft  "));
  CHECK(has(weft("cache list").text, "  loop, "));
  CHECK(has(weft("cache stats").text, "kernels     1 (0 damaged)"));
  CHECK(has(weft("cache stats").text, "at most 256 MiB"));
  CHECK(weft(run).text == first.text);
  const auto logged = test::run_command("WEFT_LOG=info WEFT_CACHE_DIR=" + cache + " " +
                                        test::bin_dir() + "/weft " + run);
  CHECK_MESSAGE(has(logged.text, "(0 new, 1 from disk)"), logged.text);

  for (const auto& item : std::filesystem::directory_iterator(cache))
    if (item.path().extension() == ".weft") write(item.path().string(), "damaged");
  CHECK(has(weft("cache list").text, "  damaged\n"));
  CHECK(has(weft("cache stats").text, "kernels     1 (1 damaged)"));
  CHECK(weft(run).text == first.text);
  CHECK(weft("cache clear").text == "1 kernels removed from " + cache + "\n");
  CHECK(weft("cache list").text.empty());
}

TEST_CASE("weft cache says where it is off, refused or asked for nonsense") {
  const std::string weft = test::bin_dir() + "/weft ";
  CHECK(test::run_command("WEFT_CACHE_DIR=off " + weft + "cache stats").text == "off\n");
  check_rejected("weft cache", "ACTION");
  check_rejected("weft cache empty", "list");
  const TemporaryFolder folder;
  std::filesystem::permissions(folder.path(), std::filesystem::perms::all);
  const std::string at = "WEFT_CACHE_DIR=" + folder.path() + " " + weft;
  const auto refused = test::run_command(at + "cache stats");
  CHECK(refused.code == 3);
  CHECK(has(refused.text, "only its owner may write"));
  const auto warned = test::run_command(at + "run --random-inputs 1 " + files + "/softmax.weft");
  CHECK(warned.code == 0);
  const std::size_t warning = warned.text.find("weft warn: cache folder ");
  CHECK(warning != std::string::npos);
  CHECK(warned.text.find("weft warn", warning + 1) == std::string::npos);
  const auto wrong = test::run_command("WEFT_CACHE_DIR=here " + weft + "cache list");
  CHECK(wrong.code == 3);
  CHECK(has(wrong.text, "expected an absolute path or off, got \"here\""));
}
