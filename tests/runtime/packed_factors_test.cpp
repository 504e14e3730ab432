// Right factors that stay unchanged are packed once, and never used after they changed.
#include "runtime/packed_factors.h"

#include <doctest/doctest.h>

#include <atomic>
#include <cstring>
#include <random>
#include <string>
#include <thread>

#include "ir/graph.h"
#include "ir/literal.h"
#include "runtime/engine.h"

using namespace weft;
using namespace weft::runtime;

namespace {

// x w^T with w [150, 130]: 78 kB, packed in each call otherwise.
const char* const layer = R"(func @layer(%x: f32[5,130], %w: f32[150,130]) -> f32[5,150] {
  %wt = transpose %w {permutation = [1,0]} : f32[130,150]
  %y = dot_general %x, %wt {contract = [[1],[0]], batch = [[],[]]} : f32[5,150]
  return %y
})";
const char* const update = R"(func @update(%w: f32[150,130], %g: f32[150,130]) -> f32[150,130] {
  %y = sub %w, %g : f32[150,130]
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

Buffer to_buffer(const ir::Literal& literal) {
  Buffer buffer = allocate(literal.type().bytes());
  std::memcpy(buffer.data(), literal.data(), buffer.bytes);
  return buffer;
}

struct Layer {
  ir::Graph graph = ir::parse(layer);
  std::shared_ptr<const Executable> executable = compile(graph);
  ir::Literal x = random_literal({f32, {5, 130}}, 1), w = random_literal({f32, {150, 130}}, 2);

  bool is_right(const Buffer& result, const ir::Literal& weights) const {
    const std::vector<ir::Literal> inputs{x, weights};
    const ir::Literal expected = ir::interpret(graph, inputs)[0];
    return std::memcmp(result.data(), expected.data(), result.bytes) == 0;
  }
};

}  // namespace

TEST_CASE("a factor is packed when it is read a second time, and goes with its buffer") {
  const Layer layer;
  CHECK(layer.executable->report().packable_factors == 1);
  const PackedStats before = packed_stats();
  {
    const std::vector<Buffer> inputs{to_buffer(layer.x), to_buffer(layer.w)};
    for (int call = 0; call < 4; ++call) {
      CHECK(layer.is_right(layer.executable->run(inputs)[0], layer.w));
      CHECK(packed_stats().factors == before.factors + (call > 0 ? 1 : 0));
    }
    CHECK(packed_stats().bytes >= before.bytes + 150 * 130 * 4);
    CHECK(packed_stats().bytes <= packed_stats().limit_bytes);
  }
  CHECK(packed_stats().factors == before.factors);
  CHECK(packed_stats().bytes == before.bytes);
}

TEST_CASE("weights that a call writes over are packed anew") {
  const Layer layer;
  const std::size_t before = packed_stats().factors;
  const ir::Graph step = ir::parse(update);
  std::vector<ir::Literal> values{layer.w, random_literal(layer.w.type(), 3)};
  std::vector<Buffer> weights{to_buffer(values[0]), to_buffer(values[1])};
  const Buffer x = to_buffer(layer.x);
  for (int round = 0; round < 3; ++round) {
    for (int call = 0; call < 3; ++call)
      CHECK(layer.is_right(layer.executable->run(std::vector{x, weights[0]})[0], values[0]));
    CHECK(packed_stats().factors == before + 1);
    const bool donated[] = {true, false};
    const void* memory = weights[0].data();
    weights[0] = compile(step)->run(weights, donated)[0];
    CHECK(weights[0].data() == memory);
    CHECK(packed_stats().factors == before);
    values[0] = ir::interpret(step, values)[0];
  }
}

TEST_CASE("memory from outside, which others may write to, is packed in each call") {
  const Layer layer;
  const std::size_t before = packed_stats().factors;
  ir::Literal w = layer.w;
  const Buffer outside{std::shared_ptr<void>(w.mutable_data(), [](void*) {}), w.type().bytes()};
  const std::vector<Buffer> inputs{to_buffer(layer.x), outside};
  for (int call = 0; call < 3; ++call) {
    w.mutable_as<float>()[call] = 7;
    CHECK(layer.is_right(layer.executable->run(inputs)[0], w));
  }
  CHECK(packed_stats().factors == before);
}

TEST_CASE("one buffer holds different factors, and a third one goes without") {
  const std::size_t before = packed_stats().factors;
  const ir::Literal x = random_literal({f32, {5, 100}}, 1),
                    w = random_literal({f32, {200, 100}}, 2);
  const std::vector<Buffer> inputs{to_buffer(x), to_buffer(w)};
  for (const std::int64_t first : {0, 20, 40}) {
    const std::string start = std::to_string(first), limit = std::to_string(first + 120);
    const ir::Graph graph = ir::parse(
        "func @part(%x: f32[5,100], %w: f32[200,100]) -> f32[5,120] {\n"
        "  %part = slice %w {start = [" +
        start + ",0], limit = [" + limit +
        ",100], stride = [1,1]} : f32[120,100]\n"
        "  %t = transpose %part {permutation = [1,0]} : f32[100,120]\n"
        "  %y = dot_general %x, %t {contract = [[1],[0]], batch = [[],[]]} : f32[5,120]\n"
        "  return %y\n}");
    const ir::Literal expected = ir::interpret(graph, std::vector{x, w})[0];
    for (int call = 0; call < 3; ++call) {
      const Buffer result = compile(graph)->run(inputs)[0];
      CHECK(std::memcmp(result.data(), expected.data(), result.bytes) == 0);
    }
  }
  CHECK(packed_stats().factors == before + 2);
}

TEST_CASE("threads share what one of them packed") {
  const Layer layer;
  const std::size_t before = packed_stats().factors;
  const std::vector<Buffer> inputs{to_buffer(layer.x), to_buffer(layer.w)};
  std::atomic<int> wrong{0};
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 4; ++thread)
      threads.emplace_back([&] {
        for (int call = 0; call < 50; ++call)
          if (!layer.is_right(layer.executable->run(inputs)[0], layer.w)) wrong.fetch_add(1);
      });
  }
  CHECK(wrong.load() == 0);
  CHECK(packed_stats().factors == before + 1);
}
