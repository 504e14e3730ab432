// The disk cache that this process uses: what WEFT_CACHE_DIR or set_disk_cache say.
#pragma once

#include <memory>
#include <string>

#include "runtime/disk_cache.h"

namespace weft::runtime {

/// Opened when first asked for; null when it is off or its folder was refused (one warning).
std::shared_ptr<DiskCache> disk_cache();

/// What a kernel is known by there: its text, and all else that decides its code.
std::string disk_key(const std::string& kernel_text);

/// The folder that WEFT_CACHE_DIR, XDG_CACHE_HOME and HOME say; "off" where there is none.
std::string disk_cache_folder();
/// What WEFT_CACHE_LIMIT and WEFT_CACHE_DAYS say.
DiskCacheLimits disk_cache_limits();

}  // namespace weft::runtime
