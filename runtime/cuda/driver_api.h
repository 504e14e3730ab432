// The functions of the CUDA driver that Weft calls, with own declarations: no header of CUDA is
// needed to build, and a fake of this table serves the tests.
#pragma once

#include <cstddef>
#include <cstdint>

#include "codegen/cuda/library.h"

namespace weft::runtime::cuda {

// Handles of the driver.
using DevicePointer = std::uint64_t;
using ContextHandle = struct OpaqueContext*;
using StreamHandle = struct OpaqueStream*;
using EventHandle = struct OpaqueEvent*;
using ModuleHandle = struct OpaqueModule*;
using FunctionHandle = struct OpaqueFunction*;
using PoolHandle = struct OpaquePool*;

/// CUresult: the codes that are treated in a way of their own.
namespace status {
inline constexpr int success = 0, out_of_memory = 2, stub = 34, no_device = 100,
                     invalid_image = 200, no_binary = 209, invalid_ptx = 218, newer_ptx = 222,
                     not_ready = 600;
}

inline constexpr unsigned event_without_timing = 2;  // a flag of create_event

/// CUmemPoolProps.
struct PoolProperties {
  int allocation_type = 1;  // pinned, as the driver calls what stays on its device
  int handle_types = 0;     // none: the pool is this process's
  int location_type = 1;    // a device
  int location = 0;         // its number
  void* security = nullptr;
  std::size_t most_bytes = 0;
  unsigned short usage = 0;
  unsigned char reserved[54] = {};
};

struct DriverApi {
  int (*version)(int* version);  // 13000: CUDA 13.0
  int (*init)(unsigned flags);
  int (*device_count)(int* count);
  int (*device)(int* device, int index);
  int (*device_name)(char* name, int size, int device);
  int (*device_memory)(std::size_t* bytes, int device);
  int (*device_attribute)(int* value, int attribute, int device);
  int (*retain_context)(ContextHandle*, int device);
  int (*set_context)(ContextHandle);
  int (*synchronize_context)();
  int (*create_stream)(StreamHandle*, unsigned flags);
  int (*destroy_stream)(StreamHandle);
  int (*synchronize_stream)(StreamHandle);
  int (*wait_event)(StreamHandle, EventHandle, unsigned flags);
  int (*create_event)(EventHandle*, unsigned flags);
  int (*destroy_event)(EventHandle);
  int (*record_event)(EventHandle, StreamHandle);
  int (*query_event)(EventHandle);
  int (*synchronize_event)(EventHandle);
  int (*create_pool)(PoolHandle*, const PoolProperties*);
  int (*set_pool_attribute)(PoolHandle, int attribute, void* value);
  int (*trim_pool)(PoolHandle, std::size_t bytes_kept);
  int (*allocate)(DevicePointer*, std::size_t bytes, PoolHandle, StreamHandle);
  int (*free)(DevicePointer, StreamHandle);
  int (*memory_info)(std::size_t* free, std::size_t* total);
  int (*allocate_pinned)(void**, std::size_t bytes, unsigned flags);
  int (*free_pinned)(void*);
  int (*copy_to_device)(DevicePointer, const void*, std::size_t bytes, StreamHandle);
  int (*copy_to_host)(void*, DevicePointer, std::size_t bytes, StreamHandle);
  int (*copy_on_device)(DevicePointer to, DevicePointer from, std::size_t bytes, StreamHandle);
  int (*load_module)(ModuleHandle*, const void* image, unsigned options, int*, void**);
  int (*unload_module)(ModuleHandle);
  int (*function)(FunctionHandle*, ModuleHandle, const char* name);
  int (*launch)(FunctionHandle, unsigned blocks, unsigned, unsigned, unsigned threads, unsigned,
                unsigned, unsigned shared_bytes, StreamHandle, void** arguments, void** extra);

  static constexpr auto symbols() {
    using codegen::cuda::Symbol;
    using Api = DriverApi;
    return std::tuple{Symbol{&Api::version, "cuDriverGetVersion"},
                      Symbol{&Api::init, "cuInit"},
                      Symbol{&Api::device_count, "cuDeviceGetCount"},
                      Symbol{&Api::device, "cuDeviceGet"},
                      Symbol{&Api::device_name, "cuDeviceGetName"},
                      Symbol{&Api::device_memory, "cuDeviceTotalMem_v2"},
                      Symbol{&Api::device_attribute, "cuDeviceGetAttribute"},
                      Symbol{&Api::retain_context, "cuDevicePrimaryCtxRetain"},
                      Symbol{&Api::set_context, "cuCtxSetCurrent"},
                      Symbol{&Api::synchronize_context, "cuCtxSynchronize"},
                      Symbol{&Api::create_stream, "cuStreamCreate"},
                      Symbol{&Api::destroy_stream, "cuStreamDestroy_v2"},
                      Symbol{&Api::synchronize_stream, "cuStreamSynchronize"},
                      Symbol{&Api::wait_event, "cuStreamWaitEvent"},
                      Symbol{&Api::create_event, "cuEventCreate"},
                      Symbol{&Api::destroy_event, "cuEventDestroy_v2"},
                      Symbol{&Api::record_event, "cuEventRecord"},
                      Symbol{&Api::query_event, "cuEventQuery"},
                      Symbol{&Api::synchronize_event, "cuEventSynchronize"},
                      Symbol{&Api::create_pool, "cuMemPoolCreate"},
                      Symbol{&Api::set_pool_attribute, "cuMemPoolSetAttribute"},
                      Symbol{&Api::trim_pool, "cuMemPoolTrimTo"},
                      Symbol{&Api::allocate, "cuMemAllocFromPoolAsync"},
                      Symbol{&Api::free, "cuMemFreeAsync"},
                      Symbol{&Api::memory_info, "cuMemGetInfo_v2"},
                      Symbol{&Api::allocate_pinned, "cuMemHostAlloc"},
                      Symbol{&Api::free_pinned, "cuMemFreeHost"},
                      Symbol{&Api::copy_to_device, "cuMemcpyHtoDAsync_v2"},
                      Symbol{&Api::copy_to_host, "cuMemcpyDtoHAsync_v2"},
                      Symbol{&Api::copy_on_device, "cuMemcpyDtoDAsync_v2"},
                      Symbol{&Api::load_module, "cuModuleLoadDataEx"},
                      Symbol{&Api::unload_module, "cuModuleUnload"},
                      Symbol{&Api::function, "cuModuleGetFunction"},
                      Symbol{&Api::launch, "cuLaunchKernel"}};
  }
};

}  // namespace weft::runtime::cuda
