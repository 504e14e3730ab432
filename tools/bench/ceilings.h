// Ceilings of cases: hand-written kernels on the threads of the run time, checked like the cases.
#pragma once

#include "tools/bench/case.h"
#include "tools/bench/ceiling_kernels.h"

namespace weft::bench {

/// The kernels for this processor; null where it has none.
const CeilingKernels* ceiling_kernels();

struct CeilingWork {
  CeilingPair CeilingKernels::*kernel;
  std::vector<std::vector<float>> in;
  std::vector<std::int64_t> labels = {};
  std::int64_t units = 0;    // rows; or elements, where `columns` is 0
  std::int64_t columns = 0;  // of a row
  std::int64_t outputs = 0;  // elements written
  double unit_ns = 0;        // about; decides whether threads are worth it
};

/// Null on processors without kernels: the case then has no bound.
std::shared_ptr<Ceiling> make_ceiling(CeilingWork work,
                                      std::function<double(std::int64_t)> expected,
                                      double tolerance);

}  // namespace weft::bench
