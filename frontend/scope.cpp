#include "frontend/scope.h"

namespace weft::detail {
constinit thread_local OpScope::Current OpScope::now;

namespace {

std::string prefixed(const std::string& what) {
  const char* name = OpScope::name();
  return name[0] == '\0' ? what : std::string(name) + ": " + what;
}

}  // namespace

void fail(const std::string& what) { throw Error(prefixed(what), OpScope::where()); }

void fail_plain(const std::string& message) {
  const bool place_follows = OpScope::where().known() && message.ends_with('.');
  throw Error(place_follows ? message.substr(0, message.size() - 1) : message, OpScope::where());
}

void fail_unsupported(const std::string& what) {
  throw Unsupported(prefixed(what), OpScope::where());
}

}  // namespace weft::detail
