// Products: blocks for the caches, panels, register tiles, and then the sections that follow the
// product, row by row while a block of C is in cache.
//
//   for each product of the batch, columns in blocks, rows in large blocks:
//     for k in blocks of ir::dot_block:          each block's sum starts at 0
//       pack B
//       for rows in blocks: pack A; C = C + A * B tile by tile; after the last k: the epilogue
//
// C lives in scratch, padded to whole tiles. Adding to it begins from -0, because -0 + x is x for
// every x, so the first block needs no code of its own.
#include "codegen/contract_blocks.h"
#include "codegen/kernel_values.h"
#include "codegen/llvm/gemm_pack.h"
#include "codegen/llvm/gemm_tile.h"
#include "codegen/llvm/nest.h"

namespace weft::codegen::cpu {
namespace {

class ContractEmitter {
 public:
  explicit ContractEmitter(Emitter& e)
      : e_(e),
        section_(e.kernel.sections.front()),
        tile_(choose_tile(e.target, section_.dtype)),
        m_axis_(e.kernel.parallel_axes - 2),
        n_axis_(e.kernel.parallel_axes - 1),
        index_(static_cast<std::size_t>(e.kernel.axes())) {
    for (std::size_t k = 1; k < e.kernel.sections.size(); ++k) {
      const auto& body = e.kernel.sections[k].body;
      epilogue_.insert(epilogue_.end(), body.begin(), body.end());
    }
  }

  void run() {
    divide_scratch();
    fill_nothing();
    Value* blocks = row_blocks();
    Value* last = e_.b.CreateAdd(e_.end(), e_.b.CreateSub(blocks, e_.i64(1)));
    e_.loop({.name = "batch",
             .first = e_.b.CreateSDiv(e_.begin(), blocks),
             .limit = e_.b.CreateSDiv(last, blocks)},
            [&](Value* product) { run_product(product, blocks); });
  }

 private:
  struct Block {
    Value* first;
    Value* size;
  };

  // Parts of the scratch, in the order that codegen/contract_blocks.h gives.
  void divide_scratch() {
    rows_ = e_.scratch();
    panels_a_ = ahead(rows_, e_.i64(row_buffer_elements));
    panels_b_ = ahead(panels_a_, e_.i64(packed_a_elements));
    Value* columns = smin(e_.size(n_axis_), e_.i64(block_columns));
    columns = round_up_to(columns, max_tile_columns);
    Value* size_b = e_.b.CreateMul(columns, e_.i64(ir::dot_block));
    partial_c_ = ahead(panels_b_, add(size_b, e_.i64(max_overrun * max_tile_columns)));
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

  // Units of one product.
  Value* row_blocks() {
    Value* rows = add(e_.size(m_axis_), e_.i64(contract_rows - 1));
    Value* blocks = e_.b.CreateSDiv(rows, e_.i64(contract_rows));
    return e_.b.CreateBinaryIntrinsic(llvm::Intrinsic::smax, blocks, e_.i64(1));
  }

  void run_product(Value* product, Value* blocks) {
    Value* first_unit = e_.b.CreateMul(product, blocks);
    Value* begin = e_.b.CreateSub(e_.begin(), first_unit);
    begin = e_.b.CreateBinaryIntrinsic(llvm::Intrinsic::smax, begin, e_.i64(0));
    Value* end = smin(e_.b.CreateSub(e_.end(), first_unit), blocks);
    Value* rows_end = smin(e_.b.CreateMul(end, e_.i64(contract_rows)), e_.size(m_axis_));
    set_batch_index(product);
    for_blocks("columns", e_.i64(0), e_.size(n_axis_), block_columns, [&](const Block& columns) {
      columns_ = columns;
      stride_c_ = round_up_to(columns.size, e_.width());
      Value* padded = add(columns.size, e_.i64(e_.width() - 1));
      full_columns_ = round_down_to(padded, tile_.vectors * e_.width());
      Value* rows_begin = e_.b.CreateMul(begin, e_.i64(contract_rows));
      for_blocks("rows", rows_begin, rows_end, super_rows,
                 [&](const Block& rows) { run_rows(rows); });
    });
  }

  void set_batch_index(Value* product) {
    for (int axis = m_axis_ - 1; axis >= 0; --axis) {
      auto a = static_cast<std::size_t>(axis);
      index_[a] = axis == 0 ? product : e_.b.CreateSRem(product, e_.size(axis));
      if (axis > 0) product = e_.b.CreateSDiv(product, e_.size(axis));
    }
  }

  void run_rows(const Block& rows) {
    Packer pack_a(e_, {section_.body, section_.lhs_value, section_.dtype, m_axis_},
                  {tile_.rows, tile_.rows}, rows_);
    Packer pack_b(e_, {section_.rhs, section_.rhs_value, section_.dtype, n_axis_},
                  {tile_.vectors * e_.width(), e_.width(), full_columns_}, rows_);
    // An empty sum is one block of depth 0.
    Value* size_k = e_.size(n_axis_ + 1);
    Value* end_k = e_.b.CreateBinaryIntrinsic(llvm::Intrinsic::smax, size_k, e_.i64(1));
    Value* one_block = e_.b.CreateICmpSLE(size_k, e_.i64(ir::dot_block));
    for_blocks("depth", e_.i64(0), end_k, ir::dot_block, [&](Block depth) {
      Value* left = e_.b.CreateSub(size_k, depth.first);
      depth.size = smin(depth.size, left);
      pack_b.pack(index_, {columns_.first, columns_.size, depth.first, depth.size}, panels_b_);
      for_blocks("block", e_.i64(0), rows.size, block_rows, [&](const Block& block) {
        Value* first_row = add(rows.first, block.first);
        pack_a.pack(index_, {first_row, block.size, depth.first, depth.size}, panels_a_);
        // With one block of k nothing waits in C, so its first rows serve all.
        Value* row_c = e_.b.CreateSelect(one_block, e_.i64(0), block.first);
        Value* c = ahead(partial_c_, e_.b.CreateMul(row_c, stride_c_));
        multiply(block.size, depth, c);
        Value* is_last = e_.b.CreateICmpSLE(left, e_.i64(ir::dot_block));
        e_.if_then(is_last, "epilogue", [&] { finish({first_row, block.size}, c); });
      });
    });
  }

  // C += A * B for a packed block of A and all packed columns.
  void multiply(Value* rows, const Block& depth, Value* c) {
    Value* first = e_.b.CreateICmpEQ(depth.first, e_.i64(0));
    multiply_panels(tile_, {e_.i64(0), full_columns_}, rows, depth.size, first, c);
    multiply_panels({tile_.rows, 1}, {full_columns_, stride_c_}, rows, depth.size, first, c);
  }

  // first: nothing is in C yet.
  void multiply_panels(const Tile& tile, std::pair<Value*, Value*> columns, Value* rows,
                       Value* depth, Value* first, Value* c) {
    Value* from_stride = e_.b.CreateSelect(first, e_.i64(0), stride_c_);
    e_.loop({.name = "panel",
             .first = columns.first,
             .limit = columns.second,
             .step = tile.vectors * e_.width()},
            [&](Value* column) {
              Value* panel_b = ahead(panels_b_, e_.b.CreateMul(column, depth));
              Value* column_c = ahead(c, column);
              e_.loop({.name = "tile", .first = e_.i64(0), .limit = rows, .step = tile.rows},
                      [&](Value* row) {
                        Value* panel_a = ahead(panels_a_, e_.b.CreateMul(row, depth));
                        Value* to = ahead(column_c, e_.b.CreateMul(row, stride_c_));
                        Value* from = e_.b.CreateSelect(first, nothing_, to);
                        emit_tile(e_, section_.dtype, tile, panel_a, panel_b, depth,
                                  {from, from_stride}, {to, stride_c_});
                      });
            });
  }

  // The sections after the product, on finished rows of C.
  void finish(const Block& rows, Value* c) {
    BodyPlace place;
    place.lane_axis = n_axis_;
    place.moving.assign(index_.size(), false);
    place.moving[static_cast<std::size_t>(n_axis_)] = true;
    Imports imports{{section_.result, {section_.dtype, true, true}}};
    BodyPlan plan(e_.kernel, epilogue_, place, imports);
    e_.loop({.name = "finish", .first = e_.i64(0), .limit = rows.size}, [&](Value* row) {
      Outers outers;
      outers[section_.result].kept = ahead(c, e_.b.CreateMul(row, stride_c_));
      Body body(e_, plan, outers);
      index_[static_cast<std::size_t>(m_axis_)] = add(rows.first, row);
      e_.loop({.name = "finish.columns",
               .first = e_.i64(0),
               .limit = columns_.size,
               .step = e_.width(),
               .prepare = [&] { body.hoist(index_, 1); }},
              [&](Value* column) {
                index_[static_cast<std::size_t>(n_axis_)] = add(columns_.first, column);
                index_.back() = column;  // C is a row kept in scratch, read at this place
                body.step(index_);
                body.run(0, e_.active(e_.b.CreateSub(columns_.size, column)));
              });
    });
  }

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
  Value* round_down_to(Value* n, std::int64_t multiple) {
    return e_.b.CreateMul(e_.b.CreateSDiv(n, e_.i64(multiple)), e_.i64(multiple));
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
  Value *rows_ = nullptr, *panels_a_ = nullptr, *panels_b_ = nullptr, *partial_c_ = nullptr;
  Value* nothing_ = nullptr;
  Block columns_{};
  Value *stride_c_ = nullptr, *full_columns_ = nullptr;
};

}  // namespace

void emit_contract(Emitter& e) { ContractEmitter(e).run(); }

}  // namespace weft::codegen::cpu
