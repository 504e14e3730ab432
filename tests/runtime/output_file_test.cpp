// Files appear whole or not at all, keep what they were, and devices stay devices.
#include "runtime/output_file.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include <doctest/doctest.h>
#include <weft/error.h>
#include "tests/support/temporary_folder.h"

using namespace weft;
using namespace weft::runtime;
using Folder = weft::test::TemporaryFolder;
namespace fs = std::filesystem;

namespace {

std::ptrdiff_t files_in(const Folder& folder) {
  return std::distance(fs::directory_iterator(folder.path()), {});
}

std::string read(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

mode_t mode_of(const std::string& path) {
  struct stat about {};
  stat(path.c_str(), &about);
  return about.st_mode & 07777;
}

template <class E, class F>
std::string message_of(F&& f) {
  try {
    f();
  } catch (const E& e) {
    return e.what();
  }
  return "";
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a file appears when it is published, and not before") {
  const Folder folder;
  {
    OutputFile file(folder / "x");
    file.write("one ");
    file.write("two");
    CHECK(!fs::exists(folder / "x"));
    file.publish();
  }
  CHECK(read(folder / "x") == "one two");
  { OutputFile(folder / "x").write("never"); }
  CHECK(read(folder / "x") == "one two");
  CHECK(files_in(folder) == 1);
}

TEST_CASE("a new file has the mode that the umask leaves, a replaced one keeps its own") {
  const Folder folder;
  const mode_t before = umask(077);
  write_file(folder / "private", "x");
  umask(022);
  write_file(folder / "public", "x");
  umask(before);
  CHECK(mode_of(folder / "private") == 0600);
  CHECK(mode_of(folder / "public") == 0644);
  chmod((folder / "public").c_str(), 0751);
  write_file(folder / "public", "y");
  CHECK(mode_of(folder / "public") == 0751);
  CHECK(read(folder / "public") == "y");
}

TEST_CASE("links stay links, whether their target is there or not") {
  const Folder folder;
  fs::create_directory(folder / "d");
  fs::create_symlink("d/x", folder / "first");
  fs::create_symlink("first", folder / "second");
  write_file(folder / "second", "new");
  CHECK(read(folder / "d/x") == "new");
  write_file(folder / "second", "newer");
  CHECK(read(folder / "d/x") == "newer");
  CHECK(fs::is_symlink(folder / "first"));
  CHECK(fs::is_symlink(folder / "second"));
  fs::create_symlink("loop", folder / "loop");
  CHECK(has(message_of<Error>([&] { write_file(folder / "loop", "x"); }), "loop: cannot be"));
}

TEST_CASE("what is no plain file is written to, and stays what it is") {
  const Folder folder;
  const std::string pipe = folder / "pipe";
  REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
  const int reader = open(pipe.c_str(), O_RDONLY | O_NONBLOCK);
  check_writable(pipe);
  write_file(pipe, "through");
  char got[16] = {};
  CHECK(::read(reader, got, sizeof got) == 7);
  CHECK(std::string(got) == "through");
  close(reader);
  CHECK(fs::is_fifo(pipe));

  if (mknod((folder / "null").c_str(), S_IFCHR | 0666, makedev(1, 3)) != 0) return;  // not root
  fs::create_symlink("null", folder / "link");
  for (const char* name : {"null", "link"}) {
    check_writable(folder / name);
    if (access((folder / name).c_str(), W_OK) == 0 &&
        message_of<Error>([&] { write_file(folder / name, "away"); }).empty())
      CHECK(read(folder / name).empty());
    CHECK(fs::is_character_file(folder / name));
  }
  REQUIRE(mknod((folder / "full").c_str(), S_IFCHR | 0666, makedev(1, 7)) == 0);
  const std::string full =
      message_of<Error>([&] { write_file(folder / "full", "more than it takes"); });
  CHECK(has(full, "full: cannot be written: "));
  CHECK(fs::is_character_file(folder / "full"));
  CHECK(files_in(folder) == 4);
}

TEST_CASE("an open file without a name of its own is written to through its descriptor's link") {
  const Folder folder;
  const int fd = open((folder / "gone").c_str(), O_RDWR | O_CREAT, 0600);
  unlink((folder / "gone").c_str());
  write_file("/proc/self/fd/" + std::to_string(fd), "kept");
  char got[8] = {};
  CHECK(pread(fd, got, sizeof got, 0) == 4);
  CHECK(files_in(folder) == 0);
  close(fd);
}

TEST_CASE("paths that cannot be written are refused at once, by name, and nothing is left") {
  const Folder folder;
  fs::create_directory(folder / "d");
  write_file(folder / "file", "x");
  for (void (*use)(const std::string&) :
       {check_writable, +[](const std::string& path) { write_file(path, "x"); }}) {
    CHECK(has(message_of<Error>([&] { use(folder / "no/x"); }),
              "no/x: cannot be written: No such file or directory"));
    CHECK(has(message_of<Error>([&] { use(folder / "file/x"); }), "Not a directory"));
    CHECK(has(message_of<Error>([&] { use(folder / "d"); }), "d: is a directory"));
    CHECK(has(message_of<Error>([&] { use(""); }), "got an empty one"));
    CHECK(has(message_of<Error>([&] { use(folder / std::string(300, 'n')); }), "too long"));
  }
  check_writable(folder / "new");
  CHECK(files_in(folder) == 2);
  CHECK(read(folder / "file") == "x");
}

TEST_CASE("a full disk is a failure that names the file, and what was there stays") {
  const Folder folder;
  fs::create_directory(folder / "small");
  if (mount("weft-test", (folder / "small").c_str(), "tmpfs", 0, "size=65536") != 0) {
    MESSAGE("no tmpfs can be mounted here: left out");
    return;
  }
  const std::string path = folder / "small/x";
  write_file(path, "before");
  const std::string why =
      message_of<WriteError>([&] { write_file(path, std::string(1 << 20, 'x')); });
  CHECK(read(path) == "before");
  CHECK(std::distance(fs::directory_iterator(folder / "small"), {}) == 1);
  umount((folder / "small").c_str());
  CHECK(why == path + ": cannot be written: No space left on device");
}
