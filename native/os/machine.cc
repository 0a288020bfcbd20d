#include "os/machine.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "os/read_text.h"

namespace superslab {
namespace {

ThpMode read_thp([[maybe_unused]] const char* sys) {
#if defined(__linux__)
  char text[128];
  if (read_text(sys, "/kernel/mm/transparent_hugepage/enabled", text, sizeof text)) {
    if (strstr(text, "[always]") != nullptr) return ThpMode::kAlways;
    if (strstr(text, "[madvise]") != nullptr) return ThpMode::kAdvise;
    return ThpMode::kNever;
  }
#endif
  return ThpMode::kNone;
}

}  // namespace

MachineFacts read_machine(const char* sys) {
  return {static_cast<ByteCount>(sysconf(_SC_PAGESIZE)), read_thp(sys),
          static_cast<unsigned>(std::max(sysconf(_SC_NPROCESSORS_ONLN), 1L))};
}

bool read_whole_file(const char* path, char* text, std::size_t size) {
  text[0] = '\0';
  // Nonblocking: of a pipe nobody may read.
  const int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) return false;
  struct stat facts {};
  std::size_t used = 0;
  bool is_good = fstat(file, &facts) == 0 && S_ISREG(facts.st_mode);
  while (is_good && used < size) {
    const ssize_t got = read(file, text + used, size - used);
    if (got == 0) break;
    if (got < 0 && errno == EINTR) continue;
    if (got < 0)
      is_good = false;
    else
      used += static_cast<std::size_t>(got);
  }
  close(file);
  is_good = is_good && used < size && memchr(text, 0, used) == nullptr;
  text[is_good ? used : 0] = '\0';
  return is_good;
}

}  // namespace superslab
