// .npy and .npz files: round trips, foreign layouts, and every way in which a file can be broken.
#include <filesystem>
#include <fstream>

#include "tests/frontend/check.h"

using namespace weft;
using namespace weft::tests;

namespace {

/// A directory of its own for each test.
class Folder {
 public:
  Folder() {
    static int count = 0;
    path_ = std::filesystem::temp_directory_path() /
            ("weft_io_test_" + std::to_string(::getpid()) + "_" + std::to_string(count++));
    std::filesystem::create_directory(path_);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string operator/(const char* name) const { return (path_ / name).string(); }
  std::size_t files() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(path_), {}));
  }

 private:
  std::filesystem::path path_;
};

std::string bytes_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void put(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

std::string npy(const std::string& header, const std::string& data) {
  std::string text = header + "\n";
  return std::string("\x93NUMPY\x01\x00", 8) + static_cast<char>(text.size() & 255) +
         static_cast<char>(text.size() >> 8) + text + data;
}

}  // namespace

TEST_CASE("arrays of every dtype come back as they went") {
  const Folder folder;
  for (const Tensor& t : {tensor({{1.5, -2.0}}), tensor({1, 2, 3}), tensor({true, false}),
                          tensor(2.5, f64), zeros({0, 3}), tensor({7}, u32)}) {
    save_npy(folder / "x.npy", t);
    const Tensor back = load_npy(folder / "x.npy");
    CHECK(back.dtype() == t.dtype());
    CHECK(back.shape() == t.shape());
    CHECK(equal(back, t));
  }
  CHECK(folder.files() == 1);
}

TEST_CASE("the header is NumPy's own") {
  const Folder folder;
  save_npy(folder / "x.npy", zeros({3, 4}));
  const std::string bytes = bytes_of(folder / "x.npy");
  CHECK(bytes.size() == 128 + 48);
  CHECK(contains(bytes, "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }"));
  save_npy(folder / "v.npy", zeros({3}, boolean));
  CHECK(contains(bytes_of(folder / "v.npy"),
                 "'descr': '|b1', 'fortran_order': False, 'shape': (3,), }"));
}

TEST_CASE("column-major and big-endian files are converted") {
  const Folder folder;
  const std::int32_t columns[] = {1, 4, 2, 5, 3, 6};
  put(folder / "f.npy", npy("{'descr': '<i4', 'fortran_order': True, 'shape': (2, 3), }",
                            std::string(reinterpret_cast<const char*>(columns), 24)));
  check_tensor(load_npy(folder / "f.npy"), i32, {2, 3}, {1, 2, 3, 4, 5, 6});
  put(folder / "b.npy", npy("{'descr': '>i2', 'fortran_order': False, 'shape': (2,)}",
                            std::string("\x01\x02\xff\xff", 4)));
  check_values(load_npy(folder / "b.npy"), {258, -1});
}

TEST_CASE("broken .npy files are refused by name") {
  const Folder folder;
  const std::string good = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }";
  const auto message = [&](const std::string& bytes) {
    put(folder / "x.npy", bytes);
    return error_of([&] { load_npy(folder / "x.npy"); });
  };
  CHECK(contains(message(""), "x.npy: the file is short"));
  CHECK(contains(message("hello world"), "not a .npy file"));
  CHECK(contains(message(std::string("\x93NUMPY\x09\x00\x01\x00", 10)), "version 9"));
  CHECK(contains(message(npy(good, "1234567")), "needs more than the 7 bytes"));
  CHECK(contains(message(npy(good, "").substr(0, 30)), "bytes of the .npy header"));
  CHECK(contains(message(npy("{'descr': '<f4'", "")), "malformed .npy header"));
  CHECK(contains(message(npy("{'descr': '<f4', 'shape': (2,)}", "")), "no descr, fortran_order"));
  CHECK(contains(message(npy("{'descr': 3}", "")), "malformed"));
  CHECK(contains(message(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (-2,), }", "")),
                 "expected a size"));
  CHECK(contains(message(npy("{'descr': '<U8', 'fortran_order': False, 'shape': (2,), }", "")),
                 "dtype '<U8' is not one that Weft has"));
  CHECK(contains(message(npy("{'descr': '<f4', 'fortran_order': False, 'shape': "
                             "(4294967296, 4294967296, 4294967296), }",
                             "")),
                 "needs more than the 0 bytes"));
  CHECK_ERROR("cannot be opened: No such file", load_npy(folder / "none.npy"));
}

TEST_CASE("a file that cannot be written leaves nothing behind") {
  const Folder folder;
  CHECK_ERROR("cannot be written", save_npy(folder / "no/such/x.npy", ones({2})));
  save_npy(folder / "x.npy", ones({2}));
  std::filesystem::create_directory(folder / "taken");
  CHECK_ERROR("taken: is a directory", save_npy(folder / "taken", ones({2})));
  CHECK(folder.files() == 2);
  std::uint16_t half[] = {0};
  CHECK_ERROR("NumPy has no dtype for bf16",
              save_npy(folder / "b.npy", from_blob(half, {1}, bf16)));
}

TEST_CASE("several arrays share a .npz file") {
  const Folder folder;
  save_npz(folder / "x.npz", {{"a", tensor({1, 2})}, {"b", ones({2, 2})}});
  const auto back = load_npz(folder / "x.npz");
  REQUIRE(back.size() == 2);
  check_values(back.at("a"), {1, 2});
  CHECK(back.at("b").shape() == Shape{2, 2});
  CHECK(folder.files() == 1);
  CHECK_ERROR("expected at least one tensor", save_npz(folder / "e.npz", {}));
}

TEST_CASE("broken .npz files are refused by name") {
  const Folder folder;
  save_npz(folder / "x.npz", {{"a", arange(100)}});
  const std::string bytes = bytes_of(folder / "x.npz");
  put(folder / "cut.npz", bytes.substr(0, bytes.size() / 2));
  CHECK_ERROR("cut.npz: cannot be opened as .npz", load_npz(folder / "cut.npz"));
  std::string flipped = bytes;
  flipped[bytes.size() / 2] ^= 1;
  put(folder / "flip.npz", flipped);
  CHECK_ERROR("flip.npz", load_npz(folder / "flip.npz"));
  CHECK_ERROR("cannot be opened as .npz", load_npz(folder / "none.npz"));
}

TEST_CASE("members of a .npz that are no arrays are left out, and names come once") {
  const Folder folder;
  save_npz(folder / "x.npz", {{"a", tensor({1})}, {"b", tensor({2})}});
  const std::string bytes = bytes_of(folder / "x.npz");
  const auto renamed = [&](const std::string& from, const std::string& to) {
    std::string changed = bytes;
    for (auto at = changed.find(from); at != std::string::npos; at = changed.find(from, at)) {
      changed.replace(at, from.size(), to);
    }
    put(folder / "y.npz", changed);
    return folder / "y.npz";
  };
  const auto arrays = load_npz(renamed("b.npy", "b.txt"));
  REQUIRE(arrays.size() == 1);
  check_values(arrays.at("a"), {1});
  const std::string twice = renamed("b.npy", "a.npy");
  CHECK(contains(error_of([&] { load_npz(twice); }), "y.npz"));
}

TEST_CASE("directories and shapes beyond all tensors are refused") {
  const Folder folder;
  std::filesystem::create_directory(folder / "d");
  CHECK_ERROR("load_npy: " + folder / "d" + ": is a directory", load_npy(folder / "d"));
  CHECK_ERROR("is a directory", load_npz(folder / "d"));
  CHECK_ERROR("is a directory", save_npz(folder / "d", {{"a", ones({1})}}));
  std::string axes;
  for (int k = 0; k < 65; ++k) axes += "1, ";
  const auto load = [&](const std::string& descr, const std::string& shape) {
    put(folder / "x.npy",
        npy("{'descr': '" + descr + "', 'fortran_order': False, 'shape': (" + shape + "), }",
            std::string(4, '\0')));
    return error_of([&] { load_npy(folder / "x.npy"); });
  };
  CHECK(contains(load("<f4", axes), "expected at most 64 dimensions"));
  CHECK(contains(load("<f4", "9223372036854775807, 9223372036854775807, 0"), "less than 2^62"));
  CHECK(load("<U8", "1,").starts_with("load_npy: "));
}

TEST_CASE("saving follows links and keeps the mode of what was there") {
  namespace fs = std::filesystem;
  const Folder folder;
  fs::create_directory(folder / "d");
  save_npy(folder / "d/x.npy", ones({1}));
  fs::permissions(folder / "d/x.npy", fs::perms::owner_read | fs::perms::owner_write);
  fs::create_symlink("d/x.npy", folder / "link.npy");
  save_npy(folder / "link.npy", ones({2}));
  CHECK(fs::is_symlink(folder / "link.npy"));
  check_values(load_npy(folder / "d/x.npy"), {1, 1});
  CHECK(fs::status(folder / "d/x.npy").permissions() ==
        (fs::perms::owner_read | fs::perms::owner_write));
}
