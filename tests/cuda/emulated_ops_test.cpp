// Every operation of the table, fused kernels and random graphs with gradients, as CUDA C++ on the
// emulator: the interpreter's bits, whatever the order of threads.
#include <doctest/doctest.h>

#include "passes/pipeline.h"
#include "tests/cuda/emulated_programs.h"
#include "tests/ops/samples.h"
#include "tests/random_graphs/check_graph.h"
#include "tests/random_graphs/random_graph.h"

using namespace weft;
using namespace weft::ir;
using namespace weft::test;

namespace {

bool skipped() {
  const std::string missing = emulator_missing();
  if (!missing.empty()) MESSAGE("skipped: ", missing);
  return !missing.empty();
}

/// Cases that are built together and then run one by one.
class Checked {
 public:
  void add(const Graph& graph, std::vector<Literal> inputs) {
    for (const bool fuse : {true, false})
      cases_.push_back({programs_.add(graph, fuse), graph, inputs, fuse});
  }
  void run(std::initializer_list<Schedule> schedules) {
    programs_.build();
    MESSAGE(cases_.size(), " programs of ", programs_.kernel_count(), " kernels");
    for (const Case& c : cases_) {
      const std::vector<Literal> expected = interpret(passes::expand_all(c.graph), c.inputs);
      for (const Schedule schedule : schedules) check(c, expected, schedule);
    }
  }
  std::size_t kernel_count() const { return programs_.kernel_count(); }

 private:
  struct Case {
    std::size_t program;
    Graph graph;
    std::vector<Literal> inputs;
    bool fuse;
  };
  void check(const Case& c, const std::vector<Literal>& expected, Schedule schedule) {
    const std::vector<Literal> got = programs_.run(c.program, c.inputs, schedule);
    for (std::size_t k = 0; k < expected.size(); ++k) {
      if (equal_but_nans(got[k], expected[k])) continue;
      FAIL_CHECK(std::string(c.fuse ? "fused" : "unfused"), ", schedule ",
                 static_cast<int>(schedule), ": ", difference(got[k], expected[k]), "\n",
                 print(c.graph));
    }
  }

  EmulatedPrograms programs_;
  std::vector<Case> cases_;
};

Literal uniform_literal(const Type& type, std::uint64_t seed) {
  return draw_uniform(type, -3, 3, seed);
}

void add_text(Checked& checked, const char* text) {
  const Graph graph = parse(text);
  GraphCase c{graph, {}};
  for (std::size_t k = 0; k < graph.param_count(); ++k)
    c.inputs.push_back(uniform_literal(graph.type(graph.param(k)), k + 1));
  checked.add(c.graph, c.inputs);
  if (const auto gradient = gradient_of(c)) checked.add(gradient->graph, gradient->inputs);
}

}  // namespace

TEST_CASE("cuda kernels of every operation compute the interpreter's bits") {
  if (skipped()) return;
  Checked checked;
  for (const OpDef& def : all_ops())
    for (const Sample& sample : samples(def)) checked.add(sample.graph(), draw(sample, 2));
  checked.run({Schedule::forward});
  CHECK(checked.kernel_count() > all_ops().size());
}

TEST_CASE("cuda kernels of rows, products and their gradients do not depend on thread order") {
  if (skipped()) return;
  Checked checked;
  // Rows of whole 16 bytes lie in shared memory, longer ones than fit do not.
  for (const char* size : {"[3,5]", "[2,32]", "[9,70]", "[40,300]", "[3,4096]", "[2,12300]"}) {
    const std::string type = "f32" + std::string(size);
    const std::string rows = "f32" + std::string(size).substr(0, std::string(size).find(',')) + "]";
    add_text(checked, ("func @softmax(%x: " + type + ") -> " + type +
                       " {\n  %m = reduce %x {axes = "
                       "[1], kind = \"max\"} : " +
                       rows + "\n  %mb = broadcast_in_dim %m {dims = [0], shape = " + size +
                       "} : " + type + "\n  %d = sub %x, %mb : " + type + "\n  %e = exp %d : " +
                       type + "\n  %s = reduce %e {axes = [1], kind = \"add\"} : " + rows +
                       "\n  %sb = broadcast_in_dim %s {dims = [0], shape = " + size +
                       "} : " + type + "\n  %y = div %e, %sb : " + type + "\n  return %y\n}\n")
                          .c_str());
  }
  // Squares of two axes through shared memory: read turned, and written turned, with edges.
  for (const char* dtype : {"f32", "f64", "bool"}) {
    const std::string flat = std::string(dtype) + "[40,70]",
                      turned = std::string(dtype) + "[70,40]",
                      combine = *dtype == 'b' ? "or" : "add";
    add_text(checked, ("func @turned(%x: " + flat + ", %y: " + turned + ") -> " + turned +
                       " {\n  %t = transpose %x {permutation = [1, 0]} : " + turned +
                       "\n  %s = " + combine + " %t, %y : " + turned + "\n  return %s\n}\n")
                          .c_str());
    add_text(checked,
             ("func @both(%x: " + flat + ", %y: " + flat + ") -> (" + turned + ", " + flat +
              ") {\n  %s = " + combine + " %x, %y : " + flat +
              "\n  %t = transpose %s {permutation = [1, 0]} : " + turned + "\n  return %t, %s\n}\n")
                 .c_str());
    const std::string deep = std::string(dtype) + "[3,33,5,65]",
                      moved = std::string(dtype) + "[65,3,5,33]";
    add_text(checked, ("func @deep(%x: " + deep + ") -> " + moved +
                       " {\n  %t = transpose %x {permutation = [3, 0, 2, 1]} : " + moved +
                       "\n  %s = " + combine + " %t, %t : " + moved + "\n  return %s\n}\n")
                          .c_str());
  }
  for (const char* shape : {"1 1 1", "5 7 3", "65 66 17", "70 64 256", "64 3 257", "3 130 700"}) {
    int m = 0, n = 0, k = 0;
    REQUIRE(std::sscanf(shape, "%d %d %d", &m, &n, &k) == 3);
    for (const char* dtype : {"f32", "f64", "i32"}) {
      auto type = [&](int rows, int columns) {
        return std::string(dtype) + "[" + std::to_string(rows) + "," + std::to_string(columns) +
               "]";
      };
      add_text(checked,
               ("func @product(%a: " + type(m, k) + ", %b: " + type(k, n) + ", %c: " + type(m, n) +
                ") -> " + type(m, n) +
                " {\n  %p = dot_general %a, %b {batch = [[], []], contract = [[1], [0]]} : " +
                type(m, n) + "\n  %y = add %p, %c : " + type(m, n) + "\n  return %y\n}\n")
                   .c_str());
    }
  }
  checked.run({Schedule::forward, Schedule::reverse, Schedule::random, Schedule::first_warp,
               Schedule::last_warp});
}

TEST_CASE("cuda kernels of random graphs and their gradients compute the interpreter's bits") {
  if (skipped()) return;
  Checked checked;
  for (std::uint64_t seed = 1; seed <= 25; ++seed) {
    const GraphCase c = random_case(seed);
    checked.add(c.graph, c.inputs);
    if (const auto gradient = gradient_of(c)) checked.add(gradient->graph, gradient->inputs);
  }
  CHECK(checked.kernel_count() > 100);
  checked.run({Schedule::forward, Schedule::last_warp});
}
