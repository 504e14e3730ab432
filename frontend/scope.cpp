#include "frontend/scope.h"

namespace weft::detail {
namespace {

struct Current {
  const char* name = "";
  Location where;
};
thread_local Current current;

std::string prefixed(const std::string& what) {
  return current.name[0] == '\0' ? what : std::string(current.name) + ": " + what;
}

}  // namespace

OpScope::OpScope(const char* name, const Location& where) : outermost_(current.name[0] == '\0') {
  if (outermost_) current = {name, where};
}

OpScope::~OpScope() {
  if (outermost_) current = {};
}

const char* OpScope::name() { return current.name; }
Location OpScope::where() { return current.where; }

void fail(const std::string& what) { throw Error(prefixed(what), current.where); }

void fail_plain(const std::string& message) {
  const bool place_follows = current.where.known() && message.ends_with('.');
  throw Error(place_follows ? message.substr(0, message.size() - 1) : message, current.where);
}

void fail_unsupported(const std::string& what) { throw Unsupported(prefixed(what), current.where); }

}  // namespace weft::detail
