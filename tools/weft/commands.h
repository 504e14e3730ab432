// The subcommands of `weft`. Each throws weft::Error for rejected input, weft::Unsupported for what
// Weft cannot do.
#pragma once

#include <string>
#include <vector>

#include "tools/support/exit_code.h"

namespace weft::tools {

struct DumpOptions {
  std::string file;
  std::string stage = "graph";  // graph fused kernel llvm asm cuda ptx
  std::string format = "text";  // text dot svg json
  std::string passes;  // comma-separated; empty: the default pipeline where the stage needs it
  bool print_changed = false;
  std::string device = "cpu";  // cuda: kernels with what they need of a device
  std::string architecture;    // of a CUDA device; empty: that of cuda:0, else sm_90
};
int dump(const DumpOptions& options);

struct RunOptions {
  std::string file;
  std::vector<std::string> inputs;  // name=file.npy
  bool random = false;
  unsigned long long seed = 0;
  std::string output;           // folder for result<k>.npy; empty: print
  std::string backend = "cpu";  // cpu interp
  std::string device = "cpu";   // cpu, cuda, cuda:1
  bool time = false;
};
int run(const RunOptions& options);

struct GradOptions {
  std::string file;
  std::string wrt;     // comma-separated parameter names
  std::string output;  // empty: standard output
};
int grad(const GradOptions& options);

int info();

/// list, stats or clear.
int cache(const std::string& action);

}  // namespace weft::tools
