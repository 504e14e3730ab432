// The one hash of the IR: fast, fixed across runs, good enough for tables of 64-bit keys.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace weft::ir {

constexpr std::uint64_t hash_mix(std::uint64_t seed, std::uint64_t value) {
  std::uint64_t h = (seed ^ value) * 0x9E3779B97F4A7C15u;
  return (h ^ (h >> 29)) * 0xBF58476D1CE4E5B9u ^ (h >> 32);
}

inline std::uint64_t hash_bytes(std::uint64_t seed, const void* data, std::size_t size) {
  const char* bytes = static_cast<const char*>(data);
  std::uint64_t h = hash_mix(seed, size);
  for (; size >= 8; bytes += 8, size -= 8) {
    std::uint64_t word;
    std::memcpy(&word, bytes, 8);
    h = hash_mix(h, word);
  }
  std::uint64_t tail = 0;
  if (size > 0) std::memcpy(&tail, bytes, size);
  return hash_mix(h, tail);
}

inline std::uint64_t hash_text(std::uint64_t seed, std::string_view text) {
  return hash_bytes(seed, text.data(), text.size());
}

}  // namespace weft::ir
