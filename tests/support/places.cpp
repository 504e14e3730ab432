#include "tests/support/places.h"

namespace weft::test {

std::string source_dir() { return WEFT_SOURCE_DIR; }
std::string text_files() { return WEFT_SOURCE_DIR "/tests/files"; }
std::string bin_dir() { return WEFT_BIN; }
std::string cuda_fake(const std::string& name) { return WEFT_CUDA_FAKES "/" + name + ".so"; }
std::string host_compiler() { return WEFT_CXX; }

}  // namespace weft::test
