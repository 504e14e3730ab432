// `weft info`: what Weft found on this machine.
#include "runtime/info.h"

#include <iostream>

#include "tools/weft/commands.h"

namespace weft::tools {

int info() {
  std::cout << runtime::to_text(runtime::info());
  return exit_fine;
}

}  // namespace weft::tools
