// The benchmark as a user meets it: what it lists, measures, writes and compares.
#include <doctest/doctest.h>

#include "command.h"

using namespace weft;
using test::check_rejected;
using test::has;
using test::read;
using test::run_tool;
using test::TemporaryFolder;
using test::write;

TEST_CASE("weft-bench lists, filters, measures and writes JSON") {
  const TemporaryFolder folder;
  CHECK(has(run_tool("weft-bench --list").text, "softmax_4096x1024"));
  const auto out =
      run_tool("weft-bench --filter call_8 --threads 1 --json " + (folder / "bench.json"));
  CHECK_MESSAGE(out.code == 0, out.text);
  for (const char* part :
       {"\"machine\"", "\"call_8\"", "\"median_ms\"", "\"cold_ms\"", "\"bound\": \"none\""})
    CHECK(has(read(folder / "bench.json"), part));
  check_rejected("weft-bench --filter nothing_like_it", "nothing_like_it");
  for (const char* threads : {"0", "-1", "1000000"})
    check_rejected(std::string("weft-bench --threads ") + threads, "--threads");
  check_rejected("weft-bench --unknown", "--unknown");
}

TEST_CASE("weft-bench --baseline names what got slower against its limit, beyond noise") {
  const TemporaryFolder folder;
  auto figures = [](double median_ms) {
    return R"({"machine": {"cpu": "a"}, "cases": [{"name": "one", "threads": 1, "bound_ms": 1,
               "p10_ms": 2, "p90_ms": 2, "median_ms": )" +
           std::to_string(median_ms) + "}]}";
  };
  write(folder / "before.json", figures(2));
  write(folder / "noise.json", figures(2.05));
  write(folder / "slower.json", figures(2.5));
  const std::string before = "weft-bench --baseline " + (folder / "before.json") + " ";
  CHECK(run_tool(before + (folder / "noise.json")).code == 0);
  const auto slower = run_tool(before + (folder / "slower.json"));
  CHECK(slower.code == 1);
  CHECK_MESSAGE(has(slower.text, "slower    one, threads 1: +25.0%"), slower.text);
  write(folder / "bad.json", "{");
  check_rejected(before + (folder / "bad.json"), "expected JSON");
  write(folder / "empty.json", "{}");
  check_rejected(before + (folder / "empty.json"), "machine");
  check_rejected(before + (folder / "missing.json"), "missing.json");
}

TEST_CASE("weft-bench --markdown writes between its markers and nowhere else") {
  const TemporaryFolder folder;
  const std::string page = folder / "page.md";
  write(page, "above\n<!-- figures -->\nold\n<!-- end of figures -->\nbelow\n");
  const std::string command =
      "weft-bench --threads 1 --filter 'call_8|chain10_f32_64KB' --markdown ";
  const auto out = run_tool(command + page);
  CHECK_MESSAGE(out.code == 0, out.text);
  const std::string text = read(page);
  for (const char* part : {"above\n", "`call_8`", "of ceiling", "](page.svg)", "below\n"})
    CHECK(has(text, part));
  CHECK_FALSE(has(text, "\nold\n"));
  const std::string picture = read(folder / "page.svg");
  for (const char* part : {"<svg ", "1 thread<", "1 chain10_f32_64KB<", "</svg>"})
    CHECK_MESSAGE(has(picture, part), picture);
  CHECK(run_tool(command + page).code == 0);  // the same cases again
  check_rejected("weft-bench --threads 1 --filter call_8 --markdown " + page,
                 "has figures of chain10_f32_64KB");
  CHECK(has(read(page), "`chain10_f32_64KB`"));
  write(page, "no markers\n");
  check_rejected(command + page, "<!-- figures -->");
  CHECK(read(page) == "no markers\n");
}

TEST_CASE("weft-bench refuses what it cannot write or do before it measures") {
  const TemporaryFolder folder;
  const std::string bench = "weft-bench --filter '^call_8$' ";
  check_rejected(bench + "--threads 1025", "expected numbers from 1 to 1024");
  check_rejected(bench + "--json " + (folder / "no/such.json"), "cannot be written: No such file");
  write(folder / "page.md", "no markers\n");
  check_rejected(bench + "--markdown " + (folder / "page.md"), "<!-- figures -->");
  CHECK_FALSE(has(run_tool(bench + "--markdown " + (folder / "page.md")).text, "GB/s"));
}
