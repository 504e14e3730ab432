// The text of one kernel as CUDA C++: its signature, its values, its stores. How a grid takes the
// indices is a form's: rows, packs, tiles, products (forms.h).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "codegen/cuda/schedule.h"
#include "codegen/kernel.h"

namespace weft::codegen::cuda {

class BodyWriter {
 public:
  BodyWriter(const Kernel& kernel, const Schedule& schedule, std::string_view name);
  virtual ~BodyWriter() = default;
  BodyWriter(const BodyWriter&) = delete;
  BodyWriter& operator=(const BodyWriter&) = delete;
  std::string run();

 protected:
  /// What stands between the braces of the kernel.
  virtual void write() = 0;
  /// Where a form holds the element of a load or store; empty where it is in memory.
  virtual std::string held(const Inst& inst) const;
  /// Stands before what changes memory or sums.
  virtual std::string condition() const { return {}; }

  void line(const std::string& what);
  void open(const std::string& what);
  void close();

  /// i0, i1, ... of the first `axes` axes, from their number in row-major order.
  void write_indices(std::string rest, int axes);
  void write_value(const Inst& inst);
  /// Everything but the stores, which are given back: they come when all has been read.
  std::vector<const Inst*> write_values(const Section& section);
  void write_once(const Section& section);
  void write_store(const Inst& inst);
  /// A new variable with this value; its name.
  std::string define(DType dtype, const std::string& value);

  /// The product of the sizes of the first `axes` axes.
  static std::string sizes_product(int axes);
  /// The element of a load or store in memory.
  std::string address(const Inst& inst) const;
  /// " + i0 * p3 + j": empty where all coefficients are zero.
  std::string linear(const std::vector<Coef>& coefs) const;
  static std::string scaled(const Coef& coef, const std::string& index);
  static std::string combine(const Inst& inst, const std::string& into, const std::string& value);

  static std::size_t at(Reg reg) { return static_cast<std::size_t>(reg); }
  static std::string number(std::int64_t value) { return std::to_string(value); }
  DType dtype(Reg reg) const { return dtypes_[at(reg)]; }
  std::string type(Reg reg) const;
  const std::string& name(Reg reg) const { return names_[at(reg)]; }

  const Kernel& kernel_;
  const Schedule& schedule_;
  std::string index_;  // the type of indices and sizes
  std::vector<DType> dtypes_;
  std::vector<std::string> names_;  // of registers, as readable at this point of the text

 private:
  void write_signature();
  void write_op(const Inst& inst);

  std::string function_;
  std::string text_;
  int depth_ = 0;
  int next_ = 0;
};

}  // namespace weft::codegen::cuda
