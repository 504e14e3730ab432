// What this machine can do, measured in the same run as the cases: the yardstick of every figure.
#pragma once

namespace weft::bench {

struct Limits {
  int threads;
  double copy_gbs;  // bytes read plus bytes written per ns, arrays far above the last-level cache
  double read_gbs;
  double f32_gflops;  // fused multiply-adds in registers, two operations each
  double f64_gflops;
};

Limits measure_limits(int threads);

/// What memory gives at this moment, on the threads of the run time: on a machine that others use
/// it changes within seconds, so cases bound by it are timed in turns with it.
double copy_gbs_now();
double read_gbs_now();

}  // namespace weft::bench
