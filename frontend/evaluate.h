// From records to values: one graph of everything asked for and everything live that shares work
// with it, compiled (or found again by its structure), run, and stored back into the records.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "frontend/record.h"
#include "ir/graph.h"

namespace weft::detail {

/// The graph of some records, the records that are its parameters, the numbers that are its last
/// parameters, and the records that are its results.
struct Collected {
  ir::Graph graph;
  std::vector<Ref> inputs;
  std::vector<std::uint64_t> numbers = {};
  std::vector<Ref> outputs;
};

enum class Extent : std::uint8_t {
  asked,  ///< What was asked for.
  live,   ///< And what is live and shares work with it.
};

/// The graph of `asked` (not evaluated ones, all in one place) and perhaps of others there. Takes
/// the graph mutex.
Collected collect(std::span<const Ref> asked, Extent extent);

/// The graph whose results are `results`, in order; placeholders and evaluated records are inputs.
/// Its constants are constants.
Collected graph_of(std::span<const Ref> results, const char* name);

/// Runs on the inputs' values and on numbers; inputs donated may be overwritten. Results are never
/// memory of others, even where the program returns an input as it is.
void run_on(const runtime::Executable& executable, std::span<const Ref> inputs,
            std::span<const bool> donated, std::span<runtime::Buffer> results,
            std::span<const std::uint64_t> numbers = {});

/// Evaluates; does nothing for what is evaluated already. Throws weft::Error, naming the scope, if
/// a value is known only inside a jit trace that is being recorded.
void evaluate(std::span<const Ref> asked);

/// Elements that lie in the memory of something evaluated already, which `owner` keeps.
struct MemoryView {
  Ref owner;
  const void* data;
};
/// A view of consecutive elements on the host needs no program; none for everything else.
std::optional<MemoryView> memory_of_view(const Ref& r);

/// The value in memory, contiguous and row-major, where it lies. Evaluates.
runtime::Buffer value_of(const Ref& r);
/// The same in host memory: a copy, where it lies on a device.
runtime::Buffer host_value_of(const Ref& r);
/// Where all of them are computed. Throws weft::Error naming two places that differ.
Place common_place(std::span<const Ref> values);

}  // namespace weft::detail
