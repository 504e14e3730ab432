// Attributes: lookup, equality and hash.
#include "ir/attribute.h"

#include <algorithm>
#include <bit>

#include "ir/hash.h"

namespace weft::ir {
namespace {

template <class T>
const T& read(const Attributes& attrs, std::string_view name) {
  const Attribute* found = attrs.find(name);
  const T* typed = found ? std::get_if<T>(found) : nullptr;
  if (!typed)
    throw InternalError("attribute '" + std::string(name) + "' is " +
                        (found ? "of another type" : "missing"));
  return *typed;
}

bool same_bits(const Attribute& a, const Attribute& b) {
  const double* x = std::get_if<double>(&a);
  const double* y = std::get_if<double>(&b);
  if (x && y) return std::bit_cast<std::uint64_t>(*x) == std::bit_cast<std::uint64_t>(*y);
  return a == b;
}

std::uint64_t hash_value(std::uint64_t h, std::int64_t v) {
  return hash_mix(h, static_cast<std::uint64_t>(v));
}
std::uint64_t hash_value(std::uint64_t h, bool v) { return hash_mix(h, v); }
std::uint64_t hash_value(std::uint64_t h, double v) {
  return hash_mix(h, std::bit_cast<std::uint64_t>(v));
}
std::uint64_t hash_value(std::uint64_t h, const std::string& v) { return hash_text(h, v); }
std::uint64_t hash_value(std::uint64_t h, DType v) {
  return hash_mix(h, static_cast<std::uint64_t>(v));
}
std::uint64_t hash_value(std::uint64_t h, const Ints& v) {
  return hash_bytes(h, v.data(), v.size() * sizeof(std::int64_t));
}
std::uint64_t hash_value(std::uint64_t h, const IntLists& v) {
  h = hash_mix(h, v.size());
  for (const Ints& list : v) h = hash_value(h, list);
  return h;
}
std::uint64_t hash_value(std::uint64_t h, const Literal& v) { return hash_mix(h, v.hash()); }

}  // namespace

void Attributes::set(std::string_view name, Attribute value) {
  for (auto& [known, old] : items_)
    if (known == name) {
      old = std::move(value);
      return;
    }
  items_.emplace_back(name, std::move(value));
}

const Attribute* Attributes::find(std::string_view name) const {
  for (const auto& [known, value] : items_)
    if (known == name) return &value;
  return nullptr;
}

const Ints& Attributes::ints(std::string_view name) const { return read<Ints>(*this, name); }
const IntLists& Attributes::int_lists(std::string_view name) const {
  return read<IntLists>(*this, name);
}
bool Attributes::boolean(std::string_view name) const { return read<bool>(*this, name); }
double Attributes::real(std::string_view name) const { return read<double>(*this, name); }
std::int64_t Attributes::integer(std::string_view name) const {
  return read<std::int64_t>(*this, name);
}
const std::string& Attributes::string(std::string_view name) const {
  return read<std::string>(*this, name);
}
DType Attributes::dtype(std::string_view name) const { return read<DType>(*this, name); }
const Literal& Attributes::literal(std::string_view name) const {
  return read<Literal>(*this, name);
}

bool operator==(const Attributes& a, const Attributes& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
    return x.first == y.first && same_bits(x.second, y.second);
  });
}

std::uint64_t Attributes::hash() const {
  std::uint64_t h = items_.size();
  for (const auto& [name, value] : items_) {
    h = hash_text(hash_mix(h, value.index()), name);
    h = std::visit([h](const auto& v) { return hash_value(h, v); }, value);
  }
  return h;
}

}  // namespace weft::ir
