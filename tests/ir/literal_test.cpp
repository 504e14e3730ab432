// Literals: conversion of elements, equality by bits, and text of every value.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <random>

#include "ir/builder.h"

namespace weft::ir {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

Graph constant_graph(Literal literal) {
  Builder b("f");
  return b.finish({b.constant(std::move(literal))});
}

/// The constant that printing and parsing gives back.
Literal through_text(const Literal& literal) {
  const Graph graph = parse(print(constant_graph(literal)));
  return graph.node(0).attrs.literal("value");
}

Literal random_bits(DType dtype, Shape shape, std::mt19937_64& random) {
  Literal literal = Literal::zeros({dtype, std::move(shape)});
  std::byte* at = literal.mutable_data();
  for (std::size_t k = 0; k < literal.type().bytes(); ++k)
    at[k] = std::byte(random() & (is_bool(dtype) ? 1 : 0xFF));
  return literal;
}

TEST_CASE("any bits of any dtype come back from the text") {
  std::mt19937_64 random(7);
  for (int d = 0; d < dtype_count; ++d) {
    const auto dtype = static_cast<DType>(d);
    for (int round = 0; round < 200; ++round) {
      const Literal small = random_bits(dtype, {2, 3}, random);
      CHECK(through_text(small) == small);
    }
    const Literal large = random_bits(dtype, {5, 3, 7}, random);
    CHECK(through_text(large) == large);
    const Literal scalar = random_bits(dtype, {}, random);
    CHECK(through_text(scalar) == scalar);
    const Literal empty = random_bits(dtype, {3, 0}, random);
    CHECK(through_text(empty) == empty);
  }
}

TEST_CASE("every 16-bit float comes back from the text and from double") {
  for (const DType dtype : {DType::f16, DType::bf16})
    for (int bits = 0; bits < 65536; bits += 64) {
      std::vector<std::byte> bytes(128);
      for (int k = 0; k < 64; ++k) {
        const auto word = static_cast<std::uint16_t>(bits + k);
        std::memcpy(&bytes[static_cast<std::size_t>(2 * k)], &word, 2);
      }
      const Literal literal({dtype, {64}}, bytes);
      CHECK(through_text(literal) == literal);
      for (int k = 0; k < 64; ++k)
        if (const double value = literal.at(k); !std::isnan(value))
          CHECK(std::memcmp(Literal::scalar(dtype, value).data(), literal.data() + 2 * k, 2) == 0);
    }
}

TEST_CASE("doubles round to 16-bit floats as IEEE says") {
  const auto f16 = [](double x) { return Literal::scalar(DType::f16, x).at(0); };
  CHECK(f16(65504) == 65504);
  CHECK(f16(65519.99) == 65504);
  CHECK(f16(65520) == infinity);
  CHECK(f16(2049) == 2048);  // ties to even
  CHECK(f16(2051) == 2052);
  CHECK(f16(std::ldexp(1, -24)) == std::ldexp(1, -24));
  CHECK(f16(std::ldexp(1, -25)) == 0);
  CHECK(f16(std::ldexp(1.5, -25)) == std::ldexp(1, -24));
  CHECK(std::signbit(f16(-0.0)));
  const auto bf16 = [](double x) { return Literal::scalar(DType::bf16, x).at(0); };
  CHECK(bf16(1.00390625) == 1);  // ties to even
  CHECK(bf16(1.01171875) == 1.015625);
  CHECK(bf16(3.4e38) == infinity);
}

TEST_CASE("scalar converts as the operation convert does") {
  CHECK(Literal::scalar(DType::i32, 2.9).int_at(0) == 2);
  CHECK(Literal::scalar(DType::i32, -2.9).int_at(0) == -2);
  CHECK(Literal::scalar(DType::i32, 1e30).int_at(0) == 2147483647);
  CHECK(Literal::scalar(DType::i64, -infinity).int_at(0) ==
        std::numeric_limits<std::int64_t>::min());
  CHECK(Literal::scalar(DType::i64, 0x1p63).int_at(0) == std::numeric_limits<std::int64_t>::max());
  CHECK(Literal::scalar(DType::u8, -3).int_at(0) == 0);
  CHECK(Literal::scalar(DType::i32, std::nan("")).int_at(0) == 0);
  CHECK(Literal::scalar(DType::boolean, std::nan("")).at(0) == 1);
  CHECK(Literal::scalar(DType::boolean, 0.25).at(0) == 1);
  CHECK(Literal::scalar_int(DType::u64, -1).as<std::uint64_t>()[0] == ~std::uint64_t{0});
  CHECK(Literal::scalar_int(DType::f32, 3).at(0) == 3);
}

TEST_CASE("literals are equal by bits") {
  const auto of = [](std::vector<double> values) {
    return Literal::from<double>({static_cast<std::int64_t>(values.size())}, values);
  };
  CHECK(of({std::nan("")}) == of({std::nan("")}));
  CHECK_FALSE(of({0.0}) == of({-0.0}));
  CHECK_FALSE(of({1.0}) == of({1.0, 1.0}));
  CHECK(of({1.0, 2.0}).hash() == of({1.0, 2.0}).hash());
  CHECK(of({1.0, 2.0}).hash() != of({2.0, 1.0}).hash());
  CHECK(of({1, 1, 1}).is_splat());
  CHECK_FALSE(of({1, 1, 2}).is_splat());
  CHECK_FALSE(of({}).is_splat());
}

TEST_CASE("writing into a shared literal copies it first") {
  const Literal first = Literal::from<int>({2}, {1, 2});
  Literal second = first;
  second.mutable_as<int>()[0] = 5;
  CHECK(first.int_at(0) == 1);
  CHECK(second.int_at(0) == 5);
}

TEST_CASE("a literal needs as many bytes as its type") {
  CHECK_THROWS_AS(Literal({DType::f32, {2}}, std::vector<std::byte>(7)), InternalError);
}

}  // namespace
}  // namespace weft::ir
