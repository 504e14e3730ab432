#include "tools/digits/data.h"

#include <algorithm>
#include <charconv>

#include <zlib.h>

#include <weft/error.h>

#include "tools/support/files.h"

namespace weft::tools {

namespace {

constexpr std::size_t longest_text = std::size_t{1} << 28;

/// One stream that unpacks gzip members, closed with its owner.
class Inflater {
 public:
  explicit Inflater(const std::string& path) : path_(path) {
    constexpr int gzip_only = 15 + 16;
    if (inflateInit2(&stream_, gzip_only) != Z_OK) throw Error("digits: zlib cannot start");
  }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  /// Members stand one after another (RFC 1952), and nothing else does.
  std::string unpack(std::string& bytes) {
    std::string text;
    stream_.next_in = reinterpret_cast<Bytef*>(bytes.data());
    stream_.avail_in = static_cast<uInt>(bytes.size());
    do {
      member(text);
      inflateReset(&stream_);
    } while (stream_.avail_in > 0);
    return text;
  }

 private:
  void member(std::string& text) {
    std::array<char, 1 << 16> block;
    for (int status = Z_OK; status != Z_STREAM_END;) {
      stream_.next_out = reinterpret_cast<Bytef*>(block.data());
      stream_.avail_out = static_cast<uInt>(block.size());
      status = inflate(&stream_, Z_NO_FLUSH);
      if (status != Z_OK && status != Z_STREAM_END)
        throw Error("digits: " + path_ + " is no complete gzip file: " + reason());
      text.append(block.data(), block.size() - stream_.avail_out);
      if (text.size() > longest_text)
        throw Error("digits: " + path_ + ": expected less than 256 MiB of text, got more");
    }
  }
  std::string reason() const {
    if (stream_.msg != nullptr) return stream_.msg;
    return stream_.avail_in == 0 ? "it ends too early" : "its data are damaged";
  }

  const std::string& path_;
  z_stream stream_{};
};

std::string read_gzip(const std::string& path) {
  std::string bytes = read_text(path);
  return bytes.starts_with("\x1f\x8b") ? Inflater(path).unpack(bytes) : bytes;
}

class RowReader {
 public:
  RowReader(const std::string& path, std::size_t row, std::string_view text)
      : path_(path), row_(row), text_(text) {}

  Digit read() {
    Digit digit;
    for (float& pixel : digit.pixels) pixel = static_cast<float>(number(0, 16)) / 16;
    digit.label = number(0, 9);
    if (comma_) {
      ++column_;
      fail("the end of the row after 65 numbers", "," + std::string(text_));
    }
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
    comma_ = field.size() < text_.size();
    text_.remove_prefix(field.size() + (comma_ ? 1 : 0));
    return value;
  }

  [[noreturn]] void fail(const std::string& expected, std::string_view got) const {
    throw Error("digits: " + path_ + ":" + std::to_string(row_) + ":" + std::to_string(column_) +
                ": expected " + expected + ", got '" + std::string(got.substr(0, 40)) + "'");
  }

  const std::string& path_;
  std::size_t row_, column_ = 0;
  std::string_view text_;
  bool comma_ = false;  // behind the last number
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
