#include "runtime/engine.h"

#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <cstring>
#include <random>
#include <string>
#include <thread>

#include <weft/error.h>
#include "ir/builder.h"
#include "ir/graph.h"
#include "ir/literal.h"

using namespace weft;
using namespace weft::runtime;

namespace {

/// A text with another number in place of "N".
ir::Graph graph_of(std::string text, std::int64_t n) {
  const std::string number = std::to_string(n);
  for (std::size_t at; (at = text.find('N')) != std::string::npos;) text.replace(at, 1, number);
  return ir::parse(text, "engine_test.weft");
}

const char* const softmax = R"(func @softmax(%x: f32[N,37]) -> f32[N,37] {
  %hi = reduce %x {kind = "max", axes = [1]} : f32[N]
  %hib = broadcast_in_dim %hi {shape = [N,37], dims = [0]} : f32[N,37]
  %d = sub %x, %hib : f32[N,37]
  %e = exp %d : f32[N,37]
  %s = reduce %e {kind = "add", axes = [1]} : f32[N]
  %sb = broadcast_in_dim %s {shape = [N,37], dims = [0]} : f32[N,37]
  %y = div %e, %sb : f32[N,37]
  return %y
})";

const char* const layer =
    R"(func @layer(%x: f32[N,20], %w: f32[20,30], %b: f32[30]) -> (f32[N,30], f32[30]) {
  %p = dot_general %x, %w {contract = [[1],[0]], batch = [[],[]]} : f32[N,30]
  %bb = broadcast_in_dim %b {shape = [N,30], dims = [1]} : f32[N,30]
  %q = add %p, %bb : f32[N,30]
  %t = tanh %q : f32[N,30]
  %s = reduce %t {kind = "add", axes = [0]} : f32[30]
  return %t, %s
})";

const char* const update = R"(func @update(%p: f32[N], %g: f32[N]) -> f32[N] {
  %s = add %p, %g : f32[N]
  %y = mul %s, %g : f32[N]
  return %y
})";

ir::Literal random_literal(const ir::Type& type, unsigned seed) {
  ir::Literal literal = ir::Literal::zeros(type);
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> uniform(-2, 2);
  for (std::int64_t k = 0; k < type.elements(); ++k)
    literal.mutable_as<float>()[k] = uniform(random);
  return literal;
}

std::vector<ir::Literal> random_inputs(const ir::Graph& graph, unsigned seed) {
  std::vector<ir::Literal> inputs;
  for (std::size_t k = 0; k < graph.param_count(); ++k)
    inputs.push_back(random_literal(graph.type(graph.param(k)), seed + static_cast<unsigned>(k)));
  return inputs;
}

Buffer to_buffer(const ir::Literal& literal) {
  Buffer buffer = allocate(literal.type().bytes());
  if (buffer.bytes > 0) std::memcpy(buffer.data(), literal.data(), buffer.bytes);
  return buffer;
}

std::vector<Buffer> to_buffers(const std::vector<ir::Literal>& literals) {
  std::vector<Buffer> buffers;
  for (const ir::Literal& literal : literals) buffers.push_back(to_buffer(literal));
  return buffers;
}

bool same_bits(const Buffer& buffer, const ir::Literal& literal) {
  return buffer.bytes == literal.type().bytes() &&
         (buffer.bytes == 0 || std::memcmp(buffer.data(), literal.data(), buffer.bytes) == 0);
}

/// Whether an executable of the graph gives the bits of the interpreter.
bool agrees(const ir::Graph& graph, const CompileOptions& options = {}, unsigned seed = 1) {
  const std::vector<ir::Literal> inputs = random_inputs(graph, seed);
  const std::vector<ir::Literal> expected = ir::interpret(graph, inputs);
  const std::vector<Buffer> results = compile(graph, options)->run(to_buffers(inputs));
  if (results.size() != expected.size()) return false;
  for (std::size_t k = 0; k < results.size(); ++k)
    if (!same_bits(results[k], expected[k])) return false;
  return true;
}

struct WithThreads {
  explicit WithThreads(int threads) : before(thread_count()) { set_thread_count(threads); }
  ~WithThreads() { set_thread_count(before); }
  int before;
};

}  // namespace

TEST_CASE("compiled programs give the interpreter's bits, fused, unfused and interpreted") {
  for (const char* text : {softmax, layer, update}) {
    for (std::int64_t n : {1, 5, 100}) {
      const ir::Graph graph = graph_of(text, n);
      CAPTURE(graph.name());
      CAPTURE(n);
      CHECK(agrees(graph));
      CHECK(agrees(graph, {.fuse = false}));
      CHECK(agrees(graph, {.backend = Backend::interp}));
    }
  }
}

TEST_CASE("the number of threads changes no bit") {
  for (const char* text : {softmax, layer, update}) {
    const ir::Graph graph = graph_of(text, text == update ? 300'000 : 3000);
    CAPTURE(graph.name());
    const std::vector<ir::Literal> inputs = random_inputs(graph, 3);
    const std::vector<ir::Literal> expected = ir::interpret(graph, inputs);
    const auto executable = compile(graph);
    for (int threads : {1, 2, 3}) {
      const WithThreads with(threads);
      const std::vector<Buffer> results = executable->run(to_buffers(inputs));
      for (std::size_t k = 0; k < results.size(); ++k) CHECK(same_bits(results[k], expected[k]));
    }
  }
}

TEST_CASE("an equal graph is the same executable, whatever its names") {
  const auto first = compile(graph_of(softmax, 11));
  std::string renamed = softmax;
  renamed.replace(renamed.find("@softmax"), 8, "@other");
  const EngineStats before = engine_stats();
  CHECK(compile(graph_of(softmax, 11)) == first);
  CHECK(compile(graph_of(renamed, 11)) == first);
  CHECK(engine_stats().executable_hits == before.executable_hits + 2);
  CHECK(engine_stats().executables_compiled == before.executables_compiled);
  CHECK(compile(graph_of(softmax, 11), {.fuse = false}) != first);
}

TEST_CASE("a second batch size compiles no kernel") {
  clear_caches();
  for (const char* text : {softmax, layer, update}) {
    CHECK(compile(graph_of(text, 64))->report().kernels_compiled > 0);
    const EngineStats before = engine_stats();
    const auto second = compile(graph_of(text, 96));
    CAPTURE(second->report().kernels);
    CHECK(second->report().kernels_compiled == 0);
    CHECK(engine_stats().kernels_compiled == before.kernels_compiled);
    CHECK(engine_stats().executables_compiled == before.executables_compiled + 1);
  }
}

TEST_CASE("cleared caches compile again, and executables in use go on running") {
  const ir::Graph graph = graph_of(update, 10);
  const auto kept = compile(graph);
  clear_caches();
  const EngineStats before = engine_stats();
  CHECK(compile(graph) != kept);
  CHECK(engine_stats().kernels_compiled > before.kernels_compiled);
  CHECK(kept->run(to_buffers(random_inputs(graph, 1))).size() == 1);
}

TEST_CASE("a donated input gives its memory to the result, and the bits stay the same") {
  const ir::Graph graph = graph_of(update, 1000);
  const std::vector<ir::Literal> inputs = random_inputs(graph, 5);
  const ir::Literal expected = ir::interpret(graph, inputs)[0];
  const auto executable = compile(graph);
  for (std::size_t given : {0, 1}) {
    const std::vector<Buffer> buffers = to_buffers(inputs);
    const bool donated[] = {given == 0, given == 1};
    const Buffer result = executable->run(buffers, donated)[0];
    CHECK(same_bits(result, expected));
    CHECK(same_bits(buffers[1 - given], inputs[1 - given]));
  }
  const std::vector<Buffer> buffers = to_buffers(inputs);
  const bool both[] = {true, true};
  const Buffer result = executable->run(buffers, both)[0];
  CHECK(same_bits(result, expected));
  CHECK((result.data() == buffers[0].data() || result.data() == buffers[1].data()));
}

TEST_CASE("numbers are read before their memory is written over") {
  const ir::Graph graph = ir::parse(R"(func @f(%x: f32[], %y: f32[64]) -> (f32[], f32[64], f32[]) {
  %a = add %x, %x : f32[]
  %b = broadcast_in_dim %x {shape = [64], dims = []} : f32[64]
  %c = mul %y, %b : f32[64]
  %s = reduce %c {kind = "add", axes = [0]} : f32[]
  %d = mul %s, %x : f32[]
  return %a, %c, %d
})",
                                    "engine_test.weft");
  const std::vector<ir::Literal> inputs = random_inputs(graph, 1);
  const std::vector<ir::Literal> expected = ir::interpret(graph, inputs);
  for (const bool fuse : {true, false}) {
    const auto executable = compile(graph, {.fuse = fuse});
    const bool donated[] = {true, true};
    const std::vector<Buffer> results = executable->run(to_buffers(inputs), donated);
    for (std::size_t k = 0; k < results.size(); ++k) CHECK(same_bits(results[k], expected[k]));
  }
}

TEST_CASE("memory that two inputs share is not overwritten, even when donated") {
  const ir::Graph graph = graph_of(update, 1000);
  const ir::Literal input = random_literal(graph.type(graph.param(0)), 6);
  const Buffer shared = to_buffer(input);
  const std::vector<Buffer> buffers = {shared, shared};
  const bool donated[] = {true, true};
  const Buffer result = compile(graph)->run(buffers, donated)[0];
  CHECK(result.data() != shared.data());
  CHECK(same_bits(shared, input));
  CHECK(same_bits(result, ir::interpret(graph, std::vector{input, input})[0]));
}

TEST_CASE("results that are parameters, constants or occur twice") {
  const ir::Graph graph = ir::parse(R"(func @f(%x: f32[3]) -> (f32[3], f32[3], f32[3], f32[]) {
  %y = exp %x : f32[3]
  %c = constant {value = 2.5} : f32[]
  return %x, %y, %y, %c
})");
  const std::vector<ir::Literal> inputs = random_inputs(graph, 2);
  const std::vector<ir::Literal> expected = ir::interpret(graph, inputs);
  const std::vector<Buffer> buffers = to_buffers(inputs);
  const auto executable = compile(graph);
  const std::vector<Buffer> results = executable->run(buffers);
  REQUIRE(results.size() == 4);
  for (std::size_t k = 0; k < 4; ++k) CHECK(same_bits(results[k], expected[k]));
  CHECK(results[0].data() == buffers[0].data());
  CHECK(results[1].data() != results[2].data());
  *static_cast<float*>(results[3].data()) = 7;  // the caller's own copy
  CHECK(same_bits(executable->run(buffers)[3], expected[3]));
}

TEST_CASE("a product of one row may read one matrix of several") {
  for (std::int64_t n : {1, 5})
    CHECK(agrees(graph_of(R"(func @f(%x: f32[4,2,3], %y: f32[4,3,N]) -> f32[1,1,N] {
  %a = slice %x {start = [1,0,0], limit = [2,2,3], stride = [1,2,1]} : f32[1,1,3]
  %b = slice %y {start = [1,0,0], limit = [2,3,N], stride = [1,1,1]} : f32[1,3,N]
  %c = exp %b : f32[1,3,N]
  %d = dot_general %a, %c {contract = [[2],[1]], batch = [[0],[0]]} : f32[1,1,N]
  return %d
})",
                          n)));
}

TEST_CASE("tensors without elements run through") {
  for (const char* text : {softmax, layer, update}) CHECK(agrees(graph_of(text, 0)));
}

TEST_CASE("inputs that do not fit are errors that say what was expected") {
  const ir::Graph graph = graph_of(update, 4);
  const auto executable = compile(graph);
  std::vector<Buffer> inputs = to_buffers(random_inputs(graph, 1));
  inputs.pop_back();
  CHECK_THROWS_WITH_AS(executable->run(inputs), "run @update: number of inputs: expected 2, got 1",
                       Error);
  inputs.push_back(allocate(12));
  CHECK_THROWS_WITH_AS(executable->run(inputs),
                       "run @update: bytes of input %g (f32[4]): expected 16, got 12", Error);
}

TEST_CASE("inputs may lie anywhere in memory") {
  const ir::Graph graph = graph_of(update, 77);
  const std::vector<ir::Literal> inputs = random_inputs(graph, 9);
  const ir::Literal expected = ir::interpret(graph, inputs)[0];
  for (std::size_t shift : {4, 12, 36}) {
    std::vector<Buffer> buffers;
    for (const ir::Literal& literal : inputs) {
      const Buffer roomy = allocate(literal.type().bytes() + shift);
      void* data = static_cast<std::byte*>(roomy.data()) + shift;
      std::memcpy(data, literal.data(), literal.type().bytes());
      buffers.push_back({std::shared_ptr<void>(roomy.memory, data), literal.type().bytes()});
    }
    const bool donated[] = {true, true};
    CHECK(same_bits(compile(graph)->run(buffers, donated)[0], expected));
  }
}

TEST_CASE("the report counts operations, kernels and bytes") {
  clear_caches();
  const auto executable = compile(graph_of(softmax, 8));
  const CompileReport& report = executable->report();
  CHECK(report.recorded_operations == 7);
  CHECK(report.kernels == 1);
  CHECK(report.kernels_compiled == 1);
  CHECK(report.peak_bytes == 8 * 37 * 4);
  CHECK(report.total_ms > 0);
  CHECK(!report.passes.empty());
}

TEST_CASE("sums of more inputs than a kernel may read are several kernels") {
  ir::Builder b("wide");
  std::vector<ir::Value> inputs;
  for (int k = 0; k < 1000; ++k) inputs.push_back(b.parameter({DType::f32, {9}}, "x"));
  ir::Value chain = inputs[0], products = b.binary(ir::Op::mul, inputs[0], inputs[999]);
  for (int k = 1; k < 1000; ++k) {
    chain = b.binary(ir::Op::add, chain, inputs[k]);
    products = b.binary(ir::Op::max, products, b.binary(ir::Op::mul, inputs[k], inputs[999 - k]));
  }
  const ir::Graph graph = b.finish({b.reduce(chain, "add", {0}), b.reduce(products, "max", {0})});
  CHECK(agrees(graph));
  CHECK(compile(graph)->report().kernels > 1000 / 32);
}

TEST_CASE("an expression of ten thousand operations with two hundred results") {
  ir::Builder b("long");
  const ir::Value x = b.parameter({DType::f32, {67}}, "x"),
                  y = b.parameter({DType::f32, {67}}, "y");
  ir::Value value = x;
  std::vector<ir::Value> results;
  for (int k = 0; k < 10000; ++k) {
    if (k % 25 == 0)
      value = b.unary(ir::Op::tanh, value);
    else if (k % 3 == 0)
      value = b.binary(ir::Op::mul, value, b.full({DType::f32, {67}}, 0.7 + 0.01 * (k % 50)));
    else
      value = b.binary(k % 3 == 1 ? ir::Op::add : ir::Op::max, value, k % 2 ? x : y);
    if (k % 50 == 49) results.push_back(value);
  }
  CHECK(agrees(b.finish(std::move(results))));
}

TEST_CASE("several threads compile and run at once") {
  clear_caches();
  const EngineStats before = engine_stats();
  std::atomic<int> wrong{0};
  {
    std::vector<std::jthread> threads;
    for (unsigned thread = 0; thread < 4; ++thread)
      threads.emplace_back([&, thread] {
        for (unsigned k = 0; k < 6; ++k) {
          const char* text = k % 3 == 0 ? softmax : k % 3 == 1 ? layer : update;
          const std::int64_t n = k % 3 == 2 ? 100'000 : 50 + k / 3;
          if (!agrees(graph_of(text, n), {}, thread + k)) wrong.fetch_add(1);
        }
      });
  }
  CHECK(wrong.load() == 0);
  CHECK(engine_stats().executables_compiled == before.executables_compiled + 5);
}

// Where k is deeper than one panel, partial sums wait in scratch, not in the output.
TEST_CASE("a product that ends in an update writes over what it updates, where that is given up") {
  for (const std::int64_t n : {1, 40, 1100}) {
    CAPTURE(n);
    const ir::Graph graph = graph_of(
        R"(func @step(%x: f32[24,N], %g: f32[24,100], %w: f32[N,100]) -> f32[N,100] {
  %xt = transpose %x {permutation = [1,0]} : f32[N,24]
  %d = dot_general %xt, %g {contract = [[1],[0]], batch = [[],[]]} : f32[N,100]
  %s = mul %d, %w : f32[N,100]
  %y = sub %w, %s : f32[N,100]
  return %y
})",
        n);
    const std::vector<ir::Literal> inputs = random_inputs(graph, 1);
    const std::vector<ir::Literal> expected = ir::interpret(graph, inputs);
    const std::vector<Buffer> buffers = to_buffers(inputs);
    const auto executable = compile(graph);
    CHECK(same_bits(executable->run(buffers)[0], expected[0]));
    const std::array<bool, 3> donated{false, false, true};
    const std::vector<Buffer> results = executable->run(buffers, donated);
    CHECK(same_bits(results[0], expected[0]));
    if (n > 1) CHECK(results[0].data() == buffers[2].data());
  }
}

TEST_CASE("a product never writes over its factors") {
  const ir::Graph graph = graph_of(R"(func @residual(%x: f32[N,N], %w: f32[N,N]) -> f32[N,N] {
  %p = dot_general %x, %w {contract = [[1],[0]], batch = [[],[]]} : f32[N,N]
  %y = add %x, %p : f32[N,N]
  return %y
})",
                                   300);
  const std::vector<ir::Literal> inputs = random_inputs(graph, 1);
  const std::vector<Buffer> buffers = to_buffers(inputs);
  const std::array<bool, 2> donated{true, true};
  const std::vector<Buffer> results = compile(graph)->run(buffers, donated);
  CHECK(same_bits(results[0], ir::interpret(graph, inputs)[0]));
}
