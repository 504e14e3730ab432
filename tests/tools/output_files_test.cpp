// Where the tools write: devices stay devices, nothing is left half there, and what cannot be
// written is told before the work.
#include <doctest/doctest.h>

#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <filesystem>
#include <fstream>

#include <weft/weft.h>

#include "command.h"
#include "tests/support/places.h"

using namespace weft;
using test::check_rejected;
using test::has;
using test::run_tool;
using test::TemporaryFolder;
using test::write;
namespace fs = std::filesystem;

namespace {

const std::string files = test::text_files();

/// A device like /dev/full (minor 7) or /dev/null (3); false where only root may make one.
bool make_device(const std::string& path, unsigned minor) {
  return mknod(path.c_str(), S_IFCHR | 0666, makedev(1, minor)) == 0 && std::ofstream(path).good();
}

/// A file system of 1 MiB; mounted() is false where only root may mount one.
class SmallDisk {
 public:
  explicit SmallDisk(std::string path) : path_(std::move(path)) {
    fs::create_directory(path_);
    mounted_ = mount("weft-test", path_.c_str(), "tmpfs", 0, "size=1m") == 0;
  }
  ~SmallDisk() {
    if (mounted_) umount(path_.c_str());
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  bool mounted() const { return mounted_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
  bool mounted_ = false;
};

}  // namespace

TEST_CASE("a device that is named as output stays a device") {
  const TemporaryFolder folder;
  const std::string null = folder / "null", full = folder / "full";
  if (!make_device(null, 3) || !make_device(full, 7)) return;
  const std::string grad = "weft grad " + files + "/loss.weft --wrt x -o ";
  CHECK(run_tool(grad + null).code == 0);
  const auto out = run_tool(grad + full);
  CHECK(out.code == 1);
  CHECK_MESSAGE(has(out.text, "full: cannot be written: No space left on device"), out.text);
  CHECK(run_tool("weft-bench --filter '^call_8$' --threads 1 --json " + null).code == 0);
  CHECK(fs::is_character_file(null));
  CHECK(fs::is_character_file(full));
}

TEST_CASE(
    "results of weft run are all there, or none where the disk is full, which is no mistake") {
  const TemporaryFolder folder;
  const SmallDisk disk(folder / "disk");
  if (!disk.mounted()) return;
  write(folder / "two.weft",
        "func @two(%x: f32[128,1024]) -> (f32[128,1024], f32[256,1024]) {\n"
        "  %0 = neg %x : f32[128,1024]\n"
        "  %1 = concatenate %x, %x {axis = 0} : f32[256,1024]\n"
        "  return %0, %1\n}\n");
  const auto out = run_tool("weft run " + (folder / "two.weft") + " --random-inputs 1 --output " +
                            (disk / "out"));
  CHECK_MESSAGE(out.code == 1, out.text);
  CHECK_MESSAGE(has(out.text, "result1.npy: cannot be written: No space left on device"), out.text);
  CHECK(fs::is_empty(disk / "out"));
}

TEST_CASE("standard output that is full is named") {
  const TemporaryFolder folder;
  if (!make_device(folder / "full", 7)) return;
  for (const char* command : {"/weft dump ", "/weft dump --format json "}) {
    const auto out = test::run_command("( " + test::bin_dir() + command + files +
                                       "/softmax.weft > " + (folder / "full") + " )");
    CHECK(out.code == 1);
    CHECK_MESSAGE(
        has(out.text, "failed: standard output cannot be written: No space left on device"),
        out.text);
  }
}

TEST_CASE("an empty name of a file or folder is refused") {
  const std::string why = "expected the name of a file or folder, got an empty one";
  check_rejected("weft run " + files + "/softmax.weft --random-inputs 1 --output ''", why);
  check_rejected("weft grad " + files + "/loss.weft --wrt x -o ''", why);
  check_rejected("weft-bench --json ''", why);
}

TEST_CASE("numbers that are none or beyond their range are refused in one plain line") {
  const std::string run = "weft run " + files + "/softmax.weft --random-inputs ";
  for (const char* seed : {"-1", "abc", "1.5", "99999999999999999999999", "''"})
    check_rejected(run + seed, "expected an integer from 0 to 18446744073709551615, got '" +
                                   (*seed == '\'' ? std::string() : seed) + "'\n");
  CHECK(run_tool(run + "18446744073709551615").code == 0);
}

TEST_CASE("a malformed input file is told with the parameter that it was given for") {
  const TemporaryFolder folder;
  write(folder / "bad.npy", "no array at all");
  const auto out =
      run_tool("weft run " + files + "/softmax.weft --input x=" + (folder / "bad.npy"));
  CHECK(out.code == 3);
  CHECK_MESSAGE(has(out.text, "weft run: input x: load_npy: "), out.text);
}

TEST_CASE("drawings are well-formed whatever the names, and wherever temporary files are") {
  const TemporaryFolder folder;
  write(folder / "odd.weft",
        "func @\"<a>&b;--\\x01\\xff\"(%\"&amp;lt;\\xed\\xa0\\x80\\x1b\": f32[2]) -> f32[2] {\n"
        "  %0 = neg %\"&amp;lt;\\xed\\xa0\\x80\\x1b\" : f32[2]\n  return %0\n}\n");
  fs::create_directory(folder / "it's");
  const auto out = test::run_command("TMPDIR=\"" + (folder / "it's") + "\" " + test::bin_dir() +
                                     "/weft dump --format svg " + (folder / "odd.weft"));
  if (out.code == 2) return;  // no Graphviz
  CHECK_MESSAGE(out.code == 0, out.text);
  write(folder / "odd.svg", out.text);
  const auto checked = test::run_command(
      "python3 -c 'import sys, xml.etree.ElementTree as e; e.parse(sys.argv[1])' " +
      (folder / "odd.svg"));
  CHECK_MESSAGE((checked.code == 0 || checked.code == 127), checked.text);
  for (const char c : out.text) CHECK_UNARY(static_cast<unsigned char>(c) >= 0x20 || c == '\n');
}

TEST_CASE("control bytes of names do not reach the terminal") {
  const TemporaryFolder folder;
  write(folder / "odd.weft",
        "func @f(%\"\\x1b[31m\\xff\": f32[2]) -> f32[2] {\n  return %\"\\x1b[31m\\xff\"\n}\n");
  const auto out = run_tool("weft run " + (folder / "odd.weft"));
  CHECK(out.code == 3);
  CHECK_MESSAGE(has(out.text, "\\x1b[31m\\xff"), out.text);
  CHECK_FALSE(has(out.text, "\x1b"));
}
