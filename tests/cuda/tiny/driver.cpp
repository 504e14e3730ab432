// A driver library that answers what it was built with: WEFT_TINY_INIT, _VERSION, _DEVICES; with
// WEFT_TINY_LACKS_LAUNCH it lacks a function. It runs nothing.
#ifndef WEFT_TINY_INIT
#define WEFT_TINY_INIT 0
#endif
#ifndef WEFT_TINY_VERSION
#define WEFT_TINY_VERSION 13000
#endif
#ifndef WEFT_TINY_DEVICES
#define WEFT_TINY_DEVICES 0
#endif

#define DRIVER_FUNCTION extern "C" __attribute__((visibility("default"))) int

DRIVER_FUNCTION cuInit(unsigned) { return WEFT_TINY_INIT; }
DRIVER_FUNCTION cuDriverGetVersion(int* version) {
  *version = WEFT_TINY_VERSION;
  return 0;
}
DRIVER_FUNCTION cuDeviceGetCount(int* count) {
  *count = WEFT_TINY_DEVICES;
  return WEFT_TINY_INIT;
}
DRIVER_FUNCTION cuDeviceGet(int* device, int index) {
  *device = index;
  return 0;
}
DRIVER_FUNCTION cuDeviceGetName(char* name, int, int) {
  const char* from = "Tiny GPU";
  while ((*name++ = *from++) != '\0') {
  }
  return 0;
}
DRIVER_FUNCTION cuDeviceTotalMem_v2(unsigned long* bytes, int) {
  *bytes = 1ul << 30;
  return 0;
}
DRIVER_FUNCTION cuDeviceGetAttribute(int* value, int attribute, int) {
  *value = attribute == 75 ? 9 : attribute == 76 ? 0 : 1;
  return 0;
}

#define REFUSES(name) \
  DRIVER_FUNCTION name() { return 999; }
REFUSES(cuDevicePrimaryCtxRetain)
REFUSES(cuCtxSetCurrent)
REFUSES(cuCtxSynchronize)
REFUSES(cuStreamCreate)
REFUSES(cuStreamDestroy_v2)
REFUSES(cuStreamSynchronize)
REFUSES(cuStreamWaitEvent)
REFUSES(cuEventCreate)
REFUSES(cuEventDestroy_v2)
REFUSES(cuEventRecord)
REFUSES(cuEventQuery)
REFUSES(cuEventSynchronize)
REFUSES(cuMemPoolCreate)
REFUSES(cuMemPoolSetAttribute)
REFUSES(cuMemPoolTrimTo)
REFUSES(cuMemAllocFromPoolAsync)
REFUSES(cuMemFreeAsync)
REFUSES(cuMemGetInfo_v2)
REFUSES(cuMemHostAlloc)
REFUSES(cuMemFreeHost)
REFUSES(cuMemcpyHtoDAsync_v2)
REFUSES(cuMemcpyDtoHAsync_v2)
REFUSES(cuMemcpyDtoDAsync_v2)
REFUSES(cuModuleLoadDataEx)
REFUSES(cuModuleUnload)
REFUSES(cuModuleGetFunction)
#ifndef WEFT_TINY_LACKS_LAUNCH
REFUSES(cuLaunchKernel)
#endif
