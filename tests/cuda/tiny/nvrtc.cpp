// A compiler library of the version WEFT_TINY_MAJOR.0. Version 13 finds no built-in functions.
#define COMPILER_FUNCTION extern "C" __attribute__((visibility("default"))) int

COMPILER_FUNCTION nvrtcVersion(int* major, int* minor) {
  *major = WEFT_TINY_MAJOR;
  *minor = 0;
  return 0;
}
extern "C" __attribute__((visibility("default"))) const char* nvrtcGetErrorString(int) {
  return "NVRTC_ERROR_BUILTIN_OPERATION_FAILURE";
}
COMPILER_FUNCTION nvrtcGetNumSupportedArchs(int* count) {
  *count = 3;
  return 0;
}
COMPILER_FUNCTION nvrtcGetSupportedArchs(int* numbers) {
  numbers[0] = 80;
  numbers[1] = 90;
  numbers[2] = 120;
  return 0;
}
COMPILER_FUNCTION nvrtcCreateProgram(void** program) {
  *program = program;
  return 0;
}
COMPILER_FUNCTION nvrtcDestroyProgram(void**) { return 0; }
COMPILER_FUNCTION nvrtcCompileProgram() { return WEFT_TINY_MAJOR == 13 ? 7 : 0; }
COMPILER_FUNCTION nvrtcGetProgramLogSize(void*, unsigned long* size) {
  *size = 1;
  return 0;
}
COMPILER_FUNCTION nvrtcGetProgramLog(void*, char* text) {
  *text = '\0';
  return 0;
}
COMPILER_FUNCTION nvrtcGetCUBINSize() { return 7; }
COMPILER_FUNCTION nvrtcGetCUBIN() { return 7; }
COMPILER_FUNCTION nvrtcGetPTXSize() { return 7; }
COMPILER_FUNCTION nvrtcGetPTX() { return 7; }
