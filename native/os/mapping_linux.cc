#if defined(__linux__)

#include "os/mapping_linux.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cinttypes>
#include <cstdint>

#include "base/bits.h"

namespace superslab {

namespace {

// <linux/prctl.h> of Linux 5.17; older headers lack them.
constexpr int kSetVma = 0x53564d41;
constexpr unsigned long kSetVmaAnonName = 0;

/// The lines of a file, one at a time and without allocating. Longer ones are cut: what is looked
/// at here stands in the first hundred bytes.
class Lines {
 public:
  explicit Lines(const char* path) : fd_(open(path, O_RDONLY | O_CLOEXEC)) {}
  ~Lines() {
    if (fd_ >= 0) close(fd_);
  }
  Lines(const Lines&) = delete;
  Lines& operator=(const Lines&) = delete;

  /// False at the end of the file or when it cannot be read.
  bool next(char* line, std::size_t size) {
    std::size_t length = 0;
    char c = 0;
    while (next_char(&c)) {
      if (c == '\n') {
        line[length] = '\0';
        return true;
      }
      if (length + 1 < size) line[length++] = c;
    }
    line[length] = '\0';
    return length > 0;
  }

 private:
  bool next_char(char* c) {
    while (at_ == end_) {
      if (fd_ < 0) return false;
      const ssize_t got = read(fd_, buffer_, sizeof buffer_);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return false;
      at_ = 0;
      end_ = static_cast<std::size_t>(got);
    }
    *c = buffer_[at_++];
    return true;
  }

  int fd_;
  std::size_t at_ = 0;
  std::size_t end_ = 0;
  char buffer_[1024];
};

}  // namespace

bool name_mapping(void* address, ByteCount bytes) {
  return prctl(kSetVma, kSetVmaAnonName, address, bytes, "superslab") == 0;
}

bool is_still_reserved(const char* maps, const void* address, ByteCount bytes, bool named) {
  std::uintptr_t at = address_of(address);
  const std::uintptr_t end = at + bytes;
  Lines lines(maps);
  char line[256];
  while (at < end && lines.next(line, sizeof line)) {
    std::uintptr_t first = 0;
    std::uintptr_t last = 0;
    char access[5] = {};
    unsigned long inode = 0;
    if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s %*s %*s %lu", &first, &last, access, &inode) !=
        4) {
      return false;
    }
    if (last <= at) continue;
    const bool ours = strcmp(access, "---p") == 0 && inode == 0 &&
                      (!named || strstr(line, "[anon:superslab]") != nullptr);
    if (first > at || !ours) return false;
    at = last;
  }
  return at >= end;
}

}  // namespace superslab

#endif
