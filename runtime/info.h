// What `weft info` says: version, machine, threads, devices, caches.
#pragma once

#include <string>

#include "runtime/cuda_probe.h"
#include "runtime/disk_cache.h"
#include "runtime/engine.h"
#include "runtime/machine.h"
#include "runtime/packed_factors.h"
#include "runtime/pool.h"

namespace weft::runtime {

struct Info {
  std::string version;   // of Weft
  std::string cpu;       // the processor's name
  std::string features;  // its vector extensions
  std::string target;    // what code is made for, and by which LLVM
  int cores, threads;
  Caches caches;
  std::size_t memory_bytes;
  CudaProbe cuda;
  EngineStats engine;
  PoolStats pool;
  PackedStats packed;
  std::string disk_folder;  // of compiled kernels, or "off"
  DiskCacheLimits disk_limits;
};

/// Throws weft::Error where an environment variable has a value that is not allowed.
Info info();
/// Lines for people, one fact each: "threads     2 of 2 cores".
std::string to_text(const Info& info);
/// "32 KiB", "1.5 MiB", "640 bytes".
std::string human_bytes(std::size_t bytes);

}  // namespace weft::runtime
