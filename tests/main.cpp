#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstdlib>

// Tests, and the programs that they start, neither use nor fill the user's cache of kernels. They
// look at optimised code; those of the quick tier choose it. They are the same with a GPU: those of
// devices name a driver of their own.
int main(int argc, char** argv) {
  setenv("WEFT_CACHE_DIR", "off", 1);
  setenv("WEFT_QUICK_TIER", "0", 1);
  setenv("WEFT_CUDA_DRIVER", "off", 1);
  return doctest::Context(argc, argv).run();
}
