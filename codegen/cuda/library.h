// Shared libraries of the CUDA driver and toolkit: opened at run time, never linked and never
// closed. A library is a table of typed functions; a table lists its symbols once.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace weft::codegen::cuda {

/// Where a library is looked for. "off" as override: nowhere.
struct LibrarySearch {
  std::string name;                        // "libnvrtc.so", for messages
  const char* variable = "";               // that names the file, which is then tried alone
  std::optional<std::string> override_to;  // what the variable says
  std::vector<std::string> candidates;     // names and paths in the order of trial
  std::string remedy;                      // "install the CUDA toolkit, or set CUDA_HOME"
};

/// A library of the toolkit: the variable; sonames 13, then 12, then without number; the same under
/// CUDA_HOME, CUDA_PATH and /usr/local/cuda.
LibrarySearch toolkit_search(const std::string& name, const char* variable);
/// The driver's library: the variable; libcuda.so.1, also where WSL has it. Toolkits hold a stub.
LibrarySearch driver_search();

/// The file that a function of an open library was loaded from, with links resolved.
std::string file_of(const void* function);

/// An open library, or why there is none.
class Library {
 public:
  bool is_open() const { return handle_ != nullptr; }
  void* find(const char* symbol) const;

 private:
  template <class Api>
  friend struct Loaded;
  friend Library open_library(const std::string& candidate, std::string& problem);
  void* handle_ = nullptr;
};
Library open_library(const std::string& candidate, std::string& problem);

/// A row of a table of functions: where the pointer goes, and the symbol's name.
template <class Api, class Function>
struct Symbol {
  Function Api::*member;
  const char* name;
};
template <class Api, class Function>
Symbol(Function Api::*, const char*) -> Symbol<Api, Function>;

/// The first library of a search that has every function of its table.
template <class Api>
struct Loaded {
  Api api{};
  std::string path;     // empty where there is none
  std::string problem;  // then one line: what was looked for, what was found, what to do

  explicit operator bool() const { return !path.empty(); }

  /// Api::symbols() is a tuple of Symbol; Api::version names the member whose file is the
  /// library's.
  static Loaded open(const LibrarySearch& search) {
    Loaded loaded;
    if (search.override_to == "off") {
      loaded.problem = search.name + " is switched off by " + search.variable;
      return loaded;
    }
    if (search.override_to) {
      if (!loaded.try_one(*search.override_to))
        loaded.problem = std::string(search.variable) + ": " + loaded.problem;
      return loaded;
    }
    std::string found;  // a file that is no such library tells more than those that are missing
    for (const std::string& candidate : search.candidates) {
      if (loaded.try_one(candidate)) return loaded;
      if (found.empty() && loaded.opened_) found = loaded.problem;
    }
    loaded.problem = found.empty() ? search.name + " not found: " + search.remedy : found;
    return loaded;
  }

 private:
  bool try_one(const std::string& candidate) {
    const Library library = open_library(candidate, problem);
    opened_ = library.is_open();
    if (!opened_) return false;
    const char* missing = nullptr;
    std::apply([&](const auto&... row) { (bind(library, row, missing) && ...); }, Api::symbols());
    if (missing != nullptr) {
      problem = candidate + " lacks " + missing + ": CUDA 12 or later is needed";
      return false;
    }
    path = file_of(reinterpret_cast<const void*>(api.version));
    if (path.empty()) path = candidate;
    problem.clear();
    return true;
  }
  template <class Row>
  bool bind(const Library& library, const Row& row, const char*& missing) {
    auto& function = api.*row.member;
    function =
        reinterpret_cast<std::remove_reference_t<decltype(function)>>(library.find(row.name));
    if (function == nullptr) missing = row.name;
    return function != nullptr;
  }

  bool opened_ = false;
};

}  // namespace weft::codegen::cuda
