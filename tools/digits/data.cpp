#include "tools/digits/data.h"

#include <algorithm>
#include <charconv>
#include <memory>

#include <zlib.h>

#include <weft/error.h>

namespace weft::tools {

namespace {

std::string read_gzip(const std::string& path) {
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> file(gzopen(path.c_str(), "rb"), gzclose);
  if (!file) throw Error("digits: cannot open " + path);
  std::string text;
  std::array<char, 1 << 16> block;
  int count = 0;
  while ((count = gzread(file.get(), block.data(), block.size())) > 0)
    text.append(block.data(), static_cast<std::size_t>(count));
  int status = Z_OK;
  const char* message = gzerror(file.get(), &status);
  if (count < 0 || (status != Z_OK && status != Z_STREAM_END))
    throw Error("digits: " + path + " is no complete gzip file: " + message);
  return text;
}

class RowReader {
 public:
  RowReader(const std::string& path, std::size_t row, std::string_view text)
      : path_(path), row_(row), text_(text) {}

  Digit read() {
    Digit digit;
    for (float& pixel : digit.pixels) pixel = static_cast<float>(number(0, 16)) / 16;
    digit.label = number(0, 9);
    if (!text_.empty()) fail("the end of the row after 65 numbers", text_);
    return digit;
  }

 private:
  int number(int low, int high) {
    ++column_;
    const std::string_view field = text_.substr(0, text_.find(','));
    int value = 0;
    const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
    if (error != std::errc() || end != field.data() + field.size() || value < low || value > high) {
      fail("an integer from " + std::to_string(low) + " to " + std::to_string(high), field);
    }
    text_.remove_prefix(std::min(text_.size(), field.size() + 1));
    return value;
  }

  [[noreturn]] void fail(const std::string& expected, std::string_view got) const {
    throw Error("digits: " + path_ + ":" + std::to_string(row_) + ":" + std::to_string(column_) +
                ": expected " + expected + ", got '" + std::string(got.substr(0, 40)) + "'");
  }

  const std::string& path_;
  std::size_t row_, column_ = 0;
  std::string_view text_;
};

}  // namespace

std::vector<Digit> read_digits(const std::string& path) {
  const std::string text = read_gzip(path);
  std::vector<Digit> digits;
  std::size_t row = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    std::string_view line(text.data() + begin, end - begin);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    digits.push_back(RowReader(path, ++row, line).read());
    begin = end + 1;
  }
  if (digits.size() < 10)
    throw Error("digits: " + path + ": expected at least 10 rows, got " + std::to_string(row));
  return digits;
}

Split split_digits(std::vector<Digit> digits, std::mt19937& random) {
  std::shuffle(digits.begin(), digits.end(), random);
  const auto held_out = digits.begin() + static_cast<std::ptrdiff_t>(digits.size() / 5);
  return {{held_out, digits.end()}, {digits.begin(), held_out}};
}

Digit shifted(const Digit& digit, int right, int down) {
  constexpr int side = 8;
  Digit result{{}, digit.label};
  for (int y = 0; y < side; ++y) {
    for (int x = 0; x < side; ++x) {
      const int from_x = x - right, from_y = y - down;
      if (from_x < 0 || from_x >= side || from_y < 0 || from_y >= side) continue;
      result.pixels[static_cast<std::size_t>(y * side + x)] =
          digit.pixels[static_cast<std::size_t>(from_y * side + from_x)];
    }
  }
  return result;
}

}  // namespace weft::tools
