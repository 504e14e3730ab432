// libFuzzer target: any bytes as Weft text. Only weft::Error may come out, and what is read prints
// to a text that reads the same.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "ir/graph.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const weft::ir::Graph graph = weft::ir::parse(text, "fuzz.weft");
    weft::ir::verify(graph);
    if (!weft::ir::parse(weft::ir::print(graph)).structurally_equal(graph)) std::abort();
  } catch (const weft::Error&) {
  }
  return 0;
}
