#include <weft/io.h>

#include <sys/stat.h>
#include <zip.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "frontend/evaluate.h"
#include "frontend/npy_format.h"
#include "frontend/storage.h"
#include "runtime/output_file.h"

namespace weft {

using detail::OpScope;

namespace {

std::string system_error() { return std::strerror(errno); }

struct CloseFile {
  void operator()(std::FILE* f) const { std::fclose(f); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

/// A directory can be opened for reading; the error would come later and say less.
void refuse_directory(const std::string& path) {
  struct stat about;
  if (::stat(path.c_str(), &about) == 0 && S_ISDIR(about.st_mode)) {
    detail::fail(path + ": is a directory");
  }
}

/// Names the API function and its caller's line in what the file says.
template <class Use>
void as_this_function(Use&& use) {
  const auto named = [](const Error& e) { return std::string(OpScope::name()) + ": " + e.what(); };
  try {
    use();
  } catch (const runtime::WriteError& e) {
    throw runtime::WriteError(named(e), OpScope::where());
  } catch (const Error& e) {
    throw Error(named(e), OpScope::where());
  }
}

struct ArrayBytes {
  std::string header;
  runtime::Buffer values;
  std::size_t bytes;

  std::string_view value_bytes() const { return {static_cast<const char*>(values.data()), bytes}; }
};

ArrayBytes bytes_of(const Tensor& t, const std::string& name) {
  const ir::Type type = detail::type_of(t);
  return {detail::npy_header(type, name), detail::host_value_of(detail::read(t)), type.bytes()};
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

/// An archive in memory, so that what becomes of its bytes is not libzip's business. Its members'
/// bytes must outlive it.
class NewZip {
 public:
  explicit NewZip(const std::string& path) : path_(path) {
    zip_error_t error;
    zip_error_init(&error);
    bytes_.reset(zip_source_buffer_create(nullptr, 0, 0, &error));
    if (bytes_ != nullptr) {
      zip_source_keep(bytes_.get());  // the archive takes one reference, reading the other
      archive_.reset(zip_open_from_source(bytes_.get(), ZIP_TRUNCATE, &error));
      if (archive_ == nullptr) zip_source_free(bytes_.get());
    }
    const std::string why = archive_ == nullptr ? zip_error_strerror(&error) : "";
    zip_error_fini(&error);
    if (archive_ == nullptr) detail::fail(path_ + ": no archive can be made: " + why);
  }

  void add(const std::string& name, ArrayBytes& array) {
    const zip_buffer_fragment_t parts[] = {
        {reinterpret_cast<zip_uint8_t*>(array.header.data()), array.header.size()},
        {static_cast<zip_uint8_t*>(array.values.data()), array.bytes}};
    zip_source_t* source = zip_source_buffer_fragment(archive_.get(), parts, 2, 0);
    check(source != nullptr);
    const zip_int64_t index = zip_file_add(archive_.get(), name.c_str(), source, ZIP_FL_ENC_UTF_8);
    if (index < 0) zip_source_free(source);
    check(index >= 0);
    check(zip_set_file_compression(archive_.get(), static_cast<zip_uint64_t>(index), ZIP_CM_STORE,
                                   0) == 0);
  }

  /// The archive's bytes are there to read from now on.
  void make() {
    check(zip_close(archive_.get()) == 0);
    archive_.release();
  }

  template <class Take>
  void read(Take&& take) {
    std::vector<char> block(1 << 20);
    zip_int64_t n = zip_source_open(bytes_.get()) == 0 ? 1 : -1;
    while (n > 0) {
      n = zip_source_read(bytes_.get(), block.data(), block.size());
      if (n > 0) take(std::string_view(block.data(), static_cast<std::size_t>(n)));
    }
    if (n < 0) throw runtime::WriteError(path_ + ": the archive cannot be read back");
  }

 private:
  struct FreeSource {
    void operator()(zip_source_t* s) const { zip_source_free(s); }
  };
  void check(bool good) {
    if (!good) detail::fail(path_ + ": cannot be written: " + zip_strerror(archive_.get()));
  }

  const std::string& path_;
  std::unique_ptr<zip_source_t, FreeSource> bytes_;
  std::unique_ptr<zip_t, DiscardZip> archive_;
};

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
  const ArrayBytes array = bytes_of(tensor, path);
  as_this_function([&] {
    runtime::OutputFile file(path);
    file.write(array.header);
    file.write(array.value_bytes());
    file.publish();
  });
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
  if (tensors.empty()) detail::fail("expected at least one tensor, got none");
  std::vector<ArrayBytes> arrays;  // must live until the archive is made
  arrays.reserve(tensors.size());
  NewZip zip(path);
  for (const auto& [name, tensor] : tensors) {
    arrays.push_back(bytes_of(tensor, path + ": " + name));
    zip.add(name + ".npy", arrays.back());
  }
  zip.make();
  as_this_function([&] {
    runtime::OutputFile file(path);
    zip.read([&](std::string_view bytes) { file.write(bytes); });
    file.publish();
  });
}

}  // namespace weft
