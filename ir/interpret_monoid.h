// The interpreter's monoids: what reductions and cumulative operations combine by.
#pragma once

#include <limits>
#include <string_view>

#include "ir/scalar_element.h"

namespace weft::ir {

template <class T>
constexpr T lowest() {
  if constexpr (element::Float<T>)
    return -std::numeric_limits<T>::infinity();
  else
    return std::numeric_limits<T>::min();
}
template <class T>
constexpr T highest() {
  if constexpr (element::Float<T>)
    return std::numeric_limits<T>::infinity();
  else
    return std::numeric_limits<T>::max();
}

/// Calls f with the operation as a compile-time constant, so that loops over it are tight.
template <class T, class F>
bool with_monoid(std::string_view kind, F&& f) {
  if constexpr (element::Number<T>) {
    if (kind == "add") return f.template operator()<element::add<T>>(T{0}), true;
    if (kind == "mul") return f.template operator()<element::mul<T>>(T{1}), true;
    if (kind == "max") return f.template operator()<element::max<T>>(lowest<T>()), true;
    if (kind == "min") return f.template operator()<element::min<T>>(highest<T>()), true;
  }
  if constexpr (element::Bits<T>) {
    if (kind == "and") return f.template operator()<element::and_<T>>(element::not_(T{0})), true;
    if (kind == "or") return f.template operator()<element::or_<T>>(T{0}), true;
  }
  return false;
}

}  // namespace weft::ir
