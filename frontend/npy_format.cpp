#include "frontend/npy_format.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>
#include <optional>

#include "frontend/scope.h"

namespace weft::detail {
namespace {

static_assert(std::endian::native == std::endian::little,
              "files are little-endian, as this machine");

constexpr char magic[] = "\x93NUMPY";
constexpr std::size_t longest_header = 1 << 20;

struct Code {
  std::string_view text;
  DType dtype;
};
constexpr Code codes[] = {{"b1", DType::boolean}, {"i1", DType::i8},   {"i2", DType::i16},
                          {"i4", DType::i32},     {"i8", DType::i64},  {"u1", DType::u8},
                          {"u2", DType::u16},     {"u4", DType::u32},  {"u8", DType::u64},
                          {"f2", DType::f16},     {"f4", DType::f32},  {"f8", DType::f64},
                          {"c8", DType::c64},     {"c16", DType::c128}};

/// The Python literal {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }.
class HeaderParser {
 public:
  HeaderParser(std::string_view text, const std::string& name) : text_(text), name_(name) {}

  struct Header {
    std::string descr;
    bool fortran = false;
    ir::Shape shape;
  };

  Header parse() {
    expect('{');
    std::optional<std::string> descr;
    std::optional<bool> fortran;
    std::optional<ir::Shape> shape;
    while (!accept('}')) {
      const std::string key = quoted();
      expect(':');
      if (key == "descr")
        descr = quoted();
      else if (key == "fortran_order")
        fortran = boolean();
      else if (key == "shape")
        shape = tuple();
      else
        fail_at("an unknown key '" + key + "'");
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    skip();
    if (at_ != text_.size()) fail_at("text after the closing brace");
    if (!descr || !fortran || !shape) fail_at("no descr, fortran_order or shape");
    return {*descr, *fortran, *shape};
  }

 private:
  [[noreturn]] void fail_at(const std::string& what) const {
    fail(name_ + ": malformed .npy header: " + what + " at byte " + std::to_string(at_));
  }
  void skip() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
  }
  bool accept(char c) {
    skip();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!accept(c)) fail_at(std::string("expected '") + c + "'");
  }
  std::string quoted() {
    skip();
    const char quote = accept('"') ? '"' : '\'';
    if (quote == '\'') expect('\'');
    const std::size_t end = text_.find(quote, at_);
    if (end == std::string_view::npos) fail_at("an unterminated string");
    std::string value(text_.substr(at_, end - at_));
    at_ = end + 1;
    return value;
  }
  bool boolean() {
    skip();
    for (const std::string_view word : {"True", "False"}) {
      if (text_.substr(at_, word.size()) == word) {
        at_ += word.size();
        return word == "True";
      }
    }
    fail_at("expected True or False");
  }
  ir::Shape tuple() {
    expect('(');
    ir::Shape shape;
    while (!accept(')')) {
      skip();
      std::int64_t size = 0;
      const auto [end, error] =
          std::from_chars(text_.data() + at_, text_.data() + text_.size(), size);
      if (error != std::errc() || size < 0) fail_at("expected a size");
      at_ = static_cast<std::size_t>(end - text_.data());
      shape.push_back(size);
      if (!accept(',')) {
        expect(')');
        break;
      }
    }
    return shape;
  }

  std::string_view text_;
  const std::string& name_;
  std::size_t at_ = 0;
};

void read_exactly(const ReadBytes& read, void* to, std::size_t n, const std::string& name,
                  const char* what) {
  const std::size_t got = read(to, n);
  if (got != n) {
    fail(name + ": the file is short: expected " + std::to_string(n) + " bytes of " + what +
         ", got " + std::to_string(got));
  }
}

/// The dtype, and whether bytes must be swapped.
std::pair<DType, bool> parse_descr(const std::string& descr, const std::string& name) {
  for (const Code& code : codes) {
    if (descr.size() < 2 || descr.substr(1) != code.text) continue;
    if (std::string_view("<>|=").find(descr[0]) == std::string_view::npos) break;
    return {code.dtype, descr[0] == '>' && size_of(code.dtype) > 1};
  }
  fail_unsupported(name + ": dtype '" + descr + "' is not one that Weft has");
}

std::size_t checked_bytes(const ir::Type& type, std::size_t available, const std::string& name) {
  std::size_t bytes = size_of(type.dtype);
  bool empty = false;
  for (std::int64_t size : type.shape) empty = empty || size == 0;
  if (empty) return 0;
  for (std::int64_t size : type.shape) {
    if (__builtin_mul_overflow(bytes, static_cast<std::size_t>(size), &bytes)) bytes = SIZE_MAX;
    if (bytes > available) {
      fail(name + ": the file is short: " + type.str() + " needs more than the " +
           std::to_string(available) + " bytes that follow the header");
    }
  }
  return bytes;
}

void swap_bytes(std::byte* data, std::size_t bytes, DType dtype) {
  const std::size_t unit = is_complex(dtype) ? size_of(dtype) / 2 : size_of(dtype);
  for (std::byte* at = data; at < data + bytes; at += unit) std::reverse(at, at + unit);
}

/// Column-major elements to row-major ones.
runtime::Buffer row_major(const runtime::Buffer& from, const ir::Type& type) {
  runtime::Buffer to = runtime::allocate(from.bytes);
  const std::size_t size = size_of(type.dtype), rank = type.shape.size();
  std::vector<std::int64_t> index(rank, 0), stride(rank);
  std::int64_t step = 1, offset = 0;
  for (std::size_t k = 0; k < rank; ++k) {
    stride[k] = step;
    step *= type.shape[k];
  }
  auto* out = static_cast<std::byte*>(to.data());
  const auto* in = static_cast<const std::byte*>(from.data());
  for (std::int64_t left = type.elements(); left > 0; --left, out += size) {
    std::memcpy(out, in + static_cast<std::size_t>(offset) * size, size);
    for (std::size_t k = rank; k-- > 0;) {
      offset += stride[k];
      if (++index[k] < type.shape[k]) break;
      offset -= stride[k] * type.shape[k];
      index[k] = 0;
    }
  }
  return to;
}

}  // namespace

NpyArray read_npy(const ReadBytes& read, std::size_t size, const std::string& name) {
  unsigned char start[12] = {};
  read_exactly(read, start, 10, name, "the .npy preamble");
  if (std::memcmp(start, magic, 6) != 0)
    fail(name + ": not a .npy file (it does not begin with \\x93NUMPY)");
  const int version = start[6];
  if (version < 1 || version > 3) {
    fail(name + ": .npy version " + std::to_string(version) + ", expected 1 to 3");
  }
  std::size_t used = 10, length = start[8] | std::size_t(start[9]) << 8;
  if (version > 1) {
    read_exactly(read, start + 10, 2, name, "the .npy preamble");
    used = 12;
    length |= std::size_t(start[10]) << 16 | std::size_t(start[11]) << 24;
  }
  if (length > longest_header) fail(name + ": .npy header of " + std::to_string(length) + " bytes");
  std::string text(length, '\0');
  read_exactly(read, text.data(), length, name, "the .npy header");
  used += length;
  const HeaderParser::Header header = HeaderParser(text, name).parse();

  const auto [dtype, swapped] = parse_descr(header.descr, name);
  NpyArray array{{dtype, header.shape}, {}};
  const std::size_t bytes = checked_bytes(array.type, size > used ? size - used : 0, name);
  if (!ir::is_legal(array.type)) {
    fail(name + ": expected at most " + std::to_string(ir::max_rank) +
         " dimensions and less than 2^62 bytes, got shape " + ir::str(header.shape));
  }
  array.values = runtime::allocate(bytes);
  read_exactly(read, array.values.data(), bytes, name, "data");
  auto* data = static_cast<std::byte*>(array.values.data());
  if (swapped) swap_bytes(data, bytes, dtype);
  if (is_bool(dtype)) {
    for (std::size_t k = 0; k < bytes; ++k) data[k] = std::byte(data[k] != std::byte(0) ? 1 : 0);
  }
  if (header.fortran && header.shape.size() > 1) {
    array.values = row_major(array.values, array.type);
  }
  return array;
}

std::string npy_header(const ir::Type& type, const std::string& name) {
  const auto code = std::find_if(std::begin(codes), std::end(codes),
                                 [&](const Code& c) { return c.dtype == type.dtype; });
  if (code == std::end(codes)) {
    fail_unsupported(name + ": NumPy has no dtype for " + std::string(weft::name(type.dtype)) +
                     "; convert with to(f32)");
  }
  std::string shape;
  for (std::int64_t size : type.shape) shape += std::to_string(size) + ", ";
  if (type.shape.size() > 1) shape.resize(shape.size() - 2);
  if (type.shape.size() == 1) shape.resize(shape.size() - 1);
  std::string text = "{'descr': '" + std::string(size_of(type.dtype) == 1 ? "|" : "<") +
                     std::string(code->text) + "', 'fortran_order': False, 'shape': (" + shape +
                     "), }";
  const std::size_t unpadded = 10 + text.size() + 1;
  text.append((64 - unpadded % 64) % 64, ' ');
  text += '\n';
  std::string header(magic, 6);
  header +=
      {'\x01', '\x00', static_cast<char>(text.size() & 0xff), static_cast<char>(text.size() >> 8)};
  return header + text;
}

}  // namespace weft::detail
