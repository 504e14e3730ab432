// A dense array known now: constants of the graph, and inputs and outputs of the interpreter.
#pragma once

#include <cstring>
#include <memory>
#include <vector>

#include "ir/type.h"

namespace weft::ir {

/// Row-major, contiguous, immutable once shared. bool is one byte, 0 or 1.
class Literal {
 public:
  Literal() = default;
  Literal(Type type, std::vector<std::byte> bytes);  // throws InternalError on a size mismatch
  static Literal zeros(Type type);
  static Literal scalar(DType dtype, double value);  // converted as `convert` does
  static Literal scalar_int(DType dtype, std::int64_t value);
  template <class T>
  static Literal from(const Shape& shape, const std::vector<T>& values);

  const Type& type() const { return type_; }
  const std::byte* data() const { return bytes_->data(); }
  std::byte* mutable_data();  // copies first if shared
  template <class T>
  const T* as() const {
    return reinterpret_cast<const T*>(data());
  }
  template <class T>
  T* mutable_as() {
    return reinterpret_cast<T*>(mutable_data());
  }
  /// Element i converted to double / int64 (for printing, tests, folding decisions).
  double at(std::int64_t i) const;
  std::int64_t int_at(std::int64_t i) const;
  /// Element i as it lies in memory, in the low bytes.
  std::uint64_t bits_at(std::int64_t i) const;
  bool is_splat() const;  // all elements have the same bits
  /// Same type and same bits (so NaN equals itself, and -0 differs from 0).
  friend bool operator==(const Literal&, const Literal&);
  std::uint64_t hash() const;

 private:
  Type type_;
  std::shared_ptr<std::vector<std::byte>> bytes_;
};

/// A float that nothing treats otherwise than its neighbours: finite, and neither 0 nor a half, one
/// or two of either sign. Programs that differ in such numbers alone share their code.
bool is_any_number(DType dtype, std::uint64_t bits);

template <class T>
Literal Literal::from(const Shape& shape, const std::vector<T>& values) {
  std::vector<std::byte> bytes(values.size() * sizeof(T));
  if constexpr (std::is_same_v<T, bool>) {
    for (std::size_t k = 0; k < values.size(); ++k) bytes[k] = std::byte(values[k] ? 1 : 0);
  } else if (!values.empty()) {
    std::memcpy(bytes.data(), values.data(), bytes.size());
  }
  return Literal({dtype_of<T>, shape}, std::move(bytes));
}

}  // namespace weft::ir
