// The operation table against the text, the documentation and the tests.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "ir/graph.h"
#include "tests/support/places.h"

namespace weft::ir {
namespace {

namespace fs = std::filesystem;

std::string read(const fs::path& path) {
  std::ifstream stream(path);
  REQUIRE(stream);
  return {std::istreambuf_iterator<char>(stream), {}};
}

std::string read_all(const fs::path& folder, std::string_view extension) {
  std::string text;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.path().extension() == extension) text += read(entry.path());
  return text;
}

/// The numbers of all rules: "C2" or "return G7: ..." in the sources of the IR.
std::set<std::string> rules_in_sources() {
  const std::string sources = read_all(fs::path(test::source_dir()) / "ir", ".cpp");
  std::set<std::string> rules;
  const auto collect = [&](std::string_view before, std::string_view after) {
    for (std::size_t at = 0; (at = sources.find(before, at)) != sources.npos; ++at) {
      const std::string rule = sources.substr(at + before.size(), 2);
      const bool is_rule =
          rule.size() == 2 && rule[0] >= 'A' && rule[0] <= 'Z' && rule[1] >= '0' && rule[1] <= '9';
      const std::size_t end = at + before.size() + 2;
      if (is_rule && sources.compare(end, after.size(), after) == 0) rules.insert(rule);
    }
  };
  collect("\"", "\"");
  collect("\"return ", ": ");
  return rules;
}

TEST_CASE("every operation is found by its name and by its handle") {
  CHECK(all_ops().size() == op_count);
  for (const OpDef& op : all_ops()) {
    CHECK(&def(op.op) == &op);
    CHECK(find_op(op.name) == &op);
  }
  CHECK(find_op("soft_max") == nullptr);
}

TEST_CASE("the file of every operation leaves none out") {
  const Graph graph = parse(read(fs::path(test::text_files()) / "ir/every_operation.weft"));
  std::set<std::string_view> seen;
  for (const Node& node : graph.nodes()) seen.insert(def(node.op).name);
  for (const OpDef& op : all_ops()) {
    INFO(op.name);
    CHECK(seen.contains(op.name));
  }
  verify(graph);
}

TEST_CASE("the grammar page documents every operation") {
  const std::string page = read(fs::path(test::source_dir()) / "ir/GRAMMAR.md");
  for (const OpDef& op : all_ops()) {
    INFO(op.name);
    CHECK(page.find('`' + std::string(op.name)) != page.npos);
  }
}

TEST_CASE("the grammar page documents every rule") {
  const std::string page = read(fs::path(test::source_dir()) / "ir/GRAMMAR.md");
  const std::set<std::string> rules = rules_in_sources();
  CHECK(rules.size() > 40);
  for (const std::string& rule : rules) {
    INFO(rule);
    CHECK(page.find("**" + rule + "**") != page.npos);
  }
}

TEST_CASE("every rule has a test that bears its number") {
  const fs::path root(test::source_dir());
  const std::string tests =
      read_all(root / "tests/files/ir", ".weft") + read_all(root / "tests/ir", ".cpp");
  for (const std::string& rule : rules_in_sources()) {
    INFO(rule);
    CHECK(tests.find(' ' + rule + ": ") != tests.npos);
  }
}

}  // namespace
}  // namespace weft::ir
