// The training step of build/bin/digits as a case of the benchmark.
#pragma once

#include "tools/bench/case.h"

namespace weft::bench {

Case digits_step();

}  // namespace weft::bench
