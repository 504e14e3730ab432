// Walks the tensors inside arguments and results: tensors, tuples, vectors, arrays, maps, optionals
// and plain aggregates of them, in declaration order. What is not a tensor belongs to the
// structure.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include <weft/tensor.h>

namespace weft::detail {

/// Converts to anything; used to count the members of an aggregate.
struct AnyMember {
  template <class T>
  operator T() const noexcept;
};

template <class T, std::size_t... K>
concept BraceConstructible = requires {
  T{((void)K, AnyMember())...};
};

template <class T, std::size_t N>
constexpr bool takes_members() {
  return []<std::size_t... K>(std::index_sequence<K...>) { return BraceConstructible<T, K...>; }
  (std::make_index_sequence<N>());
}

inline constexpr std::size_t max_members = 16;

template <class T, std::size_t N = max_members + 1>
constexpr std::size_t member_count() {
  if constexpr (N == 0)
    return 0;
  else if constexpr (takes_members<T, N>())
    return N;
  else
    return member_count<T, N - 1>();
}

template <class T, std::size_t K, std::size_t Rest>
constexpr bool braces_member() {
  return
      []<std::size_t... A, std::size_t... B>(std::index_sequence<A...>, std::index_sequence<B...>) {
    return requires { T{((void)A, AnyMember())..., {AnyMember()}, ((void)B, AnyMember())...}; };
  }
  (std::make_index_sequence<K>(), std::make_index_sequence<Rest>());
}

/// Whether a member is a C array. Without braces of its own it takes several initializers of the N;
/// with them it takes one, and what follows is too much.
template <class T, std::size_t N>
constexpr bool has_array_member() {
  return []<std::size_t... K>(std::index_sequence<K...>) {
    return ((braces_member<T, K, 0>() && !braces_member<T, K, N - K - 1>()) || ...);
  }
  (std::make_index_sequence<N>());
}

/// Calls f(member) for each member of an aggregate, in order.
template <class T, class F>
void for_each_member(T& value, F&& f) {
  constexpr std::size_t n = member_count<std::remove_const_t<T>>();
  static_assert(!has_array_member<std::remove_const_t<T>, n>(),
                "a member of an argument or result is a C array: use std::array or std::vector");
  static_assert(n <= max_members, "aggregates of at most 16 members can be arguments and results");
  auto all = [&](auto&... member) { (f(member), ...); };
  // clang-format off
  if constexpr (has_array_member<std::remove_const_t<T>, n>()) return;
  if constexpr (n == 1) { auto& [a] = value; all(a); }
  if constexpr (n == 2) { auto& [a, b] = value; all(a, b); }
  if constexpr (n == 3) { auto& [a, b, c] = value; all(a, b, c); }
  if constexpr (n == 4) { auto& [a, b, c, d] = value; all(a, b, c, d); }
  if constexpr (n == 5) { auto& [a, b, c, d, e] = value; all(a, b, c, d, e); }
  if constexpr (n == 6) { auto& [a, b, c, d, e, g] = value; all(a, b, c, d, e, g); }
  if constexpr (n == 7) { auto& [a, b, c, d, e, g, h] = value; all(a, b, c, d, e, g, h); }
  if constexpr (n == 8) { auto& [a, b, c, d, e, g, h, i] = value; all(a, b, c, d, e, g, h, i); }
  if constexpr (n == 9) {
    auto& [a, b, c, d, e, g, h, i, j] = value; all(a, b, c, d, e, g, h, i, j);
  }
  if constexpr (n == 10) {
    auto& [a, b, c, d, e, g, h, i, j, k] = value; all(a, b, c, d, e, g, h, i, j, k);
  }
  if constexpr (n == 11) {
    auto& [a, b, c, d, e, g, h, i, j, k, l] = value; all(a, b, c, d, e, g, h, i, j, k, l);
  }
  if constexpr (n == 12) {
    auto& [a, b, c, d, e, g, h, i, j, k, l, m] = value; all(a, b, c, d, e, g, h, i, j, k, l, m);
  }
  if constexpr (n == 13) {
    auto& [a, b, c, d, e, g, h, i, j, k, l, m, o] = value;
    all(a, b, c, d, e, g, h, i, j, k, l, m, o);
  }
  if constexpr (n == 14) {
    auto& [a, b, c, d, e, g, h, i, j, k, l, m, o, p] = value;
    all(a, b, c, d, e, g, h, i, j, k, l, m, o, p);
  }
  if constexpr (n == 15) {
    auto& [a, b, c, d, e, g, h, i, j, k, l, m, o, p, q] = value;
    all(a, b, c, d, e, g, h, i, j, k, l, m, o, p, q);
  }
  if constexpr (n == 16) {
    auto& [a, b, c, d, e, g, h, i, j, k, l, m, o, p, q, r] = value;
    all(a, b, c, d, e, g, h, i, j, k, l, m, o, p, q, r);
  }
  // clang-format on
}

template <class T>
inline constexpr bool is_sequence = false;
template <class T, class A>
inline constexpr bool is_sequence<std::vector<T, A>> = true;
template <class T, std::size_t N>
inline constexpr bool is_sequence<std::array<T, N>> = true;
template <class T>
inline constexpr bool is_map = false;
template <class... T>
inline constexpr bool is_map<std::map<T...>> = true;
template <class... T>
inline constexpr bool is_map<std::unordered_map<T...>> = true;
template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;
template <class T>
inline constexpr bool is_tuple = requires {
  std::tuple_size<T>::value;
};
template <class T>
inline constexpr bool is_plain = std::is_arithmetic_v<T> || std::is_enum_v<T>;
/// Types of one's own: `template <class V> void visit_members(V&& visit)` calls visit(member)...
template <class T>
concept VisitsMembers = requires(T& value) {
  value.visit_members([](auto&) {});
};

/// `visitor.tensor(t)` for each tensor; `visitor.plain(x)` for each number, length, flag and text.
template <class T, class V>
void walk(T& value, V& visitor) {
  using Plain = std::remove_const_t<T>;
  auto inner = [&](auto& part) { walk(part, visitor); };
  if constexpr (std::is_same_v<Plain, Tensor>) {
    visitor.tensor(value);
  } else if constexpr (is_plain<Plain> || std::is_same_v<Plain, std::string>) {
    visitor.plain(value);
  } else if constexpr (is_optional<Plain>) {
    visitor.plain(value.has_value());
    if (value) inner(*value);
  } else if constexpr (is_sequence<Plain>) {
    visitor.plain(value.size());
    for (auto& part : value) inner(part);
  } else if constexpr (is_map<Plain>) {
    visitor.plain(value.size());
    for (auto& [key, part] : value) {
      visitor.plain(key);
      inner(part);
    }
  } else if constexpr (is_tuple<Plain>) {
    std::apply([&](auto&... part) { (inner(part), ...); }, value);
  } else if constexpr (VisitsMembers<T>) {
    value.visit_members(inner);
  } else if constexpr (std::is_array_v<Plain> || std::is_pointer_v<Plain>) {
    static_assert(!std::is_array_v<Plain> && !std::is_pointer_v<Plain>,
                  "arguments and results are no C arrays, string literals or pointers: use "
                  "std::array, std::vector or std::string");
  } else {
    static_assert(std::is_aggregate_v<Plain>,
                  "arguments and results are tensors, numbers, strings, tuples, vectors, arrays, "
                  "maps, optionals and plain aggregates of them");
    for_each_member(value, inner);
  }
}

/// The tensors of a value, to read or to replace.
template <class T>
struct TensorCollector {
  std::vector<T*> found;
  void tensor(T& t) { found.push_back(&t); }
  template <class P>
  void plain(const P&) {}
};

template <class T>
std::vector<Tensor*> tensors_in(T& value) {
  TensorCollector<Tensor> collector;
  walk(value, collector);
  return std::move(collector.found);
}
template <class T>
std::vector<const Tensor*> tensors_in(const T& value) {
  TensorCollector<const Tensor> collector;
  walk(value, collector);
  return std::move(collector.found);
}

/// A copy of `value` whose tensors are `tensors`, in order.
template <class T>
T with_tensors(T value, std::span<const Tensor> tensors) {
  std::size_t next = 0;
  for (Tensor* t : tensors_in(value)) *t = tensors[next++];
  return value;
}

}  // namespace weft::detail
