// NVRTC, the run-time compiler of CUDA C++, opened at run time where it is installed; neither a
// driver nor a GPU is needed.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "codegen/cuda/library.h"

namespace weft::codegen::cuda {

/// "sm_90" for {9, 0}. PTX of an older architecture runs on newer ones, code on its own only.
struct Architecture {
  int number = 0;  // 90
  std::string code_name() const { return "sm_" + std::to_string(number); }
  std::string ptx_name() const { return "compute_" + std::to_string(number); }
  friend bool operator==(const Architecture&, const Architecture&) = default;
};
/// Throws weft::Error unless the text is like "sm_90".
Architecture parse_architecture(std::string_view text);

class Nvrtc {
 public:
  /// The process's one; null where it cannot be used. missing_reason() says why, in one line.
  static const Nvrtc* find();
  static const std::string& missing_reason();

  /// Throws weft::Error with that line, also where the installation is incomplete. Separate objects
  /// are for tests.
  explicit Nvrtc(const LibrarySearch& search);

  const std::string& version() const { return version_; }  // "13.0"
  int major() const { return major_; }
  const std::string& path() const { return path_; }
  /// What it compiles for, in ascending order.
  const std::vector<Architecture>& architectures() const { return architectures_; }

  /// What a device of this architecture runs: its code, or PTX of the highest known architecture
  /// where the device is newer than that.
  struct Target {
    Architecture architecture;
    bool ptx = false;
    std::string option() const { return ptx ? architecture.ptx_name() : architecture.code_name(); }
  };
  /// Throws weft::Error for an architecture that this NVRTC does not reach.
  Target target_for(Architecture device) const;

  struct Compiled {
    std::vector<char> code;  // empty where the target is PTX
    std::string ptx;
    std::string log;  // registers, stack, spills and shared memory of each kernel, as ptxas tells
  };
  /// Thread-safe. Throws InternalError with the compiler's log, because every text is Weft's own.
  Compiled compile_all(const std::string& text, const Target& target) const;
  Compiled compile_all(const std::string& text, std::string_view architecture) const {
    return compile_all(text, Target{parse_architecture(architecture)});
  }
  /// Device code for an exact architecture ("sm_90").
  std::vector<char> compile(const std::string& text, std::string_view architecture) const {
    return compile_all(text, architecture).code;
  }
  /// The options that decide code, beside text, version and target.
  static std::string options_text();

 private:
  struct Api;
  void check_builtins() const;
  [[noreturn]] void fail(int status, const std::string& log) const;

  std::shared_ptr<const Api> api_;
  std::string version_, path_;
  int major_ = 0;
  std::vector<Architecture> architectures_;
};

}  // namespace weft::codegen::cuda
