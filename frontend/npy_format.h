// The .npy format, read from and written to anything that moves bytes (numpy.lib.format, version
// 1-3).
#pragma once

#include <functional>
#include <string>

#include "ir/type.h"
#include "runtime/engine.h"

namespace weft::detail {

/// Reads up to n bytes to `to`; less only at the end or after an error.
using ReadBytes = std::function<std::size_t(void* to, std::size_t n)>;

struct NpyArray {
  ir::Type type;
  runtime::Buffer values;  // row-major, of this machine's byte order
};

/// `size` bytes are there to read. Throws weft::Error beginning with `name`.
NpyArray read_npy(const ReadBytes& read, std::size_t size, const std::string& name);
/// The header of a row-major array, padded as NumPy does.
std::string npy_header(const ir::Type& type, const std::string& name);

}  // namespace weft::detail
