#include "codegen/llvm/records.h"

namespace weft::codegen::cpu {
namespace {

using Values = Emitter::Values;

/// Lane l is element from(l) of the parts, one after the other, two of which a shuffle takes.
Value* gathered(Emitter& e, const Values& parts, const std::function<int(int)>& from) {
  const int width = e.width();
  Value* result = parts[0];
  for (std::size_t next = 1; next < parts.size(); ++next) {
    std::vector<int> lanes;
    for (int lane = 0; lane < width; ++lane) {
      const int element = from(lane), part = element / width;
      const int known = next == 1 ? element : lane;
      lanes.push_back(part == static_cast<int>(next)  ? width + element % width
                      : part < static_cast<int>(next) ? known
                                                      : llvm::PoisonMaskElem);
    }
    result = e.b.CreateShuffleVector(result, parts[next], lanes);
  }
  return result;
}

Value* shuffled(Emitter& e, Value* a, Value* b, int start, int step) {
  std::vector<int> lanes;
  for (int lane = 0; lane < e.width(); ++lane) lanes.push_back(start + lane * step);
  return e.b.CreateShuffleVector(a, b, lanes);
}

/// a0, b0, a1, b1, ...: the first or the second vector of them.
Value* zipped(Emitter& e, Value* a, Value* b, bool second) {
  std::vector<int> lanes;
  for (int lane = 0; lane < e.width(); ++lane)
    lanes.push_back((second ? e.width() / 2 : 0) + lane / 2 + (lane % 2) * e.width());
  return e.b.CreateShuffleVector(a, b, lanes);
}

}  // namespace

Values fields_of(Emitter& e, const Values& rows) {
  const std::size_t count = rows.size();
  if (count == 1) return rows;
  Values fields(count);
  if (count % 2 != 0) {
    for (std::size_t k = 0; k < count; ++k)
      fields[k] = gathered(
          e, rows, [&](int lane) { return lane * static_cast<int>(count) + static_cast<int>(k); });
    return fields;
  }
  Values halves[2];  // of even elements, of odd ones
  for (std::size_t m = 0; m < count; m += 2)
    for (int odd : {0, 1}) halves[odd].push_back(shuffled(e, rows[m], rows[m + 1], odd, 2));
  for (std::size_t odd : {0u, 1u}) {
    const Values own = fields_of(e, halves[odd]);
    for (std::size_t k = 0; k < own.size(); ++k) fields[2 * k + odd] = own[k];
  }
  return fields;
}

Values rows_of(Emitter& e, const Values& fields) {
  const std::size_t count = fields.size();
  if (count == 1) return fields;
  Values rows(count);
  if (count % 2 != 0) {
    const int n = static_cast<int>(count), width = e.width();
    for (int m = 0; m < n; ++m)
      rows[static_cast<std::size_t>(m)] = gathered(e, fields, [&](int lane) {
        const int element = m * width + lane;
        return element % n * width + element / n;
      });
    return rows;
  }
  Values halves[2];
  for (std::size_t k = 0; k < count; ++k) halves[k % 2].push_back(fields[k]);
  const Values even = rows_of(e, halves[0]), odd = rows_of(e, halves[1]);
  for (std::size_t m = 0; m < even.size(); ++m)
    for (std::size_t second : {0u, 1u})
      rows[2 * m + second] = zipped(e, even[m], odd[m], second != 0);
  return rows;
}

}  // namespace weft::codegen::cpu
