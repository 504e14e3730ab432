// Damaged text: whatever comes in, only weft::Error comes out, and what parses is sound.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>

#include "ir/graph.h"
#include "tests/support/places.h"

namespace weft::ir {
namespace {

/// Every test in tests/files/ir, and as often as these together the few that are valid.
std::vector<std::string> seeds() {
  std::vector<std::string> texts;
  for (const auto& entry : std::filesystem::directory_iterator(test::text_files() + "/ir")) {
    std::ifstream stream(entry.path());
    texts.emplace_back();
    for (std::string line; std::getline(stream, line);)
      if (line == "// -----")
        texts.emplace_back();
      else
        texts.back() += line + '\n';
  }
  std::sort(texts.begin(), texts.end());
  std::vector<std::string> valid;
  for (const std::string& text : texts)
    if (text.find("// error:") == text.npos) valid.push_back(text);
  for (std::size_t k = 0, count = texts.size(); k < count; ++k)
    texts.push_back(valid[k % valid.size()]);
  return texts;
}

/// Cuts, doubles, swaps and overwrites pieces of a text.
class Mutator {
 public:
  Mutator(std::vector<std::string> seeds, std::uint64_t seed)
      : seeds_(std::move(seeds)), random_(seed) {}

  std::string next() {
    std::string text = seeds_[below(seeds_.size())];
    for (std::size_t rounds = 1 + below(4); rounds > 0 && !text.empty(); --rounds) mutate(text);
    return text;
  }

 private:
  std::size_t below(std::size_t n) { return random_() % n; }

  void mutate(std::string& text) {
    static constexpr std::string_view pieces[] = {"(",
                                                  ")",
                                                  "[",
                                                  "]",
                                                  "{",
                                                  "}",
                                                  "%",
                                                  "@",
                                                  "#",
                                                  ":",
                                                  "=",
                                                  "->",
                                                  "\"",
                                                  "-",
                                                  "\\x",
                                                  "nan(0x",
                                                  "hex\"",
                                                  "splat(",
                                                  "9223372036854775807",
                                                  "-1",
                                                  "0",
                                                  "f32[0]",
                                                  "c64[]",
                                                  "func @f",
                                                  "return",
                                                  "parameter",
                                                  "fused",
                                                  "\n",
                                                  "//",
                                                  "%0",
                                                  "1e999",
                                                  "e+"};
    const std::size_t at = below(text.size());
    const std::size_t length = below(std::min<std::size_t>(text.size() - at, 24)) + 1;
    switch (below(5)) {
      case 0:
        text.erase(at, length);
        break;
      case 1:
        text.insert(below(text.size()), text.substr(at, length));
        break;
      case 2:
        text[at] = static_cast<char>(random_());
        break;
      case 3:
        text.insert(at, pieces[below(std::size(pieces))]);
        break;
      default:
        text.resize(at);
        break;
    }
  }

  std::vector<std::string> seeds_;
  std::mt19937_64 random_;
};

TEST_CASE("damaged text gives weft::Error or a graph that verifies and prints") {
  Mutator mutator(seeds(), 1);
  int parsed = 0;
  for (int round = 0; round < 20000; ++round) {
    const std::string text = mutator.next();
    try {
      const Graph graph = parse(text, "fuzz.weft");
      verify(graph);
      const std::string printed = print(graph);
      INFO(text);
      CHECK(print(parse(printed)) == printed);
      ++parsed;
    } catch (const Error&) {
    }
  }
  CHECK(parsed > 100);
}

TEST_CASE("text nested or repeated without end gives an error") {
  std::string nested = "func @f() -> () { ";
  for (int k = 0; k < 100000; ++k) nested += "%0 = fused func @f() -> () { ";
  CHECK_THROWS_AS(parse(nested), Error);
  CHECK_THROWS_AS(parse("func @f() -> () { %0 = constant {value = " + std::string(1000000, '[')),
                  Error);
  CHECK_THROWS_AS(parse("func @f(%x: f32" + std::string(1000000, '[')), Error);
  CHECK_THROWS_AS(parse(std::string(1000000, '"')), Error);
  CHECK_THROWS_AS(parse(std::string("func @f\0() -> () { return }", 27)), Error);
}

}  // namespace
}  // namespace weft::ir
