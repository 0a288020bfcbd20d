#if defined(__linux__)

#include "os/read_text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

namespace superslab {

bool read_text(const char* root, const char* path, char* text, std::size_t size) {
  text[0] = '\0';
  char name[512];
  const int length = snprintf(name, sizeof name, "%s%s", root, path);
  if (length < 0 || static_cast<std::size_t>(length) >= sizeof name) return false;

  const int fd = open(name, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  std::size_t used = 0;
  bool ok = true;
  while (used + 1 < size) {
    const ssize_t got = read(fd, text + used, size - 1 - used);
    if (got == 0) break;
    if (got < 0) {
      if (errno == EINTR) continue;
      ok = false;
      break;
    }
    used += static_cast<std::size_t>(got);
  }
  close(fd);
  text[ok ? used : 0] = '\0';
  return ok;
}

std::uint64_t read_number(const char* root, const char* path, std::uint64_t otherwise) {
  char text[32];
  if (!read_text(root, path, text, sizeof text)) return otherwise;
  char* end = nullptr;
  const unsigned long long number = strtoull(text, &end, 10);
  return end == text ? otherwise : number;
}

}  // namespace superslab

#endif
