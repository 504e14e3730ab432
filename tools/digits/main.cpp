// The main job on real input: trains a classifier of handwritten digits. The whole training step
// (forward, backward, Adam) is recorded once, differentiated, fused, compiled and then only run.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <limits>

#include <CLI/CLI.hpp>

#include <weft/weft.h>

#include "ir/graph.h"
#include "runtime/output_file.h"
#include "tools/digits/data.h"
#include "tools/digits/trainer.h"
#include "tools/support/arguments.h"
#include "tools/support/files.h"
#include "tools/support/progress.h"
#include "tools/support/run_tool.h"
#include "tools/support/svg.h"

namespace {

namespace wf = weft;
using namespace weft::tools;

struct Settings {
  std::string data = "tools/data/digits.csv.gz";
  std::string output = "build/digits";
  int epochs = 100;
  std::int64_t batch = 128;
  std::int64_t hidden = 256;
  double learning_rate = 2e-3;
  unsigned seed = 1;
};

struct Batch {
  wf::Tensor images, labels;
};

Batch make_batch(const std::vector<Digit>& digits, std::size_t begin, std::size_t end) {
  std::vector<float> pixels;
  std::vector<std::int64_t> labels;
  for (std::size_t k = begin; k < end; ++k) {
    pixels.insert(pixels.end(), digits[k].pixels.begin(), digits[k].pixels.end());
    labels.push_back(digits[k].label);
  }
  const auto rows = static_cast<std::int64_t>(end - begin);
  return {wf::tensor(pixels).reshape({rows, static_cast<std::int64_t>(digit_pixels)}),
          wf::tensor(labels)};
}

float step(Trainer& trainer, const Batch& batch) {
  return trainer.step(batch.images, batch.labels).item<float>();
}

double accuracy_of(const Trainer& trainer, const std::vector<Digit>& digits) {
  wf::NoGradGuard guard;
  const Batch all = make_batch(digits, 0, digits.size());
  return trainer.scores(all.images).argmax(1).eq(all.labels).to(wf::f32).mean().item<float>();
}

/// A copy in which every second image or so is moved by a pixel.
std::vector<Digit> jittered(const std::vector<Digit>& digits, std::mt19937& random) {
  std::vector<Digit> result;
  for (const Digit& digit : digits) {
    constexpr int moves[8][2] = {{0, 0}, {0, 0}, {0, 0}, {0, 0}, {1, 0}, {-1, 0}, {0, 1}, {0, -1}};
    const auto [right, down] = moves[random() % 8];
    result.push_back(shifted(digit, right, down));
  }
  return result;
}

double milliseconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
      .count();
}

/// The median time of a step, without the first.
double step_time(Trainer& trainer, const Batch& batch) {
  step(trainer, batch);
  std::vector<double> times;
  for (int k = 0; k < 51; ++k) {
    const auto start = std::chrono::steady_clock::now();
    step(trainer, batch);
    times.push_back(milliseconds_since(start));
  }
  std::nth_element(times.begin(), times.begin() + 25, times.end());
  return times[25];
}

void train(Trainer& trainer, std::vector<Digit> digits, const Settings& s, std::mt19937& random) {
  const auto batch = static_cast<std::size_t>(s.batch);
  if (batch > digits.size())
    throw wf::Error("digits: --batch: expected at most " + std::to_string(digits.size()) +
                    ", got " + std::to_string(batch));
  Progress progress("training", static_cast<std::size_t>(s.epochs));
  for (int epoch = 1; epoch <= s.epochs; ++epoch) {
    std::shuffle(digits.begin(), digits.end(), random);
    const std::vector<Digit> seen = jittered(digits, random);
    float loss = 0;
    std::size_t steps = 0;
    for (std::size_t begin = 0; begin + batch <= digits.size(); begin += batch, ++steps)
      loss += step(trainer, make_batch(seen, begin, begin + batch));
    char note[40];
    std::snprintf(note, sizeof note, "loss %.4f",
                  static_cast<double>(loss) / static_cast<double>(steps));
    progress.update(static_cast<std::size_t>(epoch), note);
  }
  progress.finish();
}

void write_graph(const Trainer& trainer, const std::string& folder) {
  const std::string text = trainer.dump(wf::Stage::graph);
  wf::runtime::write_file(folder + "/step.weft", text);
  wf::runtime::write_file(folder + "/step.svg",
                          svg_of_dot(wf::ir::to_dot(wf::ir::parse(text, "step.weft"))));
  std::printf("graph of the step      %s/step.weft and %s/step.svg\n", folder.c_str(),
              folder.c_str());
}

/// Refused before the training, not after it.
void prepare_output(const std::string& folder) {
  make_folder(folder);
  for (const char* name : {"/step.weft", "/step.svg"}) wf::runtime::check_writable(folder + name);
}

int run(const Settings& s) {
  constexpr double wanted = 0.97;
  prepare_output(s.output);
  wf::manual_seed(s.seed);
  std::mt19937 random(s.seed);
  const std::vector<Digit> digits = read_digits(s.data);
  const Split split = split_digits(digits, random);
  std::printf("digits                 %zu rows from %s, %zu to train, %zu held out\n",
              digits.size(), s.data.c_str(), split.train.size(), split.test.size());
  std::fflush(stdout);
  const Trainer::Settings sizes{.hidden = s.hidden, .learning_rate = s.learning_rate};
  Trainer trainer(sizes, {}), unfused(sizes, {.fuse = false});
  const auto start = std::chrono::steady_clock::now();
  train(trainer, split.train, s, random);
  const double total = milliseconds_since(start);
  const wf::JitReport report = trainer.report();
  const Batch batch = make_batch(split.train, 0, static_cast<std::size_t>(s.batch));
  const double accuracy = accuracy_of(trainer, split.test);
  std::printf("operations recorded    %zu (forward, backward and Adam)\n",
              report.recorded_operations);
  std::printf("kernels after fusion   %zu\n", report.kernels);
  std::printf("compile time           %.1f ms, once\n", report.compile_ms);
  std::printf("training               %.0f ms for %d epochs\n", total, s.epochs);
  std::printf("step time              %.3f ms\n", step_time(trainer, batch));
  const double apart = step_time(unfused, batch);
  std::printf("step time, fusion off  %.3f ms (%zu kernels)\n", apart, unfused.report().kernels);
  write_graph(trainer, s.output);
  std::printf("held-out accuracy      %.2f%%\n", 100 * accuracy);
  if (accuracy >= wanted) return 0;
  std::fprintf(stderr, "digits: expected an accuracy of at least %.0f%%\n", 100 * wanted);
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  Settings s;
  CLI::App app{"Trains a classifier on real handwritten digits with one compiled step", "digits"};
  app.add_option("--data", s.data, "Gzip-compressed CSV: 64 pixels 0..16 and a class in each row")
      ->capture_default_str();
  app.add_option("--output", s.output, "Folder for the graph of the step")
      ->check(path())
      ->capture_default_str();
  app.add_option("--epochs", s.epochs)->check(integer(1, 100000))->capture_default_str();
  app.add_option("--batch", s.batch)->check(integer(1, 1000000))->capture_default_str();
  app.add_option("--hidden", s.hidden, "Width of the hidden layer")
      ->check(integer(1, 100000))
      ->capture_default_str();
  app.add_option("--lr", s.learning_rate)->check(positive_number())->capture_default_str();
  app.add_option("--seed", s.seed)
      ->check(integer(0, std::numeric_limits<unsigned>::max()))
      ->capture_default_str();
  return weft::tools::run_tool(app, argc, argv, [&] { return run(s); });
}
