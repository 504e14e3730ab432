#include "tests/support/literals.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <memory>

namespace weft::test {

using namespace weft::ir;

double uniform(std::mt19937_64& random, double low, double high) {
  return low + (high - low) * static_cast<double>(random() >> 11) * 0x1p-53;
}

Literal fill(const Type& type, const std::function<double()>& next) {
  Literal result = Literal::zeros(type);
  const std::size_t size = size_of(type.dtype);
  for (std::int64_t i = 0; i < type.elements(); ++i) {
    const Literal one = Literal::scalar(type.dtype, next());
    std::memcpy(result.mutable_data() + static_cast<std::size_t>(i) * size, one.data(), size);
  }
  return result;
}

Literal draw_uniform(const Type& type, double low, double high, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  if (is_float(type.dtype)) return fill(type, [&] { return uniform(random, low, high); });
  if (is_bool(type.dtype)) return fill(type, [&] { return static_cast<double>(random() & 1); });
  const double first = is_unsigned_int(type.dtype) ? 0 : low;
  return fill(type, [&] { return std::floor(uniform(random, first, high + 1)); });
}

std::vector<Literal> run_executable(const runtime::Executable& executable, const Graph& graph,
                                    std::span<const Literal> inputs, bool donates) {
  std::vector<runtime::Buffer> buffers;
  for (const Literal& x : inputs) {
    buffers.push_back(runtime::allocate(x.type().bytes()));
    if (x.type().bytes() != 0) std::memcpy(buffers.back().data(), x.data(), x.type().bytes());
  }
  const std::unique_ptr<bool[]> donated(new bool[inputs.size()]);
  std::fill(donated.get(), donated.get() + inputs.size(), donates);
  const std::vector<runtime::Buffer> outputs =
      executable.run(buffers, std::span<const bool>(donated.get(), inputs.size()));
  std::vector<Literal> results;
  for (std::size_t k = 0; k < outputs.size(); ++k) {
    const Type& type = graph.type(graph.results()[k]);
    const auto* bytes = static_cast<const std::byte*>(outputs[k].data());
    results.emplace_back(type, std::vector<std::byte>(bytes, bytes + type.bytes()));
  }
  return results;
}

namespace {

bool same_element(const Literal& a, const Literal& b, std::int64_t i) {
  const std::size_t size = size_of(a.type().dtype), at = static_cast<std::size_t>(i) * size;
  if (std::memcmp(a.data() + at, b.data() + at, size) == 0) return true;
  return is_float(a.type().dtype) && std::isnan(a.at(i)) && std::isnan(b.at(i));
}

}  // namespace

bool equal_but_nans(const Literal& a, const Literal& b) {
  if (a.type() != b.type()) return false;
  if (a.type().bytes() == 0) return true;
  if (std::memcmp(a.data(), b.data(), a.type().bytes()) == 0) return true;
  for (std::int64_t i = 0; i < a.type().elements(); ++i)
    if (!same_element(a, b, i)) return false;
  return true;
}

std::string difference(const Literal& a, const Literal& b) {
  if (a.type() != b.type()) return a.type().str() + " against " + b.type().str();
  for (std::int64_t i = 0; i < a.type().elements(); ++i)
    if (!same_element(a, b, i)) {
      char text[120];
      std::snprintf(text, sizeof text, ": %.17g against %.17g", a.at(i), b.at(i));
      return "element " + std::to_string(i) + " of " + a.type().str() + text;
    }
  return "no difference";
}

}  // namespace weft::test
