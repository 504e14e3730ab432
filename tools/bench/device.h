// Where cases run: the CPU, or the CUDA device that --device names.
#pragma once

#include <string>

#include <weft/weft.h>

#include "tools/bench/limits.h"

namespace weft::bench {

/// Throws weft::Error where there is no such device.
void use_device(const std::string& text);
const Device& device();
/// Returns when the device has done everything; at once for the CPU.
void finish_device();
/// "NVIDIA H200 (cuda:0)".
std::string device_name();
/// Copies between large arrays of the device; nothing is known of the rest.
Limits measure_device_limits();

}  // namespace weft::bench
