// A text of any length by lines, without allocating: the core may be the process's malloc.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <string_view>

namespace superslab {

/// What a line is cut to: 300 memory nodes in numa_maps. Names of files may be longer.
constexpr std::size_t kMaxOfLine = 4096;

/// What for_each_line() works in. Of a file in /proc the kernel gives as many whole entries at once
/// as fit, and holds its locks for as long. A line is cut to `kLine` bytes.
template <std::size_t kBuffer = 8192, std::size_t kLine = kMaxOfLine>
struct LineBuffers {
  char buffer[kBuffer];
  char line[kLine];
};

/// Calls visit(line) for each line, without its end; the last one may lack it. `read` is as
/// read(2): fills in at most so many bytes and returns how many, 0 at the end, -1 with errno. False
/// when that fails: whoever counts has counted a part.
template <std::size_t kBuffer, std::size_t kLine, class Read, class Visit>
bool for_each_line(LineBuffers<kBuffer, kLine>& buffers, Read read, Visit visit) {
  auto& [buffer, line] = buffers;
  std::size_t used = 0;
  bool is_open = false;  // a line has begun
  for (;;) {
    const auto got = read(buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return false;
    if (got == 0) break;
    const char* const end = buffer + got;
    for (const char* at = buffer; at < end;) {
      const auto left = static_cast<std::size_t>(end - at);
      const auto* stop = static_cast<const char*>(std::memchr(at, '\n', left));
      const std::size_t part = stop == nullptr ? left : static_cast<std::size_t>(stop - at);
      const std::size_t kept = part < sizeof line - used ? part : sizeof line - used;
      std::memcpy(line + used, at, kept);
      used += kept;
      is_open = stop == nullptr;
      if (is_open) break;
      visit(std::string_view(line, used));
      used = 0;
      at = stop + 1;
    }
  }
  if (is_open) visit(std::string_view(line, used));
  return true;
}

}  // namespace superslab
