#include "tools/bench/picture.h"

#include <algorithm>
#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <map>
#include <vector>

namespace weft::bench {

namespace {

using nlohmann::json;

constexpr double panel_width = 560, panel_height = 420, margin = 46;
constexpr double key_columns = 4, key_column = 270, key_row = 13;

[[gnu::format(printf, 1, 2)]] std::string formatted(const char* format, ...) {
  char text[400];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  return text;
}

/// Both axes are logarithmic, in decades.
struct Range {
  double low, high;
  double place(double value) const { return (std::log10(value) - low) / (high - low); }
};

struct Point {
  int number;  // of its name in the key
  double intensity, gflops;
  const char* colour;
};

struct Place {
  double x, y;
};

const char* colour_of(const std::string& bound) {
  return bound == "flops" ? "#1b7f4d" : bound == "ceiling" ? "#c65d00" : "#1f5fbf";
}

class Panel {
 public:
  Panel(double left, Range x, Range y) : left_(left), x_(x), y_(y) {}

  Place place(double intensity, double gflops) const {
    return {left_ + margin + x_.place(intensity) * (panel_width - 1.5 * margin),
            panel_height - margin - y_.place(gflops) * (panel_height - 2 * margin)};
  }

  std::string frame(const std::string& title) const {
    std::string text =
        formatted("<text x='%.0f' y='24' class='title'>%s</text>\n", left_ + margin, title.c_str());
    for (double d = std::ceil(x_.low); d <= x_.high; ++d) {
      const double v = std::pow(10, d);
      text += line({v, std::pow(10, y_.low)}, {v, std::pow(10, y_.high)}, "grid");
      const Place p = place(v, std::pow(10, y_.low));
      text +=
          formatted("<text x='%.1f' y='%.1f' text-anchor='middle'>%g</text>\n", p.x, p.y + 14, v);
    }
    for (double d = std::ceil(y_.low); d <= y_.high; ++d) {
      const double v = std::pow(10, d);
      text += line({std::pow(10, x_.low), v}, {std::pow(10, x_.high), v}, "grid");
      const Place p = place(std::pow(10, x_.low), v);
      text +=
          formatted("<text x='%.1f' y='%.1f' text-anchor='end'>%g</text>\n", p.x - 5, p.y + 3, v);
    }
    const Place corner = place(std::pow(10, x_.high), std::pow(10, y_.low));
    return text + formatted(
                      "<text x='%.1f' y='%.1f' text-anchor='end'>operations per byte, "
                      "GFLOP/s</text>\n",
                      corner.x, corner.y + 28);
  }

  /// The bandwidth's slope up to the peak, and the peak from there on.
  std::string roof(double gbs, double peak, const char* what) const {
    const double ridge = peak / gbs, end = std::pow(10, x_.high);
    const double begin = std::max(std::pow(10, x_.low), std::pow(10, y_.low) / gbs);
    const Place label = place(end, peak);
    return line({begin, begin * gbs}, {ridge, peak}, "roof") +
           line({ridge, peak}, {end, peak}, "roof") +
           formatted("<text x='%.1f' y='%.1f' text-anchor='end'>%s %.0f</text>\n", label.x,
                     label.y - 4, what, peak);
  }

  std::string points(const std::vector<Point>& all) {
    std::string text;
    for (const Point& p : all) {
      const Place at = place(p.intensity, p.gflops), label = free_place(at);
      text += formatted("<circle cx='%.1f' cy='%.1f' r='2.5' fill='%s'/>", at.x, at.y, p.colour);
      text += formatted("<text x='%.1f' y='%.1f' class='number' style='fill:%s'>%d</text>\n",
                        label.x, label.y, p.colour, p.number);
    }
    return text;
  }

 private:
  std::string line(Place from, Place to, const char* kind) const {
    const Place a = place(from.x, from.y), b = place(to.x, to.y);
    return formatted("<line x1='%.1f' y1='%.1f' x2='%.1f' y2='%.1f' class='%s'/>\n", a.x, a.y, b.x,
                     b.y, kind);
  }

  /// Beside the point, moved right until no other label is there.
  Place free_place(Place at) {
    Place label{at.x + 4, at.y + 3};
    const auto covered = [&] {
      return std::any_of(labels_.begin(), labels_.end(), [&](const Place& other) {
        return std::abs(other.x - label.x) < 11 && std::abs(other.y - label.y) < 8;
      });
    };
    while (covered()) label.x += 11;
    labels_.push_back(label);
    return label;
  }

  double left_;
  Range x_, y_;
  std::vector<Place> labels_;
};

bool drawn(const json& c) {
  return c.value("bytes", 0.0) > 0 && c.value("flops", 0.0) > 0 && c["median_ms"].get<double>() > 0;
}

double gflops_of(const json& c) {
  return c["flops"].get<double>() / c["median_ms"].get<double>() / 1e6;
}

double intensity_of(const json& c) { return c["flops"].get<double>() / c["bytes"].get<double>(); }

/// Whole decades around all values.
Range range_of(const std::vector<double>& values) {
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  Range range{std::floor(std::log10(*low)), std::ceil(std::log10(*high))};
  if (range.low == range.high) ++range.high;
  return range;
}

std::string key(const std::map<std::string, int>& numbers) {
  std::string text;
  double x = margin;
  for (const auto& [bound, meaning] : {std::pair{"bandwidth", "bound by memory"},
                                       {"flops", "bound by arithmetic"},
                                       {"ceiling", "against a hand-written kernel"}}) {
    text += formatted("<text x='%.0f' y='%.0f' style='fill:%s'>\u25cf %s</text>\n", x, panel_height,
                      colour_of(bound), meaning);
    x += 130;
  }
  const auto columns = static_cast<std::size_t>(key_columns);
  const std::size_t rows = (numbers.size() + columns - 1) / columns;
  for (const auto& [name, number] : numbers) {
    const auto index = static_cast<std::size_t>(number - 1);
    text += formatted("<text x='%.0f' y='%.0f'>%d %s</text>\n",
                      margin + static_cast<double>(index / rows) * key_column,
                      panel_height + key_row * static_cast<double>(2 + index % rows), number,
                      name.c_str());
  }
  return text;
}

}  // namespace

std::string roofline_svg(const json& document) {
  std::map<std::string, int> numbers;
  std::vector<double> intensities, rates;
  for (const json& c : document["cases"]) {
    if (!drawn(c)) continue;
    numbers.emplace(c["name"], 0);
    intensities.push_back(intensity_of(c));
    rates.push_back(gflops_of(c));
  }
  if (numbers.empty()) return {};
  for (int next = 0; auto& [name, number] : numbers) number = ++next;
  for (const json& l : document["machine"]["limits"]) rates.push_back(l["f32_gflop_per_s"]);

  std::string body;
  double left = 0;
  for (const json& l : document["machine"]["limits"]) {
    Panel panel(left, range_of(intensities), range_of(rates));
    std::vector<Point> points;
    for (const json& c : document["cases"])
      if (drawn(c) && c["threads"] == l["threads"])
        points.push_back({numbers[c["name"]], intensity_of(c), gflops_of(c),
                          colour_of(c["bound"].get<std::string>())});
    const int threads = l["threads"];
    body += panel.frame(std::to_string(threads) + (threads == 1 ? " thread" : " threads")) +
            panel.roof(l["copy_gb_per_s"], l["f32_gflop_per_s"], "f32") +
            panel.roof(l["copy_gb_per_s"], l["f64_gflop_per_s"], "f64") + panel.points(points);
    left += panel_width;
  }
  const double width = std::max(left, margin + key_column * key_columns);
  const double height =
      panel_height + key_row * (3 + std::ceil(static_cast<double>(numbers.size()) / key_columns));
  return formatted("<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 %.0f %.0f'>\n", width,
                   height) +
         "<style>text{font:10px sans-serif;fill:#333}.title{font-size:14px}.number{font-size:8px}"
         ".grid{stroke:#ddd}.roof{stroke:#333;stroke-width:1.5}</style>\n"
         "<rect width='100%' height='100%' fill='white'/>\n" +
         body + key(numbers) + "</svg>\n";
}

}  // namespace weft::bench
