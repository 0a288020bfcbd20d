#include "malloc/fatal.h"

#if defined(__linux__)
#include <sys/syscall.h>
#endif
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace superslab {

namespace {

/// No cancellation point, as write() is: a thread that is cancelled must not end in here.
ssize_t write_some(const char* text, std::size_t bytes) {
#if defined(__linux__)
  return syscall(SYS_write, STDERR_FILENO, text, bytes);
#else
  return write(STDERR_FILENO, text, bytes);
#endif
}

}  // namespace

void write_error(const char* text) {
  std::size_t left = std::strlen(text);
  while (left > 0) {
    const ssize_t written = write_some(text, left);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    text += written;
    left -= static_cast<std::size_t>(written);
  }
}

void fail(const char* text) {
  write_error(text);
  std::abort();
}

void fail_on_address(const char* function, const void* address, const char* why, const char* what) {
  char text[256];
  std::snprintf(text, sizeof text, "superslab: %s(): %p %s (%s)\n", function, address, what, why);
  fail(text);
}

}  // namespace superslab
