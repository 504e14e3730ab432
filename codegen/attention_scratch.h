// Scratch of one thread of an attention kernel: one group of queries, every part [.., query].
#pragma once

#include <cstdint>

#include "ir/attention.h"

namespace weft::codegen {

struct AttentionScratch {
  AttentionScratch(std::int64_t depth, std::int64_t value_depth)
      : sums(depth * ir::attention_queries),
        scores(sums + value_depth * ir::attention_queries),
        elements(scores + ir::attention_keys * ir::attention_queries) {}

  // In elements. The scaled queries [depth] come first.
  std::int64_t sums;    // [value depth]
  std::int64_t scores;  // [key of a block]
  std::int64_t elements;
};

}  // namespace weft::codegen
