// NumPy's files: .npy holds one array, .npz a zip of named ones. Written to a temporary name and
// renamed, so that nobody sees half a file; links stay links, and files keep their mode.
#pragma once

#include <map>
#include <string>

#include <weft/tensor.h>

namespace weft {

/// Throws weft::Error naming the file and what is wrong with it: missing, short, malformed header,
/// a dtype that Weft does not have. Fortran order and big-endian files are converted.
WEFT_API Tensor load_npy(const std::string& path, Here = {});
WEFT_API void save_npy(const std::string& path, const Tensor& tensor, Here = {});

/// The members named *.npy, without that ending; others are no arrays and left out.
WEFT_API std::map<std::string, Tensor> load_npz(const std::string& path, Here = {});
WEFT_API void save_npz(const std::string& path, const std::map<std::string, Tensor>& tensors,
                       Here = {});

}  // namespace weft
