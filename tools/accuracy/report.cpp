#include "tools/accuracy/report.h"

#include <cmath>
#include <cstdio>
#include <filesystem>

#include <nlohmann/json.hpp>

#include <weft/error.h>

#include "runtime/output_file.h"
#include "tools/support/files.h"

namespace weft::accuracy {

namespace {

constexpr const char* introduction =
    R"(# Accuracy of the elementwise functions

`build/bin/weft-accuracy` measures and writes this page. Every transcendental function is a straight-line scalar
program (`ir/scalar_math.h`, `ir/math/`). The interpreter, the CPU backend and the CUDA backend run the same program, so
its results are equal to the bit everywhere, and the errors below hold everywhere.

Promised, over the whole range of arguments, denormal arguments and results included: `sqrt` and `div` are correctly
rounded and `rem` is exact; at most 1 ULP for `exp`, `log` and `rsqrt`, 2 for the others.

A ULP is the distance between neighbouring numbers of the dtype at the exact result; rounding alone costs up to 0.5.
"All" means every one of the 2^32 bit patterns, NaN included. The f64 functions and those of two arguments are measured
on bit patterns spread over all numbers, on the interval where the function is interesting, next to powers of two, to
integers, to multiples of pi/2 and to the borders of branches, and by a local search from the worst arguments found. A
double (long double for f64) judges each argument; MPFR, with 256 bits, judges every candidate for the worst one. The
mean is over the arguments, the search's left out. "Operations" is the length of the scalar program, constants not
counted; compile time and run time grow with it.
)";

constexpr const char* rest =
    R"(
`tests/ir/math_test.cpp` holds the promises on 400,000 arguments for each entry in every run, and also next to multiples
of pi/2 and at all pairs of special values.

## Where relative accuracy ends

- `lgamma` and `digamma` have irrational zeros left of the origin. Next to those only the absolute error of f64 is small:
  below 1e-16, which is 2 ULP of a result of 1/4. f32 keeps its 2 ULP there. So does f64 at the zeros of `lgamma` at 1
  and 2 and at the positive zero of `digamma`.
- `polygamma` of even order n has zeros left of the origin; there the absolute error of f64 is below n! 2^(n - 49). Its
  tables hold some orders; f32 is sampled, too, because the references are slow.
- `sin`, `cos` and `tan` reduce every finite argument exactly, so they are as accurate at 1e300 as at 1.
- `sin` and `cos` never leave the range from -1 to 1.

## Special values

C's rules (Annex F) hold for zeros, their signs, infinities and NaN, and exact results are exact:
`tests/support/special_values.cpp` is the table, which tests hold against the interpreter, compiled code and the CUDA
backend's text. Beyond C:

| function | at | gives |
| --- | --- | --- |
| `digamma` | +0, -0 | -infinity, +infinity |
| `digamma` | negative integers, -infinity | NaN |
| `lgamma` | 0, negative integers, -infinity | +infinity |
| `polygamma` | 0, negative integers, -infinity | +infinity for odd orders, -infinity for even ones, as SciPy has it |
| `erf_inv` | 1, -1, beyond | infinity, -infinity, NaN |
| `rsqrt` | +0, -0 | infinity, -infinity |
| `logistic` | far below 0 | denormals, and then 0 |
| `pow` of integers | negative exponent | 0, 1 or -1: the reciprocal truncated; 0 for base 0 |
)";

std::string hex(double value) {
  char text[40];
  std::snprintf(text, sizeof text, "%a", value);
  return text;
}

std::string count(const Measurement& m) {
  if (m.exhaustive) return "all";
  char text[40];
  std::snprintf(text, sizeof text, "%.1f million", static_cast<double>(m.arguments) * 1e-6);
  return text;
}

nlohmann::json to_json(const Measurement& m) {
  return {{"function", m.function},        {"dtype", m.dtype},
          {"exhaustive", m.exhaustive},    {"arguments", m.arguments},
          {"max_ulp", m.max_ulp},          {"mean_ulp", m.mean_ulp},
          {"worst_x", hex(m.worst_x)},     {"worst_y", hex(m.worst_y)},
          {"worst_got", hex(m.worst_got)}, {"only_absolute", m.only_absolute},
          {"operations", m.operations}};
}

Measurement from_json(const nlohmann::json& j) {
  const auto number = [&j](const char* key) { return std::stod(j.at(key).get<std::string>()); };
  return {.function = j.at("function"),
          .dtype = j.at("dtype"),
          .exhaustive = j.at("exhaustive"),
          .arguments = j.at("arguments"),
          // JSON has no infinity: a function that is infinitely wrong reads null.
          .max_ulp = j.at("max_ulp").is_null() ? INFINITY : j.at("max_ulp").get<double>(),
          .mean_ulp = j.at("mean_ulp").is_null() ? INFINITY : j.at("mean_ulp").get<double>(),
          .worst_x = number("worst_x"),
          .worst_y = number("worst_y"),
          .worst_got = number("worst_got"),
          .only_absolute = j.at("only_absolute"),
          .operations = j.at("operations")};
}

std::string others() {
  const auto list = [](const std::vector<std::string_view>& names) {
    std::string text;
    for (const std::string_view name : names)
      text += (text.empty() ? "`" : ", `") + std::string(name) + "`";
    return text;
  };
  const UnmeasuredOperations other = unmeasured_operations();
  return "\nThe other operations of floats are single instructions, correctly rounded (" +
         list(other.correctly_rounded) + "), or exact (" + list(other.exact) + ").\n";
}

}  // namespace

Report Report::load(const std::string& file) {
  Report report;
  if (!std::filesystem::exists(file)) return report;
  try {
    for (const nlohmann::json& j : nlohmann::json::parse(tools::read_text(file)))
      report.add(from_json(j));
  } catch (const Error&) {
    throw;
  } catch (const std::exception& e) {
    throw Error("weft-accuracy: --json: expected measurements in " + file + ", got: " + e.what());
  }
  return report;
}

void Report::add(const Measurement& m) {
  find_function(m.function);
  std::erase_if(all_, [&m](const Measurement& old) {
    return old.function == m.function && old.dtype == m.dtype;
  });
  all_.push_back(m);
}

bool Report::has(const Function& f, DType dtype, bool exhaustive) const {
  const Measurement* m = find(f.name(), name(dtype));
  return m && (m->exhaustive || !exhaustive);
}

void Report::write_json(const std::string& file) const {
  nlohmann::json document = nlohmann::json::array();
  for (const Function& f : functions())
    for (const char* dtype : {"f32", "f64"})
      if (const Measurement* m = find(f.name(), dtype)) document.push_back(to_json(*m));
  runtime::write_file(file, document.dump(1) + "\n");
}

const Measurement* Report::find(std::string_view function, std::string_view dtype) const {
  for (const Measurement& m : all_)
    if (m.function == function && m.dtype == dtype) return &m;
  return nullptr;
}

std::string Report::table(std::string_view dtype) const {
  std::string text =
      "\n## " + std::string(dtype) +
      "\n\n| function | max ULP | mean ULP | worst argument | arguments | operations |\n"
      "| --- | ---: | ---: | --- | ---: | ---: |\n";
  for (const Function& f : functions()) {
    const Measurement* m = find(f.name(), dtype);
    if (!m)
      throw Error("weft-accuracy: --write: " + f.name() + " " + std::string(dtype) +
                  " has not been measured");
    const std::string at = hex(m->worst_x) + (f.arity == 2 ? ", " + hex(m->worst_y) : "");
    char row[300];
    std::snprintf(row, sizeof row, "| %s | %.3f | %.3f | %s | %s | %zu |\n", m->function.c_str(),
                  m->max_ulp, m->mean_ulp, at.c_str(), count(*m).c_str(), m->operations);
    text += row;
  }
  return text;
}

std::string Report::markdown() const {
  return introduction + table("f32") + table("f64") + others() + rest;
}

}  // namespace weft::accuracy
