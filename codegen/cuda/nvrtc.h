// NVRTC, the run-time compiler of CUDA C++, opened with dlopen where it is installed; nothing links
// it, and neither a driver nor a GPU is needed. Its library is looked for by name, then under
// CUDA_HOME, CUDA_PATH and /usr/local/cuda.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace weft::codegen::cuda {

class Nvrtc {
 public:
  /// The process's one; null where it is not installed. missing_reason() says why.
  static const Nvrtc* find();
  static const std::string& missing_reason();

  const std::string& version() const { return version_; }
  const std::string& path() const { return path_; }

  /// Device code for an exact architecture ("sm_90"). Thread-safe. Throws InternalError with the
  /// compiler's log, because every text is Weft's own.
  std::vector<char> compile(const std::string& text, std::string_view architecture) const {
    return compile_all(text, architecture).code;
  }

  struct Compiled {
    std::vector<char> code;
    std::string ptx;
    std::string log;  // registers, stack, spills and shared memory of each kernel, as ptxas tells
  };
  Compiled compile_all(const std::string& text, std::string_view architecture) const;

 private:
  struct Api;
  Nvrtc();
  static const Nvrtc& instance();
  bool open(const std::string& candidate);

  std::shared_ptr<const Api> api_;
  std::string version_, path_, problem_;
};

}  // namespace weft::codegen::cuda
