#include "codegen/llvm/memory.h"

#include <algorithm>

#include "llvm/IR/Intrinsics.h"

namespace weft::codegen::cpu {
namespace {

llvm::Align align_of(DType dtype) { return llvm::Align(size_of(dtype)); }

llvm::Type* stored_vector(Emitter& e, DType dtype) { return e.vector(e.stored(dtype)); }

// Where `active` turns lanes off and masks are slow: is the whole vector on?
Value* all_on(Emitter& e, const Active& active) {
  return e.b.CreateICmpSGE(active.count, e.i64(e.width()));
}

// Copies the elements of the active lanes.
void copy_active(Emitter& e, DType dtype, Value* to, Value* from, const Active& active) {
  Value* count = e.b.CreateBinaryIntrinsic(llvm::Intrinsic::smax, active.count, e.i64(0));
  Value* bytes = e.b.CreateMul(count, e.i64(static_cast<std::int64_t>(size_of(dtype))));
  e.b.CreateMemCpy(to, align_of(dtype), from, align_of(dtype), bytes);
}

// Masked moves of AVX2 are slow where they store, so whole vectors take another way.
bool has_masked_move(Emitter& e, DType dtype) { return e.target.gathers && size_of(dtype) >= 4; }
bool has_gather(Emitter& e, DType dtype) { return e.target.gathers && size_of(dtype) >= 4; }
bool has_scatter(Emitter& e, DType dtype) { return e.target.masks && size_of(dtype) >= 4; }

Value* all_lanes(Emitter& e) { return e.splat(e.b.getTrue()); }

Value* at_offset(Emitter& e, DType dtype, Value* at, Value* offset) {
  return e.b.CreateGEP(e.stored(dtype), at, offset);
}

}  // namespace

Value* to_stored(Emitter& e, DType dtype, Value* value) {
  if (!is_bool(dtype)) return value;
  llvm::Type* byte = e.b.getInt8Ty();
  return e.b.CreateZExt(value, value->getType()->isVectorTy() ? e.vector(byte) : byte);
}

Value* from_stored(Emitter& e, DType dtype, Value* value) {
  if (!is_bool(dtype)) return value;
  return e.b.CreateICmpNE(value, llvm::Constant::getNullValue(value->getType()));
}

// A masked element costs no branch: where the mask is off, a zero of our own is read.
Value* load_one(Emitter& e, DType dtype, Value* at, Value* mask) {
  llvm::Type* type = e.stored(dtype);
  if (mask) {
    Value* zero = e.stack(type, "zero");
    e.b.CreateAlignedStore(llvm::Constant::getNullValue(type), zero, align_of(dtype));
    at = e.b.CreateSelect(mask, at, zero);
  }
  return from_stored(e, dtype, e.b.CreateAlignedLoad(type, at, align_of(dtype)));
}

void store_one(Emitter& e, DType dtype, Value* value, Value* at, Value* mask) {
  if (mask) at = e.b.CreateSelect(mask, at, e.stack(e.stored(dtype), "nowhere"));
  e.b.CreateAlignedStore(to_stored(e, dtype, value), at, align_of(dtype));
}

void prefetch(Emitter& e, Value* at, std::int64_t bytes, Cache cache) {
  constexpr std::int64_t line = 64;
  for (std::int64_t byte = 0; byte < bytes; byte += line) {
    Value* address = e.b.CreateGEP(e.b.getInt8Ty(), at, e.i64(byte));
    Value* read = e.b.getInt32(0);
    Value* data = e.b.getInt32(1);
    e.b.CreateIntrinsic(llvm::Intrinsic::prefetch, {address->getType()},
                        {address, read, e.b.getInt32(static_cast<unsigned>(cache)), data});
  }
}

Value* load_row(Emitter& e, DType dtype, Value* at, Value* mask, const Active& active) {
  llvm::Type* type = stored_vector(e, dtype);
  auto plain = [&](Value* from) -> Value* {
    return e.b.CreateAlignedLoad(type, from, align_of(dtype));
  };
  auto masked = [&](Value* on) -> Value* {
    return e.b.CreateMaskedLoad(type, at, align_of(dtype), on, llvm::Constant::getNullValue(type));
  };
  auto part = [&]() -> Value* {
    if (has_masked_move(e, dtype)) return masked(active.mask);
    Value* copy = e.stack(type, "part");
    copy_active(e, dtype, copy, at, active);
    return plain(copy);
  };
  Value* loaded = nullptr;
  if (mask) {
    loaded = masked(e.both(mask, active));
  } else if (!active) {
    loaded = plain(at);
  } else if (e.target.masks) {
    loaded = masked(active.mask);
  } else {
    loaded = e.if_else(
        all_on(e, active), "whole", [&] { return Emitter::Values{plain(at)}; },
        [&] { return Emitter::Values{part()}; })[0];
  }
  return from_stored(e, dtype, loaded);
}

void store_row(Emitter& e, DType dtype, Value* value, Value* at, Value* mask,
               const Active& active) {
  Value* out = to_stored(e, dtype, value);
  auto plain = [&](Value* to) { e.b.CreateAlignedStore(out, to, align_of(dtype)); };
  auto masked = [&](Value* on) { e.b.CreateMaskedStore(out, at, align_of(dtype), on); };
  auto part = [&] {
    if (has_masked_move(e, dtype)) return masked(active.mask);
    Value* copy = e.stack(out->getType(), "part");
    plain(copy);
    copy_active(e, dtype, at, copy, active);
  };
  if (mask || (active && e.target.masks)) {
    masked(e.both(mask, active));
  } else if (!active) {
    plain(at);
  } else {
    e.if_then(
        all_on(e, active), "whole", [&] { plain(at); }, part);
  }
}

std::int64_t register_bytes(Emitter& e, DType dtype) {
  return std::min(e.width() * static_cast<std::int64_t>(size_of(dtype)),
                  std::int64_t{e.target.vector_bits} / 8);
}

Value* is_aligned(Emitter& e, DType dtype, Value* bytes) {
  Value* within = e.b.CreateAnd(bytes, e.i64(register_bytes(e, dtype) - 1));
  return e.b.CreateICmpEQ(within, e.i64(0));
}

void store_past_caches(Emitter& e, DType dtype, Value* value, Value* at) {
  llvm::Align align(static_cast<std::uint64_t>(register_bytes(e, dtype)));
  llvm::StoreInst* store = e.b.CreateAlignedStore(to_stored(e, dtype, value), at, align);
  auto* one = llvm::ConstantAsMetadata::get(e.b.getInt32(1));
  store->setMetadata(llvm::LLVMContext::MD_nontemporal, llvm::MDNode::get(e.b.getContext(), one));
}

void store_output_row(Emitter& e, DType dtype, Value* value, Value* at, Value* mask,
                      const Active& active) {
  if (!e.kernel.streaming || mask || active) return store_row(e, dtype, value, at, mask, active);
  e.if_then(
      is_aligned(e, dtype, e.b.CreatePtrToInt(at, e.b.getInt64Ty())), "aligned",
      [&] { store_past_caches(e, dtype, value, at); },
      [&] { store_row(e, dtype, value, at, nullptr, {}); });
}

Value* load_spread(Emitter& e, DType dtype, Value* at, Value* offsets, Value* mask,
                   const Active& active) {
  llvm::Type* type = stored_vector(e, dtype);
  Value* zero = llvm::Constant::getNullValue(type);
  if (has_gather(e, dtype)) {
    Value* on = e.both(mask, active);
    Value* from = at_offset(e, dtype, at, offsets);
    Value* loaded =
        e.b.CreateMaskedGather(type, from, align_of(dtype), on ? on : all_lanes(e), zero);
    return from_stored(e, dtype, loaded);
  }
  Value* result = e.stack(type, "gathered");
  e.b.CreateAlignedStore(zero, result, llvm::Align(64));
  Value* vectors[] = {offsets};
  for_each_lane(e, vectors, mask, active, [&](Value* lane, std::span<Value* const> elements) {
    Value* from = at_offset(e, dtype, at, elements[0]);
    Value* loaded = e.b.CreateAlignedLoad(e.stored(dtype), from, align_of(dtype));
    e.b.CreateAlignedStore(loaded, at_offset(e, dtype, result, lane), align_of(dtype));
  });
  return from_stored(e, dtype, e.b.CreateAlignedLoad(type, result, llvm::Align(64)));
}

void store_spread(Emitter& e, DType dtype, Value* value, Value* at, Value* offsets, Value* mask,
                  const Active& active) {
  if (has_scatter(e, dtype)) {
    Value* on = e.both(mask, active);
    e.b.CreateMaskedScatter(value, at_offset(e, dtype, at, offsets), align_of(dtype),
                            on ? on : all_lanes(e));
    return;
  }
  Value* vectors[] = {offsets, value};
  for_each_lane(e, vectors, mask, active, [&](Value*, std::span<Value* const> elements) {
    store_one(e, dtype, elements[1], at_offset(e, dtype, at, elements[0]), nullptr);
  });
}

void for_each_lane(Emitter& e, std::span<Value* const> vectors, Value* mask, const Active& active,
                   const std::function<void(Value* lane, std::span<Value* const> elements)>& each) {
  struct Spilled {
    llvm::Type* element;
    Value* memory;
  };
  auto spill = [&](Value* vector) {
    DType dtype = vector->getType()->getScalarSizeInBits() == 1 ? DType::boolean : DType::i64;
    Value* out = to_stored(e, dtype, vector);
    Value* memory = e.stack(out->getType(), "lanes");
    e.b.CreateAlignedStore(out, memory, llvm::Align(64));
    return Spilled{vector->getType()->getScalarType(), memory};
  };
  auto reload = [&](const Spilled& spilled, Value* lane) -> Value* {
    bool boolean = spilled.element->isIntegerTy(1);
    llvm::Type* type = boolean ? e.b.getInt8Ty() : spilled.element;
    Value* loaded = e.b.CreateLoad(type, e.b.CreateGEP(type, spilled.memory, lane));
    return boolean ? from_stored(e, DType::boolean, loaded) : loaded;
  };
  std::vector<Spilled> spilled;
  for (Value* vector : vectors) spilled.push_back(spill(vector));
  std::optional<Spilled> on;
  if (mask) on = spill(mask);

  Value* limit = e.i64(e.width());
  if (active) limit = e.b.CreateBinaryIntrinsic(llvm::Intrinsic::smin, active.count, limit);
  e.loop({"lane", e.i64(0), limit}, [&](Value* lane) {
    auto one = [&] {
      std::vector<Value*> elements;
      for (const Spilled& s : spilled) elements.push_back(reload(s, lane));
      each(lane, elements);
    };
    if (on) {
      e.if_then(reload(*on, lane), "lane.on", one);
    } else {
      one();
    }
  });
}

}  // namespace weft::codegen::cpu
