// The forms in which a grid takes a kernel's indices.
#pragma once

#include <string>
#include <string_view>

#include "codegen/cuda/schedule.h"

namespace weft::codegen::cuda {

std::string rows_text(const Kernel& kernel, const Schedule& schedule, std::string_view name);
std::string packs_text(const Kernel& kernel, const Schedule& schedule, std::string_view name);
std::string turned_text(const Kernel& kernel, const Schedule& schedule, std::string_view name);
std::string product_text(const Kernel& kernel, const Schedule& schedule, std::string_view name);

}  // namespace weft::codegen::cuda
