// The handwritten digits of tools/data: reading, checking, splitting.
#pragma once

#include <array>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace weft::tools {

inline constexpr std::size_t digit_pixels = 64;  // 8 x 8, each 0 ... 16

struct Digit {
  std::array<float, digit_pixels> pixels;  // scaled to [0, 1]
  std::int64_t label;                      // 0 ... 9
};

/// Reads a gzip-compressed (or plain) CSV of 64 pixels and a class in each row. Throws weft::Error
/// naming file, row, column, what was expected and what came.
std::vector<Digit> read_digits(const std::string& path);

struct Split {
  std::vector<Digit> train, test;
};
/// A fifth of the rows, drawn by `random`, is held out.
Split split_digits(std::vector<Digit> digits, std::mt19937& random);

/// The image moved by whole pixels, zeros coming in: what an eye does not mind a classifier should
/// not.
Digit shifted(const Digit& digit, int right, int down);

}  // namespace weft::tools
