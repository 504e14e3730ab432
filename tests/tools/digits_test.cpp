// The digits: reading and refusing rows, and the whole job at a small size.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include <weft/error.h>

#include "command.h"
#include "tests/support/places.h"
#include "tools/digits/data.h"
#include "tools/digits/trainer.h"

using namespace weft;
using test::has;
using test::TemporaryFolder;

namespace {

const std::string data = test::source_dir() + "/tools/data/digits.csv.gz";

std::string row(const std::string& label) {
  std::string text;
  for (int k = 0; k < 64; ++k) text += std::to_string(k % 17) + ",";
  return text + label + "\n";
}

/// What reading `text` as a file says.
std::string complaint(const std::string& text) {
  const TemporaryFolder folder;
  const std::string path = folder / "digits.csv";
  std::ofstream(path) << text;
  try {
    tools::read_digits(path);
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

std::string ten_rows() {
  std::string text;
  for (int k = 0; k < 10; ++k) text += row("3");
  return text;
}

}  // namespace

TEST_CASE("the digits are 1797 rows of 64 pixels in [0, 1] and ten classes") {
  const auto digits = tools::read_digits(data);
  REQUIRE(digits.size() == 1797);
  std::array<int, 10> count{};
  for (const auto& digit : digits) {
    ++count[static_cast<std::size_t>(digit.label)];
    for (float pixel : digit.pixels) CHECK_UNARY(pixel >= 0 && pixel <= 1);
  }
  for (int n : count) CHECK(n > 150);
}

TEST_CASE("corrupt rows are refused with row, column, expected and got") {
  CHECK(complaint(ten_rows()).empty());
  CHECK(has(complaint(ten_rows() + row("12")),
            "digits.csv:11:65: expected an integer from 0 to 9, got '12'"));
  CHECK(has(complaint(ten_rows() + "1,2,3\n"),
            "digits.csv:11:4: expected an integer from 0 to 16, got ''"));
  CHECK(has(complaint(ten_rows() + row("1,7")),
            "digits.csv:11:66: expected the end of the row after 65 numbers, got ',7'"));
  CHECK(has(complaint(ten_rows() + row("1,")),
            "digits.csv:11:66: expected the end of the row after 65 numbers, got ','"));
  CHECK(has(complaint("1,x,3\n"), "digits.csv:1:2"));
  CHECK(has(complaint("17" + row("1").substr(1)), "got '17'"));
  CHECK(has(complaint(""), "expected at least 10 rows, got 0"));
}

TEST_CASE("a missing, truncated or prolonged gzip file is refused") {
  CHECK_THROWS_AS(tools::read_digits("no-such-file.gz"), Error);
  const TemporaryFolder folder;
  std::ifstream in(data, std::ios::binary);
  std::string whole{std::istreambuf_iterator<char>(in), {}};
  std::ofstream(folder / "short.gz", std::ios::binary) << whole.substr(0, whole.size() / 2);
  CHECK_THROWS_AS(tools::read_digits(folder / "short.gz"), Error);
  for (const std::string garbage : {"x", "\x1f\x8b", "1,2,3\n"}) {
    std::ofstream(folder / "long.gz", std::ios::binary) << whole << garbage;
    CHECK_THROWS_AS(tools::read_digits(folder / "long.gz"), Error);
  }
  std::ofstream(folder / "twice.gz", std::ios::binary) << whole << whole;  // as gzip allows
  CHECK(tools::read_digits(folder / "twice.gz").size() == 2 * 1797);
}

TEST_CASE("a fifth is held out, and nothing is lost or shared") {
  std::mt19937 random(1);
  const auto split = tools::split_digits(tools::read_digits(data), random);
  CHECK(split.test.size() == 359);
  CHECK(split.train.size() + split.test.size() == 1797);
}

TEST_CASE("digits trains, reports and writes the graph of its step") {
  const TemporaryFolder folder;
  const auto out = test::run_tool("digits --data " + data + " --output " + (folder / "out"));
  CHECK_MESSAGE(out.code == 0, out.text);
  for (const char* part : {"operations recorded", "kernels after fusion", "compile time",
                           "step time", "fusion off", "held-out accuracy"})
    CHECK_MESSAGE(has(out.text, part), part, " in ", out.text);
  CHECK(std::filesystem::exists(folder / "out/step.weft"));
  CHECK(test::run_tool("weft dump --stage fused " + (folder / "out/step.weft")).code == 0);
}

TEST_CASE("a training step needs at most a tenth more memory than what is alive at once") {
  tools::Trainer trainer({}, {});
  const Tensor images = full({128, 64}, 0.5), labels = zeros({128}, i64);
  trainer.step(images, labels).item<float>();
  const JitReport report = trainer.report();
  CHECK(report.bound_bytes > 0);
  CHECK(10 * report.peak_bytes <= 11 * report.bound_bytes);
}

TEST_CASE("digits rejects bad settings") {
  CHECK(test::run_tool("digits --data none.gz").code == 3);
  CHECK(test::run_tool("digits --data " + data + " --batch 5000 --epochs 1").code == 3);
  CHECK(test::run_tool("digits --epochs 0").code == 3);
  for (const char* rate : {"inf", "nan", "0", "-1", "fast", "1e999"}) {
    const auto out = test::run_tool("digits --lr " + std::string(rate));
    CHECK(out.code == 3);
    CHECK_MESSAGE(
        has(out.text, "--lr: expected a finite number above 0, got '" + std::string(rate) + "'\n"),
        out.text);
  }
  CHECK(has(test::run_tool("digits --seed -1").text,
            "--seed: expected an integer from 0 to 4294967295, got '-1'\n"));
}

TEST_CASE("digits refuses an output folder that cannot be used before it trains") {
  const TemporaryFolder folder;
  std::ofstream(folder / "file") << "x";
  std::filesystem::create_directories(folder / "out/step.svg");
  for (const char* name : {"file", "file/below", "out", ""}) {
    const auto out = test::run_tool("digits --data " + data + " --output '" +
                                    (*name ? folder / name : std::string()) + "'");
    CHECK_MESSAGE(out.code == 3, out.text);
    CHECK_FALSE(has(out.text, "rows from"));
  }
}
