// The fake driver and compiler as the ones of this process.
#pragma once

#include <string>
#include <vector>

#include "tests/device/fake/fake_cuda.h"

namespace weft::test {

/// Why there is no fake here; empty where there is. Looks for CUDA's libraries in the process find
/// the fake, if this is called before any.
std::string fake_missing();

/// The fake's insides, with nothing written down and no failure to come.
FakeCuda& fresh_fake();
/// As they are. Live memory is counted anew.
FakeCuda& fake();

/// Names of the functions that were called, in order, without those that only ask.
std::vector<std::string> called(const FakeCuda& fake);

}  // namespace weft::test
