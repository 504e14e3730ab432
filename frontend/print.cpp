// Tensors as text, in the format of Python's torch.Tensor.__repr__ (torch/_tensor_str.py).
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <mutex>
#include <ostream>

#include <weft/ops.h>
#include "frontend/autograd_graph.h"
#include "frontend/evaluate.h"
#include "frontend/storage.h"

namespace weft {
namespace {

struct {
  std::mutex mutex;
  PrintOptions options;
} settings;

PrintOptions current_options() {
  const std::lock_guard lock(settings.mutex);
  return settings.options;
}

std::string format_number(const char* format, int precision, double value) {
  char text[512];
  std::snprintf(text, sizeof text, format, precision, value);
  return text;
}

/// Elements as people read them; positions are those of the tensor, row-major.
class Formatter {
 public:
  Formatter(const Tensor& tensor, const PrintOptions& options)
      : options_(options),
        dtype_(tensor.dtype()),
        values_(tensor),
        data_(values_.data_ptr(Here(Location()))) {}

  /// Chooses width and notation for the elements that will be seen.
  void choose(const std::vector<std::int64_t>& seen) {
    if (!is_float(dtype_)) {
      for (std::int64_t k : seen) width_ = std::max(width_, integer(k).size());
      return;
    }
    double smallest = INFINITY, largest = 0;
    std::vector<double> finite;
    for (std::int64_t k : seen) {
      const double v = real(k);
      if (!std::isfinite(v) || v == 0) continue;
      finite.push_back(v);
      smallest = std::min(smallest, std::abs(v));
      largest = std::max(largest, std::abs(v));
      whole_ = whole_ && v == std::ceil(v);
    }
    if (!finite.empty()) {
      scientific_ = largest / smallest > 1000 || largest > 1e8 || (!whole_ && smallest < 1e-4);
      for (double v : finite) width_ = std::max(width_, plain(v).size());
    }
    scientific_ = options_.sci_mode.value_or(scientific_);
  }

  std::size_t width() const { return width_; }

  std::string operator()(std::int64_t k) const {
    const std::string text = is_float(dtype_) ? plain(real(k)) : integer(k);
    return std::string(text.size() < width_ ? width_ - text.size() : 0, ' ') + text;
  }

 private:
  std::string plain(double v) const {
    if (std::isnan(v)) return "nan";  // whatever its sign
    if (scientific_) return format_number("%.*e", options_.precision, v);
    if (!whole_) return format_number("%.*f", options_.precision, v);
    return format_number("%.*f", 0, v) + (std::isfinite(v) ? "." : "");
  }

  double real(std::int64_t k) const {
    return dtype_ == DType::f64   ? static_cast<const double*>(data_)[k]
           : dtype_ == DType::f32 ? static_cast<const float*>(data_)[k]
                                  : wide(k);
  }
  /// f16 and bf16, by way of f32.
  double wide(std::int64_t k) const {
    if (!widened_.defined()) widened_ = values_.to(f32);
    return static_cast<const float*>(widened_.data_ptr())[k];
  }

  std::string integer(std::int64_t k) const {
    switch (dtype_) {
      case DType::boolean:
        return static_cast<const bool*>(data_)[k] ? "True" : "False";
      case DType::i8:
        return std::to_string(static_cast<const std::int8_t*>(data_)[k]);
      case DType::i16:
        return std::to_string(static_cast<const std::int16_t*>(data_)[k]);
      case DType::i32:
        return std::to_string(static_cast<const std::int32_t*>(data_)[k]);
      case DType::i64:
        return std::to_string(static_cast<const std::int64_t*>(data_)[k]);
      case DType::u8:
        return std::to_string(static_cast<const std::uint8_t*>(data_)[k]);
      case DType::u16:
        return std::to_string(static_cast<const std::uint16_t*>(data_)[k]);
      case DType::u32:
        return std::to_string(static_cast<const std::uint32_t*>(data_)[k]);
      case DType::u64:
        return std::to_string(static_cast<const std::uint64_t*>(data_)[k]);
      default:
        detail::fail_unsupported("cannot print dtype " + std::string(name(dtype_)));
    }
  }

  PrintOptions options_;
  DType dtype_;
  Tensor values_;
  mutable Tensor widened_;
  const void* data_;
  std::size_t width_ = 1;
  bool whole_ = true, scientific_ = false;
};

class Printer {
 public:
  Printer(const Tensor& tensor, const PrintOptions& options)
      : options_(options),
        shape_(tensor.shape()),
        strides_(detail::contiguous_strides(shape_)),
        summarize_(tensor.numel() > options.threshold),
        format_(tensor, options) {
    std::vector<std::int64_t> seen;
    visit(0, 0, seen);
    format_.choose(seen);
  }

  std::string text(std::size_t indent) const { return part(0, 0, indent); }

 private:
  bool cuts(std::size_t axis) const {
    return summarize_ && (shape_[axis] + 1) / 2 > options_.edgeitems;
  }

  /// Calls f(position, whether a gap comes before it) for what is seen of one axis.
  template <class F>
  void along(std::size_t axis, std::int64_t offset, F&& f) const {
    const std::int64_t n = shape_[axis], edge = options_.edgeitems;
    for (std::int64_t k = 0; k < n; ++k) {
      bool gap = false;
      if (cuts(axis) && k == edge) {
        k = n - edge;
        gap = true;
      }
      f(offset + k * strides_[axis], gap);
    }
  }

  void visit(std::size_t axis, std::int64_t offset, std::vector<std::int64_t>& seen) const {
    if (axis == shape_.size()) {
      seen.push_back(offset);
    } else {
      along(axis, offset, [&](std::int64_t at, bool) { visit(axis + 1, at, seen); });
    }
  }

  std::string part(std::size_t axis, std::int64_t offset, std::size_t indent) const {
    const std::size_t left = shape_.size() - axis;
    if (left == 0) return format_(offset);
    if (left == 1) return vector(axis, offset, indent);
    std::string all;
    const std::string separator = "," + std::string(left - 1, '\n') + std::string(indent + 1, ' ');
    along(axis, offset, [&](std::int64_t at, bool gap) {
      if (gap) all += separator + "...";
      all += (all.empty() ? "" : separator) + part(axis + 1, at, indent + 1);
    });
    return "[" + all + "]";
  }

  std::string vector(std::size_t axis, std::int64_t offset, std::size_t indent) const {
    const auto room =
        static_cast<std::int64_t>(options_.linewidth) - static_cast<std::int64_t>(indent);
    const auto per_line = static_cast<std::size_t>(
        std::max<std::int64_t>(1, room / static_cast<std::int64_t>(format_.width() + 2)));
    std::vector<std::string> items;
    along(axis, offset, [&](std::int64_t at, bool gap) {
      if (gap) items.push_back(" ...");
      items.push_back(format_(at));
    });
    std::string all;
    for (std::size_t k = 0; k < items.size(); ++k) {
      if (k > 0) all += k % per_line == 0 ? ",\n" + std::string(indent + 1, ' ') : ", ";
      all += items[k];
    }
    return "[" + all + "]";
  }

  PrintOptions options_;
  Shape shape_;
  std::vector<std::int64_t> strides_;
  bool summarize_;
  Formatter format_;
};

/// (2, 0) as Python writes a tuple.
std::string tuple_text(const Shape& shape) {
  std::string text = "(";
  for (std::size_t k = 0; k < shape.size(); ++k) {
    text += (k > 0 ? ", " : "") + std::to_string(shape[k]);
  }
  return text + (shape.size() == 1 ? ",)" : ")");
}

std::vector<std::string> suffixes_of(const Tensor& t) {
  std::vector<std::string> suffixes;
  const DType dtype = t.dtype();
  if (t.numel() == 0 && t.dim() != 1) suffixes.push_back("size=" + tuple_text(t.shape()));
  const bool plain =
      dtype == DType::f32 || (t.numel() > 0 && (dtype == DType::i64 || dtype == DType::boolean));
  if (!plain) suffixes.push_back("dtype=" + std::string(name(dtype)));
  if (t.requires_grad()) {
    suffixes.push_back(t.is_leaf() ? "requires_grad=True"
                                   : "grad_fn=<" + detail::grad_fn_name(t) + ">");
  }
  return suffixes;
}

}  // namespace

void set_printoptions(const PrintOptions& options, Here here) {
  const detail::OpScope scope("set_printoptions", here);
  const auto check = [](const char* name, std::int64_t value, std::int64_t low, std::int64_t high) {
    if (value >= low && value <= high) return;
    detail::fail(std::string(name) + ", expected at least " + std::to_string(low) +
                 (high < INT64_MAX ? " and at most " + std::to_string(high) : "") + ", got " +
                 std::to_string(value));
  };
  check("precision", options.precision, 0, 100);
  check("threshold", options.threshold, 0, INT64_MAX);
  check("edgeitems", options.edgeitems, 1, INT64_MAX);
  check("linewidth", options.linewidth, 1, INT64_MAX);
  const std::lock_guard lock(settings.mutex);
  settings.options = options;
}

std::string Tensor::str(Here here) const {
  if (!defined()) return "tensor(undefined)";
  const detail::OpScope scope("print", here);
  const PrintOptions options = current_options();
  const std::string prefix = "tensor(";
  std::string text = prefix;
  text += numel() == 0 ? "[]" : Printer(*this, options).text(prefix.size());
  const std::size_t line_start = text.rfind('\n');
  // Python counts from the newline, or from one before the start.
  std::size_t length =
      line_start == std::string::npos ? text.size() + 2 : text.size() - line_start + 1;
  for (const std::string& suffix : suffixes_of(*this)) {
    if (length + suffix.size() + 2 > static_cast<std::size_t>(options.linewidth)) {
      text += ",\n" + std::string(prefix.size(), ' ') + suffix;
      length = prefix.size() + suffix.size();
    } else {
      text += ", " + suffix;
      length += suffix.size() + 2;
    }
  }
  return text + ")";
}

std::ostream& operator<<(std::ostream& out, const TensorHere& tensor) {
  return out << tensor.tensor().str(tensor.where());
}

}  // namespace weft
