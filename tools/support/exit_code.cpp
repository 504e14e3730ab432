#include "tools/support/exit_code.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <iostream>
#include <new>

#include <weft/error.h>
#include "ir/utf8.h"
#include "runtime/output_file.h"

namespace weft::tools {

namespace {

int say(const char* kind, const char* what, int code) {
  std::cerr << kind << ": " << printable(what) << "\n";
  return code;
}

/// Whether everything that was printed went out; a full disk may show only now.
void flush_output() {
  const int earlier = errno;
  errno = 0;
  std::cout.flush();
  const bool flushed = std::fflush(stdout) == 0;
  if (std::cout && flushed && !std::ferror(stdout)) return;
  throw runtime::WriteError(std::string("standard output cannot be written: ") +
                            std::strerror(errno != 0 ? errno : earlier));
}

}  // namespace

int exit_code_of(const std::function<int()>& run) {
  try {
    errno = 0;
    const int code = run();
    flush_output();
    return code;
  } catch (const OutOfMemory& e) {
    return say("failed", e.what(), exit_failed);
  } catch (const runtime::WriteError& e) {
    return say("failed", e.what(), exit_failed);
  } catch (const std::bad_alloc&) {
    return say("failed", "out of memory", exit_failed);
  } catch (const Unsupported& e) {
    return say("unsupported", e.what(), exit_unsupported);
  } catch (const Error& e) {
    return say("error", e.what(), exit_rejected);
  } catch (const std::exception& e) {
    return say("failed", e.what(), exit_failed);
  }
}

std::string printable(std::string_view text) {
  constexpr char digits[] = "0123456789abcdef";
  std::string result;
  for (std::size_t at = 0; at < text.size();) {
    const auto byte = static_cast<unsigned char>(text[at]);
    const std::size_t length = ir::utf8_length(text, at);
    const bool control =
        byte < 0x20 || byte == 0x7f ||
        (length == 2 && byte == 0xC2 && static_cast<unsigned char>(text[at + 1]) < 0xA0);
    if (byte != '\n' && (control || length == 0)) {
      result += {'\\', 'x', digits[byte >> 4], digits[byte & 15]};
      ++at;
    } else {
      result += text.substr(at, length);
      at += length;
    }
  }
  return result;
}

}  // namespace weft::tools
