#include <weft/io.h>

#include <sys/stat.h>
#include <unistd.h>
#include <zip.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>

#include "frontend/evaluate.h"
#include "frontend/npy_format.h"
#include "frontend/storage.h"

namespace weft {

using detail::OpScope;

namespace {

std::string system_error() { return std::strerror(errno); }

struct CloseFile {
  void operator()(std::FILE* f) const { std::fclose(f); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

/// The file that a path of symbolic links leads to, whether it is there or not.
std::string behind_links(const std::string& path) {
  std::filesystem::path at = path;
  std::error_code error;
  for (int steps = 0; steps < 40 && std::filesystem::is_symlink(at, error); ++steps) {
    const std::filesystem::path next = std::filesystem::read_symlink(at, error);
    if (error) break;
    at = at.parent_path() / next;  // next, if it is absolute
  }
  return at.string();
}

/// A name beside `path` that becomes it by commit(), and disappears otherwise.
class NewFile {
 public:
  explicit NewFile(const std::string& path) : path_(behind_links(path)) {
    static std::atomic<unsigned> count{0};
    temporary_ = path_ + ".tmp" + std::to_string(::getpid()) + "." + std::to_string(count++);
  }
  ~NewFile() {
    if (!committed_) std::remove(temporary_.c_str());
  }
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  const std::string& name() const { return temporary_; }
  void commit() {
    struct stat before;
    if (::stat(path_.c_str(), &before) == 0) ::chmod(temporary_.c_str(), before.st_mode & 07777);
    if (std::rename(temporary_.c_str(), path_.c_str()) != 0) {
      detail::fail(path_ + ": cannot be written: " + system_error());
    }
    committed_ = true;
  }

 private:
  std::string path_, temporary_;
  bool committed_ = false;
};

/// A directory can be opened for reading; the error would come later and say less.
void refuse_directory(const std::string& path) {
  struct stat about;
  if (::stat(path.c_str(), &about) == 0 && S_ISDIR(about.st_mode)) {
    detail::fail(path + ": is a directory");
  }
}

struct ArrayBytes {
  std::string header;
  runtime::Buffer values;
  std::size_t bytes;
};

ArrayBytes bytes_of(const Tensor& t, const std::string& name) {
  const ir::Type type = detail::type_of(t);
  return {detail::npy_header(type, name), detail::value_of(detail::read(t)), type.bytes()};
}

Tensor tensor_of(detail::NpyArray array) {
  return detail::wrap(detail::record_input(std::move(array.values), std::move(array.type)));
}

struct DiscardZip {
  void operator()(zip_t* z) const { zip_discard(z); }
};
struct CloseEntry {
  void operator()(zip_file_t* f) const { zip_fclose(f); }
};

std::unique_ptr<zip_t, DiscardZip> open_zip(const std::string& file, int flags,
                                            const std::string& name) {
  int code = 0;
  zip_t* archive = zip_open(file.c_str(), flags, &code);
  if (archive == nullptr) {
    zip_error_t error;
    zip_error_init_with_code(&error, code);
    const std::string why = zip_error_strerror(&error);
    zip_error_fini(&error);
    detail::fail(name + ": cannot be opened as .npz: " + why);
  }
  return std::unique_ptr<zip_t, DiscardZip>(archive);
}

}  // namespace

Tensor load_npy(const std::string& path, Here here) {
  const OpScope scope("load_npy", here);
  refuse_directory(path);
  const File file(std::fopen(path.c_str(), "rb"));
  if (file == nullptr) detail::fail(path + ": cannot be opened: " + system_error());
  if (std::fseek(file.get(), 0, SEEK_END) != 0) {
    detail::fail(path + ": cannot be read: " + system_error());
  }
  const long size = std::ftell(file.get());
  std::rewind(file.get());
  const auto read = [&](void* to, std::size_t n) { return std::fread(to, 1, n, file.get()); };
  return tensor_of(detail::read_npy(read, static_cast<std::size_t>(std::max(size, 0L)), path));
}

void save_npy(const std::string& path, const Tensor& tensor, Here here) {
  const OpScope scope("save_npy", here);
  refuse_directory(path);
  const ArrayBytes array = bytes_of(tensor, path);
  NewFile target(path);
  File file(std::fopen(target.name().c_str(), "wb"));
  if (file == nullptr) detail::fail(path + ": cannot be written: " + system_error());
  const bool written =
      std::fwrite(array.header.data(), 1, array.header.size(), file.get()) == array.header.size() &&
      std::fwrite(array.values.data(), 1, array.bytes, file.get()) == array.bytes;
  const bool closed = std::fclose(file.release()) == 0;
  if (!written || !closed) detail::fail(path + ": cannot be written: " + system_error());
  target.commit();
}

std::map<std::string, Tensor> load_npz(const std::string& path, Here here) {
  const OpScope scope("load_npz", here);
  refuse_directory(path);
  const auto archive = open_zip(path, ZIP_RDONLY, path);
  std::map<std::string, Tensor> tensors;
  const zip_int64_t count = zip_get_num_entries(archive.get(), 0);
  for (zip_int64_t k = 0; k < count; ++k) {
    zip_stat_t stat;
    if (zip_stat_index(archive.get(), static_cast<zip_uint64_t>(k), 0, &stat) != 0) {
      detail::fail(path + ": " + zip_strerror(archive.get()));
    }
    std::string name = stat.name;
    const std::string entry = path + ": " + name;
    if (!name.ends_with(".npy")) continue;
    name.resize(name.size() - 4);
    if (tensors.contains(name)) detail::fail(entry + ": the archive holds this name twice");
    const std::unique_ptr<zip_file_t, CloseEntry> file(
        zip_fopen_index(archive.get(), static_cast<zip_uint64_t>(k), 0));
    if (file == nullptr) detail::fail(entry + ": " + zip_strerror(archive.get()));
    const auto read = [&](void* to, std::size_t n) {
      const zip_int64_t got = zip_fread(file.get(), to, n);
      if (got < 0) detail::fail(entry + ": " + zip_file_strerror(file.get()));
      return static_cast<std::size_t>(got);
    };
    tensors[name] = tensor_of(detail::read_npy(read, stat.size, entry));
    char end;  // reading to the end checks the entry's checksum
    read(&end, 1);
  }
  return tensors;
}

void save_npz(const std::string& path, const std::map<std::string, Tensor>& tensors, Here here) {
  const OpScope scope("save_npz", here);
  refuse_directory(path);
  std::vector<std::string> contents;  // must live until the archive is closed
  contents.reserve(tensors.size());
  NewFile target(path);
  auto archive = open_zip(target.name(), ZIP_CREATE | ZIP_TRUNCATE, path);
  const auto check = [&](bool good) {
    if (!good) detail::fail(path + ": cannot be written: " + zip_strerror(archive.get()));
  };
  for (const auto& [name, tensor] : tensors) {
    const ArrayBytes array = bytes_of(tensor, path + ": " + name);
    std::string& content = contents.emplace_back(array.header);
    content.append(static_cast<const char*>(array.values.data()), array.bytes);
    zip_source_t* source = zip_source_buffer(archive.get(), content.data(), content.size(), 0);
    check(source != nullptr);
    const zip_int64_t index =
        zip_file_add(archive.get(), (name + ".npy").c_str(), source, ZIP_FL_ENC_UTF_8);
    if (index < 0) zip_source_free(source);
    check(index >= 0);
    check(zip_set_file_compression(archive.get(), static_cast<zip_uint64_t>(index), ZIP_CM_STORE,
                                   0) == 0);
  }
  if (tensors.empty()) detail::fail("expected at least one tensor, got none");
  check(zip_close(archive.get()) == 0);
  archive.release();
  target.commit();
}

}  // namespace weft
