// The executable that runs the reference interpreter: no passes, no code.

#include <cstring>
#include <utility>

#include "runtime/executable.h"

namespace weft::runtime {
namespace {

class InterpretedExecutable final : public Executable {
 public:
  InterpretedExecutable(const ir::Graph& graph, CompileReport report)
      : graph_(graph), report_(std::move(report)) {}

  void run_into(std::span<const Buffer* const> inputs, std::span<const bool>,
                std::span<Buffer> results) const override {
    check_inputs(graph_, inputs);
    std::vector<ir::Literal> literals;
    for (std::size_t k = 0; k < inputs.size(); ++k) {
      const ir::Type& type = graph_.type(graph_.param(k));
      std::vector<std::byte> bytes(type.bytes());
      if (!bytes.empty()) std::memcpy(bytes.data(), inputs[k]->data(), bytes.size());
      literals.emplace_back(type, std::move(bytes));
    }
    Buffer* result = results.data();
    for (const ir::Literal& literal : ir::interpret(graph_, literals)) {
      *result = allocate(literal.type().bytes());
      if (result->bytes > 0) std::memcpy(result->data(), literal.data(), result->bytes);
      ++result;
    }
  }
  const CompileReport& report() const override { return report_; }
  const ir::Graph& fused_graph() const override { return graph_; }

 private:
  ir::Graph graph_;
  CompileReport report_;
};

}  // namespace

std::shared_ptr<const Executable> make_interpreted(const ir::Graph& graph, CompileReport report) {
  return std::make_shared<InterpretedExecutable>(graph, std::move(report));
}

}  // namespace weft::runtime
