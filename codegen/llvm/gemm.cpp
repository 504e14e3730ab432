// Products: blocks for the caches, panels, register tiles, and then the sections that follow the
// product, on each panel of C while it is in the first cache.
//
//   for each product of the batch, columns in blocks, rows in large blocks, k in deep blocks
//   (units are blocks of rows; where these are only one, of columns):
//     pack B, unless it can be read where it lies
//     for rows in blocks:
//       pack A, likewise
//       for panels of columns:
//         for tiles of rows: C = C + A * B
//         after the last k: the epilogue
//
// A factor that is one plain array needs no packing. Single elements of A are read, so its strides
// are of no matter. Vectors of B are read, so its columns must be contiguous; and a large B is
// packed for many rows all the same, because rows far apart share few sets of the caches. Measured
// on Zen 4, both factors where they lie: 98% of peak at 128 to 512; at 1024 91%, with B packed 96%.
//
// Where the caller gives panels of B that were packed ahead (codegen/panels.h), these are read.
//
// If all that follows a product is a store, tiles of C are added up in the result itself, and there
// is no epilogue. Otherwise C lives in scratch, padded to whole tiles: one panel of it, or all if
// there are several blocks of k. Adding to it begins from -0, because -0 + x is x for every x, so
// the first block of k needs no code of its own.
#include "codegen/contract_blocks.h"
#include "codegen/llvm/gemm_pack.h"
#include "codegen/llvm/gemm_tile.h"
#include "codegen/llvm/nest.h"

namespace weft::codegen::cpu {
namespace {

// The array that a factor is, if the factor is nothing else.
const Access* plain_array(const Kernel& kernel, std::span<const Inst> body) {
  if (body.size() != 1) return nullptr;
  const Inst& load = body.front();
  bool is_plain = load.kind == Inst::Kind::load && load.args[0] < 0 && load.coefs.empty();
  return is_plain ? &kernel.accesses[static_cast<std::size_t>(load.access)] : nullptr;
}

// The array that a value is stored to, if its body does nothing else.
const Access* stored_array(const Kernel& kernel, std::span<const Inst> body, Reg value) {
  if (body.size() != 1) return nullptr;
  const Inst& store = body.front();
  bool is_plain = store.kind == Inst::Kind::store && store.args[0] == value && store.args[1] < 0 &&
                  store.coefs.empty();
  return is_plain ? &kernel.accesses[static_cast<std::size_t>(store.access)] : nullptr;
}

class ContractEmitter {
 public:
  explicit ContractEmitter(Emitter& e)
      : e_(e),
        section_(e.kernel.sections.front()),
        tile_(choose_tile(e.target, section_.dtype)),
        m_axis_(e.kernel.parallel_axes - 2),
        n_axis_(e.kernel.parallel_axes - 1),
        index_(static_cast<std::size_t>(e.kernel.axes())),
        left_(plain_array(e.kernel, section_.body)),
        right_(plain_array(e.kernel, section_.rhs)) {
    if (right_ && !has_contiguous_columns(*right_)) right_ = nullptr;
    for (std::size_t k = 1; k < e.kernel.sections.size(); ++k) {
      const auto& body = e.kernel.sections[k].body;
      epilogue_.insert(epilogue_.end(), body.begin(), body.end());
    }
    // The edges of C need masks, and rows beyond the last that repeat it, as only a plain A has.
    if (left_ && e.target.masks && !e.kernel.streaming)
      result_ = stored_array(e.kernel, epilogue_, section_.result);
    if (result_ && !has_contiguous_columns(*result_)) result_ = nullptr;
  }

  void run() {
    divide_scratch();
    fill_nothing();
    Value* units = product_units();
    if (m_axis_ == 0) return run_product(e_.i64(0), units);
    Value* last = e_.b.CreateAdd(e_.end(), e_.b.CreateSub(units, e_.i64(1)));
    e_.loop({.name = "batch",
             .first = e_.b.CreateUDiv(e_.begin(), units),
             .limit = e_.b.CreateUDiv(last, units)},
            [&](Value* product) { run_product(product, units); });
  }

 private:
  struct Block {
    Value* first;
    Value* size;
  };

  bool has_contiguous_columns(const Access& array) const {
    return array.strides[static_cast<std::size_t>(n_axis_)].is_one();
  }

  // Parts of the scratch, in the order that codegen/contract_blocks.h gives.
  void divide_scratch() {
    rows_ = e_.scratch();
    panels_a_ = ahead(rows_, e_.i64(row_buffer_elements));
    Value* depth = smin(e_.size(n_axis_ + 1), e_.i64(block_depth));
    Value* size_a =
        e_.b.CreateMul(round_up_to(depth, panel_alignment), e_.i64(block_rows + max_tile_rows));
    panels_b_ = ahead(panels_a_, add(size_a, e_.i64(max_overrun * max_tile_rows)));
    Value* columns = smin(e_.size(n_axis_), e_.i64(block_columns));
    Value* size_b = e_.b.CreateMul(round_up_to(columns, max_tile_columns), depth);
    c_ = ahead(panels_b_, add(size_b, e_.i64(max_overrun * max_tile_columns)));
    one_block_ = e_.b.CreateICmpSLE(e_.size(n_axis_ + 1), e_.i64(block_depth));
    if (section_.panels < 0) return;
    Value* given = e_.param(section_.panels);
    is_given_ = e_.b.CreateICmpNE(given, e_.i64(0));
    given_ = e_.b.CreateIntToPtr(given, e_.b.getPtrTy());
  }

  // A row of zeros that change nothing when something is added to them.
  void fill_nothing() {
    llvm::Type* vector = e_.vector(section_.dtype);
    nothing_ = e_.stack(llvm::ArrayType::get(vector, static_cast<unsigned>(tile_.vectors)), "zero");
    llvm::Value* zero = is_float(section_.dtype) ? llvm::ConstantFP::getNegativeZero(vector)
                                                 : llvm::Constant::getNullValue(vector);
    for (int v = 0; v < tile_.vectors; ++v)
      e_.b.CreateStore(zero, ahead(nothing_, e_.i64(v * e_.width())));
  }

  // Units of one product, as unit_count says.
  Value* product_units() {
    has_few_rows_ = e_.b.CreateICmpSLE(e_.size(m_axis_), e_.i64(contract_rows));
    Value* units = e_.b.CreateSelect(has_few_rows_, blocks_of(e_.size(n_axis_), unit_columns),
                                     blocks_of(e_.size(m_axis_), contract_rows));
    return smax(units, e_.i64(1));
  }
  Value* blocks_of(Value* size, std::int64_t block) {
    return e_.b.CreateUDiv(add(size, e_.i64(block - 1)), e_.i64(block));
  }

  void run_product(Value* product, Value* units) {
    Value* first_unit = e_.b.CreateMul(product, units);
    Value* begin = smax(e_.b.CreateSub(e_.begin(), first_unit), e_.i64(0));
    Value* end = smin(e_.b.CreateSub(e_.end(), first_unit), units);
    // Of rows and of columns, one is divided into units, and the other is whole.
    const auto bound = [&](Value* unit, bool rows, Value* whole) {
      Value* size = e_.size(rows ? m_axis_ : n_axis_);
      Value* here = smin(e_.b.CreateMul(unit, e_.i64(rows ? contract_rows : unit_columns)), size);
      return rows ? e_.b.CreateSelect(has_few_rows_, whole, here)
                  : e_.b.CreateSelect(has_few_rows_, here, whole);
    };
    Value* rows_begin = bound(begin, true, e_.i64(0));
    Value* rows_end = bound(end, true, e_.size(m_axis_));
    Value* columns_begin = bound(begin, false, e_.i64(0));
    Value* columns_end = bound(end, false, e_.size(n_axis_));
    set_batch_index(product);
    Value* first_block = round_down_to(columns_begin, block_columns);
    for_blocks("columns", first_block, columns_end, block_columns, [&](const Block& columns) {
      Value* first = smax(columns.first, columns_begin);
      skipped_columns_ = e_.b.CreateSub(first, columns.first);
      columns_ = {first, e_.b.CreateSub(columns.size, skipped_columns_)};
      Value* whole = smin(e_.b.CreateSub(e_.size(n_axis_), columns.first), e_.i64(block_columns));
      padded_block_ = round_up_to(whole, e_.width());
      padded_columns_ = round_up_to(columns_.size, e_.width());
      full_columns_ = round_down_to(columns_.size, panel_columns());
      stride_c_ = result_ ? e_.coef(result_->strides[static_cast<std::size_t>(m_axis_)])
                          : e_.b.CreateSelect(one_block_, e_.i64(panel_columns()), padded_columns_);
      if (right_) right_in_place_ = may_stay(e_.b.CreateSub(rows_end, rows_begin));
      if (right_ && is_given_)
        right_in_place_ = e_.b.CreateAnd(right_in_place_, e_.b.CreateNot(is_given_));
      for_blocks("rows", rows_begin, rows_end, super_rows,
                 [&](const Block& rows) { run_rows(rows); });
    });
  }

  // Whether B is read where it lies, by a thread that makes so many rows of C.
  Value* may_stay(Value* rows) {
    Value* elements = e_.b.CreateMul(e_.size(n_axis_), e_.size(n_axis_ + 1));
    auto limit = static_cast<std::int64_t>(in_place_bytes / size_of(section_.dtype));
    Value* pays = e_.b.CreateOr(e_.b.CreateICmpSLE(elements, e_.i64(limit)),
                                e_.b.CreateICmpSLE(rows, e_.i64(in_place_rows)));
    if (e_.target.masks) return pays;
    Value* rest = e_.b.CreateURem(e_.size(n_axis_), e_.i64(e_.width()));
    return e_.b.CreateAnd(pays, e_.b.CreateICmpEQ(rest, e_.i64(0)));
  }

  void set_batch_index(Value* product) {
    for (int axis = m_axis_ - 1; axis >= 0; --axis) {
      auto a = static_cast<std::size_t>(axis);
      index_[a] = axis == 0 ? product : e_.b.CreateURem(product, e_.size(axis));
      if (axis > 0) product = e_.b.CreateUDiv(product, e_.size(axis));
    }
  }

  void run_rows(const Block& rows) {
    Packer pack_a(e_, {section_.body, section_.lhs_value, section_.dtype, m_axis_},
                  {tile_.rows, tile_.rows}, rows_);
    Packer pack_b(e_, {section_.rhs, section_.rhs_value, section_.dtype, n_axis_},
                  {panel_columns(), e_.width(), full_columns_}, rows_);
    // An empty sum is one block of depth 0.
    Value* size_k = e_.size(n_axis_ + 1);
    Value* end_k = e_.b.CreateBinaryIntrinsic(llvm::Intrinsic::smax, size_k, e_.i64(1));
    for_blocks("depth", e_.i64(0), end_k, block_depth, [&](Block depth) {
      Value* left = e_.b.CreateSub(size_k, depth.first);
      depth.size = smin(depth.size, left);
      is_first_ = e_.b.CreateICmpEQ(depth.first, e_.i64(0));
      is_last_ = e_.b.CreateICmpSLE(left, e_.i64(block_depth));
      depth_ = depth;
      auto pack_columns = [&] {
        pack_b.pack(index_, {columns_.first, columns_.size, depth.first, depth.size}, panels_b_);
      };
      if (Value* ready = is_ready()) {
        e_.if_then(e_.b.CreateNot(ready), "pack.b", pack_columns);
      } else {
        pack_columns();
      }
      for_blocks("block", e_.i64(0), rows.size, block_rows, [&](const Block& block) {
        Block here{add(rows.first, block.first), block.size};
        if (!left_)
          pack_a.pack(index_, {here.first, here.size, depth.first, depth.size}, panels_a_);
        run_panels(here, block.first);
      });
    });
  }

  // Whether B needs no packing; null: it always does.
  Value* is_ready() {
    if (!right_) return is_given_;
    return is_given_ ? e_.b.CreateOr(right_in_place_, is_given_) : right_in_place_;
  }

  // The panels of B for these columns and steps of k.
  Value* panels_of_b() {
    if (!is_given_) return panels_b_;
    Value* block = e_.b.CreateSub(columns_.first, skipped_columns_);
    Value* before = add(e_.b.CreateMul(block, e_.size(n_axis_ + 1)),
                        e_.b.CreateMul(depth_.first, padded_block_));
    Value* offset = add(before, e_.b.CreateMul(skipped_columns_, depth_.size));
    return e_.b.CreateSelect(is_given_, ahead(given_, offset), panels_b_);
  }

  // Where the panel of C begins whose first column of this block is `column`; row: of the scratch.
  Value* panel_of_c(const Block& rows, Value* row, Value* column) {
    if (!result_) {
      Value* offset = add(e_.b.CreateMul(row, stride_c_), column);
      return ahead(c_, e_.b.CreateSelect(one_block_, e_.i64(0), offset));
    }
    index_[static_cast<std::size_t>(m_axis_)] = rows.first;
    index_[static_cast<std::size_t>(n_axis_)] = add(columns_.first, column);
    return array_address(epilogue_.front().access);
  }

  // All panels of columns for one packed block of A, which begins at this row of C in scratch.
  void run_panels(const Block& rows, Value* row) {
    Value* full = e_.b.CreateUDiv(full_columns_, e_.i64(panel_columns()));
    Value* tail_columns = e_.b.CreateSub(padded_columns_, full_columns_);
    Value* tail = e_.b.CreateUDiv(tail_columns, e_.i64(e_.width()));
    auto* zero = e_.i64(0);
    e_.loop({.name = "panel", .first = zero, .limit = add(full, tail)}, [&](Value* panel) {
      Value* is_full = e_.b.CreateICmpSLT(panel, full);
      Value* in_full = e_.b.CreateMul(panel, e_.i64(panel_columns()));
      Value* in_tail = e_.b.CreateMul(e_.b.CreateSub(panel, full), e_.i64(e_.width()));
      Block columns;
      columns.first = e_.b.CreateSelect(is_full, in_full, add(full_columns_, in_tail));
      Value* width = e_.b.CreateSelect(is_full, e_.i64(panel_columns()), e_.i64(e_.width()));
      columns.size = smin(width, e_.b.CreateSub(columns_.size, columns.first));
      Value* to = panel_of_c(rows, row, columns.first);
      RightFactor right = right_factor(columns.first, width);
      e_.if_then(is_full, "full", [&] { run_tiles(tile_, rows, columns, right, to); });
      e_.if_then(e_.b.CreateNot(is_full), "narrow", [&] {
        run_tiles({tile_.rows, 1}, rows, columns, right, to);
      });
      if (!result_) e_.if_then(is_last_, "epilogue", [&] { finish(rows, columns, to); });
    });
  }

  // Columns of B from `column` of this block on; width: of their panel.
  RightFactor right_factor(Value* column, Value* width) {
    RightFactor packed{ahead(panels_of_b(), e_.b.CreateMul(column, depth_.size)), width};
    if (!right_) return packed;
    auto n = static_cast<std::size_t>(n_axis_);
    index_[n] = add(columns_.first, column);
    index_.back() = depth_.first;
    Value* here = array_address(section_.rhs.front().access);
    return {e_.b.CreateSelect(right_in_place_, here, packed.at),
            e_.b.CreateSelect(right_in_place_, e_.coef(right_->strides.back()), width)};
  }

  // Rows of A from `row` of this block on; rows beyond the last repeat it where nothing is packed.
  LeftFactor left_factor(const Block& rows, Value* row) {
    LeftFactor left{ahead(panels_a_, e_.b.CreateMul(row, depth_.size)), {}, e_.i64(tile_.rows)};
    Value* offset = e_.i64(0);
    if (left_) {
      auto m = static_cast<std::size_t>(m_axis_);
      index_[m] = add(rows.first, row);
      index_.back() = depth_.first;
      left.at = array_address(section_.body.front().access);
      left.step = e_.coef(left_->strides.back());
      Value* stride = e_.coef(left_->strides[m]);
      Value* last = e_.b.CreateSub(rows.size, row);
      for (int r = 0; r < tile_.rows; ++r) {
        left.row_offsets.push_back(offset);
        Value* is_inside = e_.b.CreateICmpSGT(last, e_.i64(r + 1));
        offset = add(offset, e_.b.CreateSelect(is_inside, stride, e_.i64(0)));
      }
    } else {
      for (int r = 0; r < tile_.rows; ++r) left.row_offsets.push_back(e_.i64(r));
    }
    return left;
  }

  // Of the element at index_.
  Value* array_address(int access) {
    const Access& array = e_.kernel.accesses[static_cast<std::size_t>(access)];
    Value* offset = e_.i64(0);
    for (std::size_t axis = 0; axis < array.strides.size(); ++axis)
      if (!array.strides[axis].is_zero())
        offset = e_.add_scaled(offset, array.strides[axis], index_[axis]);
    return e_.b.CreateGEP(e_.element(section_.dtype), e_.pointer(access), offset);
  }

  void run_tiles(const Tile& tile, const Block& rows, const Block& columns, RightFactor right,
                 Value* c) {
    // Only narrow panels can be partial: a masked load in the wide tile cost 3% of peak.
    Value* mask = e_.target.masks && tile.vectors == 1 ? e_.active(columns.size).mask : nullptr;
    if (right_) right.mask = mask;
    Value* from_stride = e_.b.CreateSelect(is_first_, e_.i64(0), stride_c_);
    e_.loop({.name = "tile", .first = e_.i64(0), .limit = rows.size, .step = tile.rows},
            [&](Value* row) {
              Value* to = ahead(c, e_.b.CreateMul(row, stride_c_));
              Value* from = e_.b.CreateSelect(is_first_, nothing_, to);
              TileBounds bounds;
              if (result_) {
                Value* last_row = e_.b.CreateSub(e_.b.CreateSub(rows.size, row), e_.i64(1));
                bounds = {last_row, mask};
              }
              emit_tile(e_, section_.dtype, tile, left_factor(rows, row), right, depth_.size,
                        {from, from_stride}, {to, stride_c_}, bounds);
            });
  }

  // The sections after the product, on a finished panel of C: one vector of columns after another,
  // down the rows, so that all that does not depend on the row is done once.
  void finish(const Block& rows, const Block& columns, Value* c) {
    auto m = static_cast<std::size_t>(m_axis_), n = static_cast<std::size_t>(n_axis_);
    BodyPlace place;
    place.lane_axis = n_axis_;
    place.moving.assign(index_.size(), false);
    place.moving[m] = true;
    BodyPlan plan(e_.kernel, epilogue_, place, {{section_.result, {section_.dtype, true, true}}});
    index_.back() = e_.i64(0);
    e_.loop({.name = "finish", .first = e_.i64(0), .limit = columns.size, .step = e_.width()},
            [&](Value* column) {
              index_[n] = add(columns_.first, add(columns.first, column));
              Value* top = ahead(c, column);
              const Active active = e_.active(e_.b.CreateSub(columns.size, column));
              Outers outers;
              Body body(e_, plan, outers);
              e_.loop({.name = "finish.rows",
                       .first = e_.i64(0),
                       .limit = rows.size,
                       .prepare = [&] { body.hoist(index_, 1, active); }},
                      [&](Value* row) {
                        index_[m] = add(rows.first, row);
                        Value* at = ahead(top, e_.b.CreateMul(row, stride_c_));
                        outers[section_.result].values = {e_.b.CreateAlignedLoad(
                            e_.vector(section_.dtype), at, llvm::Align(size_of(section_.dtype)))};
                        body.step(index_);
                        body.run(0, active);
                      });
            });
  }

  int panel_columns() const { return tile_.vectors * e_.width(); }

  void for_blocks(const char* name, Value* begin, Value* end, std::int64_t step,
                  const std::function<void(const Block&)>& body) {
    e_.loop({.name = name, .first = begin, .limit = end, .step = step}, [&](Value* first) {
      body({first, smin(e_.b.CreateSub(end, first), e_.i64(step))});
    });
  }

  Value* add(Value* a, Value* b) { return e_.b.CreateAdd(a, b); }
  Value* smin(Value* a, Value* b) {
    return e_.b.CreateBinaryIntrinsic(llvm::Intrinsic::smin, a, b);
  }
  Value* smax(Value* a, Value* b) {
    return e_.b.CreateBinaryIntrinsic(llvm::Intrinsic::smax, a, b);
  }
  Value* round_down_to(Value* n, std::int64_t multiple) {
    return e_.b.CreateMul(e_.b.CreateUDiv(n, e_.i64(multiple)), e_.i64(multiple));
  }
  Value* round_up_to(Value* n, std::int64_t multiple) {
    return round_down_to(add(n, e_.i64(multiple - 1)), multiple);
  }
  Value* ahead(Value* at, Value* elements) {
    return e_.b.CreateInBoundsGEP(e_.element(section_.dtype), at, elements);
  }

  Emitter& e_;
  const Section& section_;
  Tile tile_;
  int m_axis_, n_axis_;
  std::vector<Inst> epilogue_;
  std::vector<Value*> index_;
  const Access *left_, *right_;     // factors that can be read where they lie, or null
  const Access* result_ = nullptr;  // where C is added up, if that is the result
  Value* right_in_place_ = nullptr;
  Block depth_{};
  Value *rows_ = nullptr, *panels_a_ = nullptr, *panels_b_ = nullptr, *c_ = nullptr;
  Value* nothing_ = nullptr;
  Value *is_given_ = nullptr, *given_ = nullptr;  // panels of B that the caller packed ahead
  Value* has_few_rows_ = nullptr;                 // units are columns
  Block columns_{};                               // of this thread, in one block
  Value *skipped_columns_ = nullptr, *padded_block_ = nullptr;  // before them; of the whole block
  Value *full_columns_ = nullptr, *padded_columns_ = nullptr, *stride_c_ = nullptr;
  Value *one_block_ = nullptr, *is_first_ = nullptr, *is_last_ = nullptr;
};

}  // namespace

void emit_contract(Emitter& e) { ContractEmitter(e).run(); }

}  // namespace weft::codegen::cpu
