// The disk cache: what it keeps, what it refuses, and that nothing wrong is ever loaded.
#include "runtime/disk_cache.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include <weft/error.h>
#include "ir/text.h"
#include "runtime/engine.h"
#include "tests/support/temporary_folder.h"

using namespace weft;
using namespace weft::runtime;
using Folder = weft::test::TemporaryFolder;
namespace fs = std::filesystem;

namespace {

std::string read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
void write(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

std::vector<fs::path> entries(const std::string& folder) {
  std::vector<fs::path> found;
  for (const auto& item : fs::directory_iterator(folder))
    if (item.path().extension() == ".weft") found.push_back(item.path());
  return found;
}

mode_t mode(const std::string& path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0 ? info.st_mode & 0777 : 0;
}

void set_age(const fs::path& path, std::int64_t seconds) {
  const std::int64_t then = std::time(nullptr) - seconds;
  const timespec times[] = {{then, 0}, {then, 0}};
  REQUIRE(utimensat(AT_FDCWD, path.c_str(), times, 0) == 0);
}

ir::Graph squares() {
  return ir::parse(
      "func @f(%x: f32[40]) -> f32[40] {\n  %0 = mul %x, %x : f32[40]\n"
      "  return %0\n}\n");
}

/// The squares of 0..39 through compiled code; true if they are right.
bool computes_squares() {
  const auto executable = compile(squares());
  Buffer input = allocate(160);
  for (int k = 0; k < 40; ++k) static_cast<float*>(input.data())[k] = static_cast<float>(k);
  const std::vector<Buffer> results = executable->run(std::vector<Buffer>{input});
  for (int k = 0; k < 40; ++k)
    if (static_cast<float*>(results[0].data())[k] != static_cast<float>(k * k)) return false;
  return true;
}

struct DiskCacheAt {
  explicit DiskCacheAt(const std::string& folder) { set_disk_cache(folder); }
  ~DiskCacheAt() {
    set_disk_cache("");
    clear_caches();
  }
};

}  // namespace

TEST_CASE("what was stored is found under its key by every cache of the folder") {
  const Folder folder;
  DiskCache first(folder / "a/b", {});
  CHECK(mode(folder / "a") == 0700);
  CHECK(mode(folder / "a/b") == 0700);
  CHECK(!first.load("key"));
  first.store("key", "content");
  first.store("empty", "");
  DiskCache second(folder / "a/b/", {});
  CHECK(second.load("key") == "content");
  CHECK(second.load("empty") == "");
  CHECK(!second.load("other key"));
  CHECK(mode(entries(folder / "a/b")[0]) == 0600);
  first.store("key", "newer content");
  CHECK(second.load("key") == "newer content");
  CHECK(second.list().size() == 2);
}

TEST_CASE("a flipped bit in any byte, and any truncation or extension, is a miss") {
  const Folder folder;
  DiskCache cache(folder.path(), {});
  cache.store("the key", "some content");
  const fs::path path = entries(folder.path()).at(0);
  const std::string good = read(path);
  const auto misses = [&](const std::string& bytes) {
    write(path, bytes);
    return !cache.load("the key") && !fs::exists(path);
  };
  for (std::size_t k = 0; k < good.size(); ++k) {
    for (const int flip : {1, 128, 255}) {
      std::string bad = good;
      bad[k] = static_cast<char>(bad[k] ^ flip);
      CHECK_MESSAGE(misses(bad), "byte ", k);
    }
  }
  for (std::size_t size = 0; size < good.size(); ++size)
    CHECK_MESSAGE(misses(good.substr(0, size)), "size ", size);
  CHECK(misses(good + '\0'));
  CHECK(misses(good + good));
  write(path, good);
  CHECK(cache.load("the key") == "some content");
}

TEST_CASE("a file of another key, a link, a folder and a pipe in a file's place are misses") {
  const Folder folder;
  DiskCache cache(folder.path(), {});
  cache.store("one", "1");
  const fs::path one = entries(folder.path()).at(0);
  const std::string good = read(one);
  fs::remove(one);
  cache.store("two", "2");
  const fs::path two = entries(folder.path()).at(0);
  write(two, good);  // a collision of names
  CHECK(!cache.load("two"));
  CHECK(fs::exists(two));

  write(folder / "elsewhere", good);
  fs::create_symlink(folder / "elsewhere", one);
  CHECK(!cache.load("one"));
  fs::remove(one);
  fs::create_directory(one);
  CHECK(!cache.load("one"));
  fs::remove(one);
  REQUIRE(mkfifo(one.c_str(), 0600) == 0);
  CHECK(!cache.load("one"));  // does not wait for a writer
  fs::remove(one);
  write(one, good);
  fs::permissions(one, fs::perms::others_write, fs::perm_options::add);
  CHECK(!cache.load("one"));
}

TEST_CASE("a folder that others may write to, a link, a file and foreign folders are refused") {
  const Folder folder;
  const auto refusal = [](const std::string& path) -> std::string {
    try {
      DiskCache cache(path, {});
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  const auto has = [](const std::string& text, const char* part) {
    return text.find(part) != std::string::npos;
  };
  fs::create_directory(folder / "open");
  REQUIRE(chmod((folder / "open").c_str(), 0777) == 0);
  CHECK(has(refusal(folder / "open"), "only its owner may write"));
  REQUIRE(chmod((folder / "open").c_str(), 0770) == 0);
  CHECK(has(refusal(folder / "open"), "only its owner may write"));
  REQUIRE(chmod((folder / "open").c_str(), 0755) == 0);
  CHECK(refusal(folder / "open") == "");
  fs::create_directory_symlink(folder / "open", folder / "link");
  CHECK(has(refusal(folder / "link"), "symbolic link"));
  CHECK(has(refusal(folder / "link/"), "symbolic link"));
  write(folder / "file", "x");
  CHECK(has(refusal(folder / "file"), "cannot be opened"));
  CHECK(has(refusal(folder / "file/below"), "cannot be opened"));
  CHECK(has(refusal("/proc/weft"), "cannot be opened"));
  if (geteuid() == 0) {
    REQUIRE(chown((folder / "open").c_str(), 12345, 12345) == 0);
    CHECK(has(refusal(folder / "open"), "belongs to user 12345"));
  }
}

TEST_CASE("a cache that cannot be written to goes on without, and reads what it has") {
  const Folder folder;
  DiskCache(folder.path(), {}).store("old", "content");
  const pid_t child = fork();
  if (child == 0) {  // files of this process may not grow: what a full disk does
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit none{16, 16};
    std::freopen("/dev/null", "w", stderr);
    DiskCache cache(folder.path(), {});
    bool fine = setrlimit(RLIMIT_FSIZE, &none) == 0;
    cache.store("new", "content");
    fine = fine && !cache.load("new") && cache.load("old") == "content";
    _exit(fine ? 0 : 1);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
  CHECK(entries(folder.path()).size() == 1);
  for (const auto& item : fs::directory_iterator(folder.path()))
    CHECK(item.path().extension() != ".tmp");  // nothing half written is left
}

TEST_CASE("a cache whose folder goes away misses, and comes to no harm") {
  const Folder folder;
  DiskCache cache(folder / "gone", {});
  cache.store("key", "content");
  fs::remove_all(folder / "gone");
  CHECK(!cache.load("key"));
  cache.store("key", "content");
  CHECK(!cache.load("key"));
  CHECK(cache.list().empty());
  CHECK(cache.clear() == 0);
}

TEST_CASE("a sweep removes old files, then the least recently used, and what was left unfinished") {
  const Folder folder;
  const std::string kilobyte(1000, 'x');
  DiskCache cache(folder.path(), {.bytes = 3300, .seconds = 1000});
  const auto store = [&](const std::string& key, std::int64_t age) {
    const std::vector<fs::path> before = entries(folder.path());
    DiskCache(folder.path(), {}).store(key, kilobyte);
    for (const fs::path& path : entries(folder.path()))
      if (std::find(before.begin(), before.end(), path) == before.end()) set_age(path, age);
  };
  store("old", 2000);
  store("a", 50);
  store("b", 40);
  store("c", 30);
  store("d", 20);
  write(folder / ".weft-1-2-3.tmp", "half");
  set_age(folder / ".weft-1-2-3.tmp", 7200);
  write(folder / ".weft-1-2-4.tmp", "being written");
  write(folder / "mine.txt", "not of the cache");
  set_age(folder / "mine.txt", 100000);
  cache.sweep();
  CHECK(!cache.load("old"));
  CHECK(!cache.load("a"));
  for (const char* key : {"b", "c", "d"}) CHECK(cache.load(key));
  CHECK(!fs::exists(folder / ".weft-1-2-3.tmp"));
  CHECK(fs::exists(folder / ".weft-1-2-4.tmp"));
  CHECK(cache.clear() == 3);
  CHECK(fs::exists(folder / "mine.txt"));
  for (int k = 0; k < 50; ++k) cache.store("key" + std::to_string(k), kilobyte);
  CHECK(entries(folder.path()).size() <= 3);  // storing sweeps by itself
  cache.store("huge", std::string(4000, 'x'));
  CHECK(!cache.load("huge"));
}

TEST_CASE("threads and processes share a folder") {
  const Folder folder;
  const auto work = [&](int seed) {
    DiskCache cache(folder.path(), {.bytes = 20000, .seconds = 1000});
    bool fine = true;
    for (int k = 0; k < 200; ++k) {
      const std::string key = "key" + std::to_string((k * 7 + seed) % 30);
      const std::string content = key + std::string(800, 'c');
      if (const auto found = cache.load(key))
        fine = fine && *found == content;
      else
        cache.store(key, content);
    }
    return fine;
  };
  const pid_t child = fork();
  if (child == 0) _exit(work(1) ? 0 : 1);
  std::atomic<int> wrong{0};
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 3; ++t) threads.emplace_back([&, t] { wrong += work(t) ? 0 : 1; });
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  CHECK(wrong == 0);
}

TEST_CASE("a kernel from the disk is loaded, not compiled, and computes the same") {
  const Folder folder;
  const DiskCacheAt here(folder.path());
  clear_caches();
  const EngineStats before = engine_stats();
  REQUIRE(computes_squares());
  CHECK(engine_stats().kernels_compiled == before.kernels_compiled + 1);
  CHECK(entries(folder.path()).size() == 1);
  clear_caches();
  CHECK(computes_squares());
  CHECK(engine_stats().kernels_compiled == before.kernels_compiled + 1);
  CHECK(engine_stats().kernels_loaded == before.kernels_loaded + 1);
}

TEST_CASE("a kernel whose file is damaged, foreign or of another version is compiled again") {
  const Folder folder;
  const DiskCacheAt here(folder.path());
  clear_caches();
  REQUIRE(computes_squares());
  const fs::path path = entries(folder.path()).at(0);
  const std::string good = read(path);
  DiskCache cache(folder.path(), {});
  const std::string key = cache.list().at(0).key;
  const auto compiles = [&] {
    clear_caches();
    const std::size_t before = engine_stats().kernels_compiled;
    return computes_squares() && engine_stats().kernels_compiled == before + 1;
  };
  std::string bad = good;
  bad[bad.size() / 2] ^= 4;
  write(path, bad);
  CHECK(compiles());
  CHECK(read(path) == good);  // and is kept again
  cache.store(key, "no object code");
  CHECK(compiles());
  std::string older = key;
  older[older.find("emitter ") + 8] ^= 1;
  CHECK(key.find("\nLLVM ") != std::string::npos);
  CHECK(key.find("\nfeatures ") != std::string::npos);
  cache.clear();
  cache.store(older, good);
  CHECK(compiles());
}

TEST_CASE("set_disk_cache refuses what it cannot use and keeps what was") {
  const Folder folder;
  const DiskCacheAt here(folder.path());
  CHECK_THROWS_WITH_AS(set_disk_cache("here"),
                       "set_disk_cache: expected an absolute path or off, got \"here\"", Error);
  CHECK_THROWS_AS(set_disk_cache("/proc/weft"), Error);
  clear_caches();
  CHECK(computes_squares());
  CHECK(entries(folder.path()).size() == 1);
}
