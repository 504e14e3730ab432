// What the tests of passes share: graphs from text, inputs by seed, results compared.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ir/graph.h"

namespace weft::test {

/// Floats from [low, high], integers from a few around 0, bool by chance. With `specials` some
/// floats are NaN, infinities, zeros of both signs and denormals.
ir::Literal random_literal(const ir::Type& type, std::uint64_t seed, double low = -2,
                           double high = 2, bool specials = false);
std::vector<ir::Literal> random_inputs(const ir::Graph& graph, std::uint64_t seed, double low = -2,
                                       double high = 2, bool specials = false);

/// "" if both graphs give the same bits on a few random inputs (any NaN equals any NaN); otherwise
/// what differs, with both graphs as text.
std::string difference(const ir::Graph& a, const ir::Graph& b);

/// "" if the results agree within the tolerance, relative to the larger of 1 and the values.
std::string difference(const std::vector<ir::Literal>& a, const std::vector<ir::Literal>& b,
                       double tolerance);

/// Compares vjp and jvp of f, with respect to all its float parameters, with central differences
/// along random directions (f64 alone), and <u, Jv> with <J'u, v>. "" if all is well.
std::string check_derivatives(const ir::Graph& f, std::uint64_t seed = 1, double low = -2,
                              double high = 2);

/// The numbers of f's float parameters.
std::vector<std::size_t> float_parameters(const ir::Graph& f);

}  // namespace weft::test
