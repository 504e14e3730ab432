#include "tests/random_graphs/random_graph.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <random>

#include <weft/error.h>
#include "tests/support/literals.h"

namespace weft::test {

using namespace weft::ir;

namespace {

constexpr DType dtypes[] = {DType::f32, DType::f32, DType::f32, DType::f64,    DType::i32,
                            DType::i64, DType::u32, DType::u64, DType::boolean};
constexpr std::int64_t most_elements = 4096;
constexpr std::int64_t most_products = 1 << 16;

/// How often a kind is tried; what does not fit at the moment is not added.
struct Weight {
  Kind kind;
  int weight;
};
constexpr Weight weights[] = {{Kind::elementwise, 50}, {Kind::view, 18},     {Kind::assemble, 7},
                              {Kind::reduce, 14},      {Kind::scan, 7},      {Kind::contract, 7},
                              {Kind::gather, 4},       {Kind::attention, 2}, {Kind::scatter, 4},
                              {Kind::source, 4},       {Kind::control, 1}};

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed * 0x9e3779b97f4a7c15u + 1) {}

  /// From [0, n); n is at least 1.
  std::int64_t below(std::int64_t n) {
    return static_cast<std::int64_t>(engine_() % static_cast<std::uint64_t>(n));
  }
  std::int64_t between(std::int64_t low, std::int64_t high) { return low + below(high - low + 1); }
  bool chance(int percent) { return below(100) < percent; }
  double uniform(double low, double high) { return test::uniform(engine_, low, high); }
  template <class C>
  const auto& of(const C& choices) {
    return *(std::begin(choices) + below(std::ssize(choices)));
  }

 private:
  std::mt19937_64 engine_;
};

class Generator {
 public:
  explicit Generator(std::uint64_t seed) : random_(seed), builder_("g" + std::to_string(seed)) {}

  GraphCase run() {
    choose_sizes();
    keeps_nodes_ = random_.chance(50);
    const std::int64_t parameters = random_.between(1, 4);
    for (std::int64_t k = 0; k < parameters; ++k) {
      Type type = random_type();
      if (k == 0 && random_.chance(70)) type.dtype = DType::f32;
      values_.push_back(builder_.parameter(type, "p" + std::to_string(k)));
    }
    key_ = builder_.parameter({DType::u64, {2}}, "key");
    const std::int64_t wanted = random_.between(3, 24);
    for (std::int64_t tries = 0; tries < 20 * wanted && added_ < wanted; ++tries) add_something();

    GraphCase result{builder_.finish(choose_results()), {}};
    for (std::size_t k = 0; k < result.graph.param_count(); ++k)
      result.inputs.push_back(random_literal(result.graph.type(result.graph.param(k))));
    return result;
  }

 private:
  // Types ---------------------------------------------------------------------------------------

  /// Few sizes for a graph, so that shapes often agree; now and then one that is longer than the
  /// blocks and lanes of reductions.
  void choose_sizes() {
    for (int k = 0; k < 3; ++k) sizes_.push_back(random_.between(1, 9));
    if (random_.chance(30)) sizes_.push_back(random_.of(Ints{16, 17, 31, 33, 64}));
    if (random_.chance(8)) sizes_.push_back(random_.of(Ints{65, 100, 257, 300, 520}));
    if (random_.chance(4)) sizes_.push_back(0);
    sizes_.push_back(1);
  }

  Type random_type() {
    Type type{random_.of(dtypes), {}};
    const std::int64_t rank = random_.between(0, 3);
    for (std::int64_t k = 0; k < rank; ++k) {
      const std::int64_t size = random_.of(sizes_);
      if (type.elements() * size <= most_elements) type.shape.push_back(size);
    }
    return type;
  }

  const Type& type(Value v) const { return builder_.type(v); }
  Value any() {
    // One of the last third every other time: chains become long.
    const std::int64_t n = std::ssize(values_);
    return values_[static_cast<std::size_t>(
        random_.chance(50) ? random_.between(n - n / 3 - 1, n - 1) : random_.below(n))];
  }
  template <class Predicate>
  std::optional<Value> any_where(Predicate fits) {
    std::vector<Value> found;
    std::copy_if(values_.begin(), values_.end(), std::back_inserter(found), fits);
    if (found.empty()) return {};
    return random_.of(found);
  }

  // Values --------------------------------------------------------------------------------------

  double random_number(DType dtype) {
    constexpr double inf = std::numeric_limits<double>::infinity();
    if (is_bool(dtype)) return static_cast<double>(random_.below(2));
    if (!is_float(dtype)) {
      static const double odd[] = {0,       1,     -1, 31, 32, 63, 64, 2147483647.0, -2147483648.0,
                                   -9.3e18, 1.9e19};
      return random_.chance(5) ? random_.of(odd) : static_cast<double>(random_.between(-9, 9));
    }
    static const double odd[] = {0,  -0.0, inf,    -inf,  inf - inf, 1,
                                 -1, 0.5,  1e-310, 1e-40, 1e30,      -1e300};
    return random_.chance(5) ? random_.of(odd) : random_.uniform(-3, 3);
  }

  Literal random_literal(const Type& type) {
    return fill(type, [&] { return random_number(type.dtype); });
  }

  /// A value of a given type: mostly one that is there, else made from a smaller one or a constant.
  Value of_type(const Type& wanted) {
    const auto same = any_where([&](Value v) { return type(v) == wanted; });
    if (same && random_.chance(85)) return *same;
    const auto convertible =
        any_where([&](Value v) { return type(v).shape == wanted.shape && !is_bool(wanted.dtype); });
    if (convertible && random_.chance(30)) return builder_.convert(*convertible, wanted.dtype);
    const auto smaller = any_where([&](Value v) {
      return type(v).dtype == wanted.dtype && broadcasts(type(v).shape, wanted.shape);
    });
    if (smaller && random_.chance(70)) return builder_.broadcast_to(*smaller, wanted.shape);
    if (random_.chance(30)) return builder_.constant(random_literal(wanted));
    return builder_.broadcast_in_dim(builder_.constant(random_literal({wanted.dtype, {}})),
                                     wanted.shape, {});
  }

  static bool broadcasts(const Shape& from, const Shape& to) {
    if (from.size() > to.size()) return false;
    const std::size_t offset = to.size() - from.size();
    for (std::size_t k = 0; k < from.size(); ++k)
      if (from[k] != 1 && from[k] != to[offset + k]) return false;
    return true;
  }

  /// Adds the node if inference accepts it and its result is small.
  void add(Op op, std::vector<Value> operands, Attributes attrs = {}) {
    Node node{op, std::move(operands), std::move(attrs), {}, {}, {}};
    std::vector<Type> types;
    for (Value v : node.operands) types.push_back(type(v));
    try {
      node.types = infer(node, types);
    } catch (const Error&) {
      return;
    }
    if (node.types[0].elements() > most_elements || node.types[0].rank() > 5) return;
    const Value added = keeps_nodes_ ? builder_.add_verbatim(std::move(node))
                                     : builder_.add_node(op, node.operands, node.attrs);
    values_.push_back(added);
    ++added_;
  }

  /// The last value, most of those that nothing reads, and now and then one that something does.
  std::vector<Value> choose_results() {
    std::vector<bool> read(builder_.size(), false);
    for (const Node& node : builder_.graph().nodes())
      for (const Value& v : node.operands) read[v.node] = true;
    std::vector<Value> results;
    for (Value v : values_)
      if (random_.chance(read[v.node] ? 5 : 60)) results.push_back(v);
    results.push_back(values_.back());
    return results;
  }

  // Nodes by kind -------------------------------------------------------------------------------

  void add_something() {
    int total = 0;
    for (const Weight& w : weights) total += w.weight;
    std::int64_t left = random_.below(total);
    for (const Weight& w : weights) {
      left -= w.weight;
      if (left < 0) return add_of_kind(w.kind);
    }
  }

  void add_of_kind(Kind kind) {
    std::vector<Op> ops;
    for (const OpDef& def : all_ops())
      if (def.kind == kind) ops.push_back(def.op);
    const Op op = random_.of(ops);
    switch (kind) {
      case Kind::elementwise:
        return add_elementwise(def(op));
      case Kind::view:
        return add_view(op);
      case Kind::assemble:
        return op == Op::pad ? add_pad() : add_concatenate();
      case Kind::reduce:
        return add_reduce(op);
      case Kind::scan:
        return add_scan();
      case Kind::contract:
        return add_dot();
      case Kind::attention:
        return add_attention(op);
      case Kind::gather:
        return add_gather();
      case Kind::scatter:
        return add_scatter();
      case Kind::source:
        return add_source(op);
      case Kind::control:
        return add(Op::optimization_barrier, {any()});
    }
  }

  void add_elementwise(const OpDef& def) {
    const Value pivot = any();
    const Type like = type(pivot);
    Attributes attrs;
    for (const AttrDef& attr : def.attrs) {
      if (attr.name == "dtype") attrs.set("dtype", random_.of(dtypes));
      if (attr.name == "order") attrs.set("order", std::int64_t{1} + random_.below(4));
      if (attr.name == "direction")
        attrs.set("direction",
                  std::string(random_.of(std::array{"eq", "ne", "lt", "le", "gt", "ge"})));
    }
    // The bits of a NaN are not defined, so they must not become an integer.
    if (def.op == Op::bitcast && is_float(like.dtype)) return;
    std::vector<Value> operands;
    for (int k = 0; k < def.min_operands; ++k) {
      const bool condition = def.op == Op::select && k == 0;
      const Type wanted{condition ? DType::boolean : like.dtype, like.shape};
      Value x = k == def.min_operands - 1 ? pivot : of_type(wanted);
      operands.push_back(in_domain(def, static_cast<std::size_t>(k), x));
    }
    add(def.op, std::move(operands), std::move(attrs));
  }

  /// Mostly moves a float operand into the operation's domain, lest everything become NaN.
  Value in_domain(const OpDef& def, std::size_t k, Value x) {
    if (def.domains.empty() || !is_float(type(x).dtype) || random_.chance(25)) return x;
    const Domain& domain = def.domains[std::min(k, def.domains.size() - 1)];
    if (domain.low > -0.01) return builder_.unary(Op::abs, x);
    if (domain.high < 1) return builder_.unary(Op::tanh, x);
    return x;
  }

  void add_view(Op op) {
    const Value x = any();
    const Shape& shape = type(x).shape;
    const auto rank = static_cast<std::int64_t>(shape.size());
    switch (op) {
      case Op::broadcast_in_dim:
        return add_broadcast(x);
      case Op::reshape:
        return add_reshape(x);
      case Op::transpose: {
        Ints permutation(shape.size());
        std::iota(permutation.begin(), permutation.end(), 0);
        for (std::int64_t k = rank - 1; k > 0; --k)
          std::swap(permutation[static_cast<std::size_t>(k)],
                    permutation[static_cast<std::size_t>(random_.below(k + 1))]);
        return add(op, {x}, {{"permutation", permutation}});
      }
      case Op::slice: {
        Ints start, limit, stride;
        for (const Dim& size : shape) {
          start.push_back(random_.chance(50) ? 0 : random_.between(0, size));
          limit.push_back(random_.chance(50) ? std::int64_t{size}
                                             : random_.between(start.back(), size));
          stride.push_back(random_.chance(70) ? 1 : random_.between(1, 3));
        }
        return add(op, {x}, {{"start", start}, {"limit", limit}, {"stride", stride}});
      }
      default:
        return add(op, {x}, {{"axes", some_axes(rank)}});
    }
  }

  Ints some_axes(std::int64_t rank) {
    Ints axes;
    for (std::int64_t k = 0; k < rank; ++k)
      if (random_.chance(50)) axes.push_back(k);
    return axes;
  }

  void add_broadcast(Value x) {
    Ints shape, dims;
    for (const Dim& size : type(x).shape) {
      if (random_.chance(30)) shape.push_back(random_.of(sizes_));
      dims.push_back(static_cast<std::int64_t>(shape.size()));
      shape.push_back(size == 1 && random_.chance(70) ? random_.of(sizes_) : std::int64_t{size});
    }
    if (random_.chance(40)) shape.push_back(random_.of(sizes_));
    add(Op::broadcast_in_dim, {x}, {{"shape", shape}, {"dims", dims}});
  }

  void add_reshape(Value x) {
    Ints shape = to_ints(type(x).shape);
    if (random_.chance(50) && shape.size() >= 2) {  // merge two neighbours
      const auto at = random_.between(1, std::ssize(shape) - 1);
      shape[static_cast<std::size_t>(at - 1)] *= shape[static_cast<std::size_t>(at)];
      shape.erase(shape.begin() + at);
    } else if (random_.chance(50) && !shape.empty()) {  // split one
      const auto at = random_.below(std::ssize(shape));
      const std::int64_t size = shape[static_cast<std::size_t>(at)];
      for (const std::int64_t factor : {2, 3, 5})
        if (size > factor && size % factor == 0) {
          shape[static_cast<std::size_t>(at)] = size / factor;
          shape.insert(shape.begin() + at, factor);
          break;
        }
    } else {
      shape.insert(shape.begin() + random_.between(0, std::ssize(shape)), 1);
    }
    if (random_.chance(20)) std::reverse(shape.begin(), shape.end());
    add(Op::reshape, {x}, {{"shape", shape}});
  }

  void add_pad() {
    const Value x = any();
    const Value value = of_type({type(x).dtype, {}});
    Ints low, high, interior;
    for (std::size_t k = 0; k < type(x).shape.size(); ++k) {
      low.push_back(random_.chance(40) ? 0 : random_.between(-2, 3));
      high.push_back(random_.chance(40) ? 0 : random_.between(-2, 3));
      interior.push_back(random_.chance(70) ? 0 : random_.between(0, 2));
    }
    add(Op::pad, {x, value}, {{"low", low}, {"high", high}, {"interior", interior}});
  }

  void add_concatenate() {
    const Value x = any();
    if (type(x).rank() == 0) return;
    const std::int64_t axis = random_.below(type(x).rank());
    std::vector<Value> parts{x};
    const std::int64_t more = random_.between(0, 2);
    for (std::int64_t k = 0; k < more; ++k) {
      Type part = type(x);
      if (random_.chance(50)) part.shape[static_cast<std::size_t>(axis)] = random_.between(0, 3);
      parts.push_back(of_type(part));
    }
    add(Op::concatenate, std::move(parts), {{"axis", axis}});
  }

  void add_reduce(Op op) {
    const Value x = any();
    const std::int64_t rank = type(x).rank();
    if (op == Op::reduce) {
      const std::string kind = random_.of(std::array{"add", "mul", "max", "min", "and", "or"});
      return add(op, {x}, {{"kind", kind}, {"axes", some_axes(rank)}});
    }
    if (rank > 0) add(op, {x}, {{"axis", random_.below(rank)}});
  }

  void add_scan() {
    const Value x = any();
    if (type(x).rank() == 0) return;
    const std::string kind = random_.of(std::array{"add", "mul", "max", "min"});
    add(Op::cumulative, {x},
        {{"kind", kind}, {"axis", random_.below(type(x).rank())}, {"reverse", random_.chance(50)}});
  }

  /// A value's attention to itself, or a derivative of it.
  void add_attention(Op op) {
    const auto x =
        any_where([&](Value v) { return is_float(type(v).dtype) && type(v).rank() >= 2; });
    if (!x || type(*x).elements() * type(*x).shape.end()[-2] > most_products) return;
    Attributes attrs{{"scale", 0.25 * static_cast<double>(random_.below(5))},
                     {"causal", random_.below(2) == 0}};
    if (op == Op::attention) return add(op, {*x, *x, *x}, std::move(attrs));
    attrs.set("wrt", std::string(random_.of(std::array{"query", "key", "value"})));
    add(op, {*x, *x, *x, *x}, std::move(attrs));
  }

  void add_dot() {
    const Value a = any();
    const auto b = any_where([&](Value v) { return type(v).dtype == type(a).dtype; });
    if (!b) return;
    IntLists contract{{}, {}}, batch{{}, {}};
    std::vector<bool> taken(type(*b).shape.size(), false);
    std::int64_t summed = 1;
    for (std::int64_t i = 0; i < type(a).rank(); ++i) {
      const Dim size = type(a).shape[static_cast<std::size_t>(i)];
      const std::int64_t first = random_.below(std::max(1, type(*b).rank()));
      for (std::int64_t step = 0; step < type(*b).rank(); ++step) {
        const std::int64_t j = (first + step) % type(*b).rank();
        if (taken[static_cast<std::size_t>(j)] ||
            type(*b).shape[static_cast<std::size_t>(j)] != size)
          continue;
        const std::int64_t choice = random_.below(4);
        if (choice == 0) break;
        IntLists& lists = choice == 1 ? batch : contract;
        if (choice != 1) summed *= size;
        lists[0].push_back(i);
        lists[1].push_back(j);
        taken[static_cast<std::size_t>(j)] = true;
        break;
      }
    }
    if (type(a).elements() * type(*b).elements() / std::max<std::int64_t>(1, summed) >
        most_products)
      return;
    add(Op::dot_general, {a, *b}, {{"contract", contract}, {"batch", batch}});
  }

  /// Integers of a moderate number, to index with.
  Value indices() {
    const auto found = any_where([&](Value v) {
      const Type& t = type(v);
      return (t.dtype == DType::i32 || t.dtype == DType::i64) && t.rank() <= 2 &&
             t.elements() <= 64;
    });
    if (found && random_.chance(70)) return *found;
    const Type t{random_.chance(50) ? DType::i32 : DType::i64, {random_.of(sizes_)}};
    return random_.chance(30) ? builder_.iota(t, 0) : builder_.constant(random_literal(t));
  }

  void add_gather() {
    const Value x = any();
    if (type(x).rank() > 0)
      add(Op::gather, {x, indices()}, {{"axis", random_.below(type(x).rank())}});
  }

  void add_scatter() {
    const Value x = any();
    if (type(x).rank() == 0) return;
    const std::int64_t axis = random_.below(type(x).rank());
    const Value at = indices();
    Type updates = type(x);
    updates.shape.erase(updates.shape.begin() + axis);
    updates.shape.insert(updates.shape.begin() + axis, type(at).shape.begin(),
                         type(at).shape.end());
    if (updates.elements() > most_elements) return;
    const std::string kind = random_.chance(60) ? "add" : "set";
    add(Op::scatter, {x, at, of_type(updates)}, {{"axis", axis}, {"kind", kind}});
  }

  void add_source(Op op) {
    const Type t = random_type();
    if (op == Op::constant) values_.push_back(builder_.constant(random_literal(t)));
    if (op == Op::iota && t.rank() > 0)
      add(op, {},
          {{"axis", random_.below(t.rank())}, {"dtype", t.dtype}, {"shape", to_ints(t.shape)}});
    if (op == Op::random_bits)
      add(op, {key_}, {{"dtype", DType::u32}, {"shape", to_ints(t.shape)}});
  }

  Random random_;
  Builder builder_;
  Ints sizes_;
  std::vector<Value> values_;
  Value key_;
  bool keeps_nodes_ = false;  // as they stand, without the builder's folding
  std::int64_t added_ = 0;
};

}  // namespace

GraphCase random_case(std::uint64_t seed) { return Generator(seed).run(); }

}  // namespace weft::test
