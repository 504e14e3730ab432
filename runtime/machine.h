// Facts about the machine: cores that the process may use, the processor's name, caches, memory.
#pragma once

#include <cstddef>
#include <string>

namespace weft::runtime {

/// Cores of the affinity mask, or fewer where a control group allows less time. At least 1.
int core_count();
std::string cpu_name();
/// The vector extensions that the processor has, as the system spells them: "sse4_1 avx2 fma".
std::string cpu_features();
std::size_t memory_bytes();

struct Caches {
  std::size_t l1_data, l2, l3;  // bytes seen by the first core; 0 where unknown or absent
};
Caches cache_sizes();

}  // namespace weft::runtime
