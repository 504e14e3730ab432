// Literals in tests: drawn at random, compared, and given to compiled code.
#pragma once

#include <cstdint>
#include <functional>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "ir/graph.h"
#include "runtime/engine.h"

namespace weft::test {

/// The same on every platform, unlike std::uniform_real_distribution.
double uniform(std::mt19937_64& random, double low, double high);
/// Elements one after the other, converted (integers saturate).
ir::Literal fill(const ir::Type& type, const std::function<double()>& next);
/// Uniform values of any computable dtype: floats and signed integers from [low, high], unsigned
/// integers from [0, high], bool by chance.
ir::Literal draw_uniform(const ir::Type& type, double low, double high, std::uint64_t seed);

/// Same type and bits; but any NaN equals any NaN, because IEEE leaves their bits open.
bool equal_but_nans(const ir::Literal& a, const ir::Literal& b);
/// Runs an executable of `graph` on copies of literals, which it may overwrite when donated.
std::vector<ir::Literal> run_executable(const runtime::Executable& executable,
                                        const ir::Graph& graph, std::span<const ir::Literal> inputs,
                                        bool donates = false);
/// Where two literals differ first, for messages: "element 3 of f32[4]: 1 against 2".
std::string difference(const ir::Literal& a, const ir::Literal& b);

}  // namespace weft::test
