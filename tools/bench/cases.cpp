#include "tools/bench/case.h"

#include <cstdio>

#include "tools/bench/inputs.h"

namespace weft::bench {

std::string wrong_element(std::int64_t k, double got, double want) {
  char text[120];
  std::snprintf(text, sizeof text, "element %lld is %.9g, expected %.9g", static_cast<long long>(k),
                got, want);
  return text;
}

std::vector<Case> all_cases() {
  std::vector<Case> all;
  for (auto topic :
       {elementwise_cases, reduction_cases, scan_cases, small_axis_cases, row_cases, pricing_cases,
        product_cases, attention_cases, program_cases, call_cases, process_cases}) {
    for (Case& c : topic()) all.push_back(std::move(c));
  }
  return all;
}

}  // namespace weft::bench
