// Where tests find files: the sources, the text tests, and the executables that were built.
#pragma once

#include <string>

namespace weft::test {

std::string source_dir();     // the repository
std::string text_files();     // tests/files
std::string bin_dir();        // build/bin
std::string host_compiler();  // the C++ compiler that built the tests
/// A library that answers as some installation of CUDA does (tests/CMakeLists.txt).
std::string cuda_fake(const std::string& name);

}  // namespace weft::test
