#include "tools/bench/goals.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <map>
#include <optional>
#include <regex>
#include <set>

#include <weft/error.h>
#include "runtime/output_file.h"
#include "tools/bench/picture.h"
#include "tools/support/files.h"

namespace weft::bench {

namespace {

using nlohmann::json;

/// Which figure of a case a goal is about. Fractions and scaling must reach the goal, the others
/// stay below it.
enum class Figure {
  fraction,
  scaling,  // against the same case on one thread
  median_ms,
  cold_ms,
  disk_ms,
  growth,
  compilations,
  memory
};

struct Goal {
  const char* what;
  const char* cases;  // regular expression of their whole names
  Figure figure;
  double value;
};

constexpr std::array goals = {
    Goal{"copy, add, 10-op chain, 16M f32, f64: of copy bandwidth", "(copy|add|chain10)_f.._16M",
         Figure::fraction, 0.95},
    Goal{"in-cache chain: of a hand-written loop", "chain10_f32_(64|256)KB", Figure::fraction,
         0.85},
    Goal{"sum, max over each axis, neighbour differences: of read bandwidth",
         "((sum|max)_.*|neighbour_diff_sq_sum)", Figure::fraction, 0.90},
    Goal{"transpose, transposed add: of copy bandwidth", "(add_transposed|transpose)_.*",
         Figure::fraction, 0.70},
    Goal{"softmax, log_softmax + cross-entropy, layer_norm, rms_norm, with gradients: of the "
         "hand-written kernel",
         "(softmax|log_softmax_xent|layer_norm|rms_norm)_.*", Figure::fraction, 1 / 1.1},
    Goal{"Black-Scholes price: of the hand-written kernel", "black_scholes_4M", Figure::fraction,
         1 / 1.1},
    Goal{"price and five greeks: price alone / all", "black_scholes_4M_greeks", Figure::fraction,
         1 / 2.5},
    Goal{"GEMM f32, f64, 512 to 2048: of peak FMA", "gemm_f.._(512|1024|2048)", Figure::fraction,
         0.90},
    Goal{"GEMM 16", "gemm_f.._16", Figure::fraction, 0.65},
    Goal{"GEMM 32", "gemm_f.._32", Figure::fraction, 0.80},
    Goal{"GEMM 16, 64 of them in a call", "gemm_f.._64x16", Figure::fraction, 0.65},
    Goal{"GEMM 32, 64 of them in a call", "gemm_f.._64x32", Figure::fraction, 0.80},
    Goal{"GEMM 64, 96, 128", "gemm_f.._(64|96|128)", Figure::fraction, 0.85},
    Goal{"GEMM + bias + GELU: GEMM alone / all", "gemm_bias_gelu_1024", Figure::fraction, 1 / 1.03},
    Goal{"attention, forward and gradients: of peak FMA", "attention_.*", Figure::fraction, 0.70},
    Goal{"two threads against one, where arithmetic binds",
         "(gemm_f.._(256|512|1024|2048)|attention_.*|black_scholes_.*)", Figure::scaling, 1.85},
    Goal{"1,000-op program, cold, ms", "program_1000_ops", Figure::cold_ms, 60},
    Goal{"100-layer MLP gradient, cold, ms", "mlp100_grad", Figure::cold_ms, 150},
    Goal{"growth exponent up to 20,000 operations", "program_growth_20000", Figure::growth, 1.15},
    Goal{"one fused kernel, cold, ms", "chain10_f32_256KB", Figure::cold_ms, 4},
    Goal{"one fused kernel, from the disk cache, ms", "chain10_f32_256KB", Figure::disk_ms, 0.2},
    Goal{"digits step, cold, ms", "digits_step", Figure::cold_ms, 100},
    Goal{"digits step, from the disk cache, ms", "digits_step", Figure::disk_ms, 10},
    Goal{"new batch size, ms", "new_batch_size", Figure::median_ms, 0.5},
    Goal{"new batch size, compilations", "new_batch_size", Figure::compilations, 0},
    Goal{"call of 8 floats, ms", "call_8", Figure::median_ms, 150e-6},
    Goal{"recording an operation, ms", "record_op", Figure::median_ms, 300e-6},
    Goal{"cached lazy step of 100 operations adds, ms", "lazy_step_100", Figure::median_ms, 0.040},
    Goal{"peak memory / liveness bound", "(mlp10_grad|attention_8x12x512x64_grad|digits_step)",
         Figure::memory, 1.1},
    Goal{"`weft --version`, ms", "weft_version", Figure::median_ms, 10},
    Goal{"`weft run` of a tiny file, ms", "weft_run_tiny", Figure::median_ms, 30},
};

std::optional<double> number(const json& in, const char* key) {
  if (!in.contains(key) || !in[key].is_number()) return std::nullopt;
  return in[key].get<double>();
}

std::optional<double> figure_of(const json& c, Figure figure) {
  switch (figure) {
    case Figure::fraction:
      return number(c, "fraction");
    case Figure::scaling:
      return number(c, "scaling");
    case Figure::median_ms:
      return number(c, "median_ms");
    case Figure::cold_ms:
      return number(c, "cold_ms");
    case Figure::disk_ms:
      return number(c, "disk_ms");
    case Figure::growth:
      return number(c.at("figures"), "growth_exponent");
    case Figure::compilations:
      return number(c.at("figures"), "kernels_compiled");
    default: {
      const auto peak = number(c, "peak_bytes"), bound = number(c, "bound_bytes");
      if (!peak || !bound || *bound == 0) return std::nullopt;
      return *peak / *bound;
    }
  }
}

bool larger_is_better(Figure figure) {
  return figure == Figure::fraction || figure == Figure::scaling;
}

std::string text_of(double value, Figure figure) {
  char text[40];
  if (figure == Figure::fraction)
    std::snprintf(text, sizeof text, "%.1f%%", 100 * value);
  else if (figure == Figure::scaling)
    std::snprintf(text, sizeof text, "x %.2f", value);
  else
    std::snprintf(text, sizeof text, "%.4g", value);
  return text;
}

/// The case furthest from the goal, its figure, and whether the goal is met; "-" where none ran.
std::string reached(const json& document, const Goal& goal, int threads) {
  const bool larger = larger_is_better(goal.figure);
  std::optional<double> worst;
  std::string name;
  const std::regex pattern(goal.cases);
  for (const json& c : document["cases"]) {
    if (c["threads"] != threads || !std::regex_match(c["name"].get<std::string>(), pattern))
      continue;
    const auto value = figure_of(c, goal.figure);
    if (!value || (worst && (larger ? *value >= *worst : *value <= *worst))) continue;
    worst = value;
    name = c["name"];
  }
  if (!worst) return "-";
  const bool met = larger ? *worst >= goal.value : *worst <= goal.value;
  std::string text = text_of(*worst, goal.figure) + " `" + name + "`: ";
  if (met) return text + "met";
  char missing[40];
  const double ratio = larger ? goal.value / *worst : *worst / goal.value;
  if (goal.value == 0) return text + "**missed**";
  std::snprintf(missing, sizeof missing, "**missed, x %.2f**", ratio);
  return text + missing;
}

std::string goals_table(const json& document, const std::set<int>& threads) {
  std::string text = "| goal | value |";
  for (int t : threads)
    text += " furthest, " + std::to_string(t) + (t == 1 ? " thread |" : " threads |");
  text += "\n|---|---|";
  for (std::size_t k = 0; k < threads.size(); ++k) text += "---|";
  text += "\n";
  for (const Goal& goal : goals) {
    text += "| " + std::string(goal.what) + " | " +
            (larger_is_better(goal.figure) ? ">= " : "<= ") + text_of(goal.value, goal.figure) +
            " |";
    for (int t : threads) text += " " + reached(document, goal, t) + " |";
    text += "\n";
  }
  return text;
}

std::string cases_table(const json& document) {
  std::string text =
      "| case | threads | median ms | of its limit | cold ms | from disk ms | kernels | peak / "
      "bound "
      "bytes |\n|---|---|---|---|---|---|---|---|\n";
  for (const json& c : document["cases"]) {
    auto field = [&](const std::optional<double>& v, Figure f) { return v ? text_of(*v, f) : "-"; };
    const bool bound = c["bound"] != "none";
    text +=
        "| `" + c["name"].get<std::string>() + "` | " + std::to_string(c["threads"].get<int>()) +
        " | " + field(number(c, "median_ms"), Figure::median_ms) + " | " +
        (bound ? text_of(c["fraction"], Figure::fraction) + " of " + c["bound"].get<std::string>()
               : "-") +
        " | " + field(number(c, "cold_ms"), Figure::cold_ms) + " | " +
        field(number(c, "disk_ms"), Figure::disk_ms) + " | " + c["kernels"].dump() + " | " +
        field(figure_of(c, Figure::memory), Figure::memory) + " |\n";
  }
  return text;
}

/// How much faster each case with more than one thread is than with one, as "scaling".
json with_scaling(json document) {
  std::map<std::string, double> one;
  for (const json& c : document["cases"])
    if (c["threads"] == 1) one[c["name"]] = c["median_ms"];
  for (json& c : document["cases"]) {
    const auto found = one.find(c["name"]);
    if (c["threads"] != 1 && found != one.end())
      c["scaling"] = found->second / c["median_ms"].get<double>();
  }
  return document;
}

std::string picture_beside(const std::string& page) {
  return std::filesystem::path(page).replace_extension(".svg").string();
}

struct Page {
  std::string above, below;  // the markers belong to them
  std::string figures;       // what stands between
};

Page read_page(const std::string& file) {
  const std::string begin = "<!-- figures -->\n", end = "<!-- end of figures -->";
  const std::string text = tools::read_text(file);
  const std::size_t from = text.find(begin), to = text.find(end);
  if (from == std::string::npos || to == std::string::npos || to < from)
    throw Error(
        "weft-bench: --markdown: expected the lines <!-- figures --> and <!-- end of "
        "figures --> in " +
        file + ", got neither or one");
  const std::size_t first = from + begin.size();
  return {text.substr(0, first), text.substr(to), text.substr(first, to - first)};
}

}  // namespace

std::string figures_markdown(const json& measured) {
  const json document = with_scaling(measured);
  std::set<int> threads;
  for (const json& c : document["cases"]) threads.insert(c["threads"].get<int>());
  const json& machine = document["machine"];
  std::string text = machine["cpu"].get<std::string>() + ", " + machine["cores"].dump() +
                     " cores.\n\n| threads | copy GB/s | read GB/s | f32 GFLOP/s | f64 GFLOP/s |\n"
                     "|---|---|---|---|---|\n";
  for (const json& l : machine["limits"]) {
    text += "| " + l["threads"].dump() + " |";
    for (const char* key :
         {"copy_gb_per_s", "read_gb_per_s", "f32_gflop_per_s", "f64_gflop_per_s"}) {
      char field[32];
      std::snprintf(field, sizeof field, " %.1f |", l[key].get<double>());
      text += field;
    }
    text += "\n";
  }
  return text + "\n" + goals_table(document, threads) + "\nEvery case:\n\n" + cases_table(document);
}

void check_page(const std::string& file, const std::set<std::string>& left_out) {
  const std::string figures = read_page(file).figures;
  const std::regex row("\n\\| `([^`]+)` \\| \\d+ \\|");
  for (std::sregex_iterator at(figures.begin(), figures.end(), row), end; at != end; ++at)
    if (left_out.contains((*at)[1]))
      throw Error("weft-bench: --markdown: " + file + " has figures of " + (*at)[1].str() +
                  ", expected it among the cases of this run; leave out --filter");
  runtime::check_writable(file);
  runtime::check_writable(picture_beside(file));
}

void write_figures(const std::string& file, const json& document) {
  const Page page = read_page(file);
  const std::string picture = roofline_svg(document), picture_file = picture_beside(file);
  std::string shown;
  if (!picture.empty()) {
    runtime::write_file(picture_file, picture);
    shown = "\n![Every case against the limits of memory and arithmetic](" +
            std::filesystem::path(picture_file).filename().string() + ")\n";
  }
  runtime::write_file(file,
                      page.above + "\n" + figures_markdown(document) + shown + "\n" + page.below);
}

}  // namespace weft::bench
