// Attributes: the static arguments of an operation, as in {axes = [0,2], kind = "max"}.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "ir/literal.h"

namespace weft::ir {

using Ints = std::vector<std::int64_t>;
using IntLists = std::vector<Ints>;
/// In the text: true, 3, 0.5, "add", f32, [0,1], [[1],[0]], dense literal.
using Attribute =
    std::variant<bool, std::int64_t, double, std::string, DType, Ints, IntLists, Literal>;

/// A few (name, value) pairs in the order in which the operation declares them. Names are literals
/// of the operation table, so a string_view is safe.
class Attributes {
 public:
  Attributes() = default;
  Attributes(std::initializer_list<std::pair<std::string_view, Attribute>> items) : items_(items) {}

  void set(std::string_view name, Attribute value);
  const Attribute* find(std::string_view name) const;
  bool has(std::string_view name) const { return find(name) != nullptr; }
  // Typed reads; InternalError when missing or of another type (inference has checked them).
  const Ints& ints(std::string_view name) const;
  const IntLists& int_lists(std::string_view name) const;
  bool boolean(std::string_view name) const;
  std::int64_t integer(std::string_view name) const;
  double real(std::string_view name) const;
  const std::string& string(std::string_view name) const;
  DType dtype(std::string_view name) const;
  const Literal& literal(std::string_view name) const;

  auto begin() const { return items_.begin(); }
  auto end() const { return items_.end(); }
  std::size_t size() const { return items_.size(); }
  bool empty() const { return items_.empty(); }
  friend bool operator==(const Attributes&, const Attributes&);  // floats and literals by bits
  std::uint64_t hash() const;

 private:
  std::vector<std::pair<std::string_view, Attribute>> items_;
};

}  // namespace weft::ir
