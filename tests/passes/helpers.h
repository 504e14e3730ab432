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

// Both with respect to all float parameters, at random places and directions, in f64; "" if all is
// well.

/// Compares jvp of f with central differences.
std::string check_tangents(const ir::Graph& f, std::uint64_t seed);
/// Compares <u, Jv> with <J'u, v>, where jvp gives Jv and vjp gives J'u.
std::string check_transposition(const ir::Graph& f, std::uint64_t seed);
/// Both of them.
std::string check_derivatives(const ir::Graph& f, std::uint64_t seed = 1);

/// The numbers of f's float parameters.
std::vector<std::size_t> float_parameters(const ir::Graph& f);

}  // namespace weft::test
