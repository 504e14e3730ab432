// Measurements as JSON, which collects runs, and as the page docs/accuracy.md.
#pragma once

#include <string>
#include <vector>

#include "tools/accuracy/measure.h"

namespace weft::accuracy {

/// Measurements in the order of functions(), f32 before f64; a new one replaces its older one.
class Report {
 public:
  /// Reads a file that write_json made; one that does not exist gives none. Throws weft::Error
  /// naming the file if it is none.
  static Report load(const std::string& file);
  void add(const Measurement& m);
  /// Whether it was measured; on all arguments, where `exhaustive`.
  bool has(const Function& f, DType dtype, bool exhaustive) const;
  void write_json(const std::string& file) const;
  /// The page. Throws weft::Error naming what has not been measured.
  std::string markdown() const;

 private:
  const Measurement* find(std::string_view function, std::string_view dtype) const;
  std::string table(std::string_view dtype) const;
  std::vector<Measurement> all_;
};

}  // namespace weft::accuracy
