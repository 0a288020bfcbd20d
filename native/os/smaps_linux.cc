#if defined(__linux__)

#include "os/smaps_linux.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "os/text_lines.h"

namespace superslab {
namespace {

using Text = std::string_view;

constexpr unsigned kNoDigit = 255;

unsigned digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a') + 10;
  return kNoDigit;
}

/// The number that `text` begins with, and what follows it. False when there is none, or one that
/// is no 64-bit number.
bool take_number(Text& text, std::uint64_t& out, unsigned base = 10) {
  std::uint64_t number = 0;
  std::size_t length = 0;
  for (; length < text.size() && digit(text[length]) < base; ++length) {
    if (__builtin_mul_overflow(number, std::uint64_t{base}, &number) ||
        __builtin_add_overflow(number, std::uint64_t{digit(text[length])}, &number)) {
      return false;
    }
  }
  if (length == 0) return false;
  text.remove_prefix(length);
  out = number;
  return true;
}

bool take(Text& text, Text start) {
  if (!text.starts_with(start)) return false;
  text.remove_prefix(start.size());
  return true;
}

/// "1024 kB" in bytes, after any spaces; 0 for anything else.
ByteCount bytes_of(Text text) {
  while (take(text, " ")) {
  }
  std::uint64_t kib = 0;
  std::uint64_t bytes = 0;
  if (!take_number(text, kib) || __builtin_mul_overflow(kib, std::uint64_t{kKiB}, &bytes)) return 0;
  return bytes;
}

/// Calls read(2) on a file until it is closed.
class File {
 public:
  File(const char* folder, const char* path) {
    char name[256];
    const int length = snprintf(name, sizeof name, "%s%s", folder, path);
    if (length > 0 && static_cast<std::size_t>(length) < sizeof name)
      fd_ = open(name, O_RDONLY | O_CLOEXEC);
  }
  ~File() {
    if (is_open()) close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  bool is_open() const { return fd_ >= 0; }
  ssize_t operator()(char* to, std::size_t room) const { return read(fd_, to, room); }

 private:
  int fd_ = -1;
};

}  // namespace

void SmapsReader::line(Text text) {
  // A mapping begins with its addresses: "7f0000000000-7f0000200000 rw-p ...". No field does: each
  // has a colon before any dash.
  Text rest = text;
  std::uint64_t from = 0;
  std::uint64_t to = 0;
  if (take_number(rest, from, 16) && take(rest, "-") && take_number(rest, to, 16) &&
      take(rest, " ")) {
    end();
    is_in_mapping_ = from < to;
    facts_ = {static_cast<std::uintptr_t>(from), static_cast<std::uintptr_t>(to), 0, 0, 0};
    return;
  }
  if (take(text, "Rss:")) {
    facts_.rss_bytes += bytes_of(text);
  } else if (take(text, "Swap:")) {
    facts_.swapped_bytes += bytes_of(text);
  } else if (take(text, "AnonHugePages:")) {
    facts_.huge_page_bytes += bytes_of(text);
  } else if (take(text, "Private_Hugetlb:") || take(text, "Shared_Hugetlb:")) {
    const ByteCount bytes = bytes_of(text);
    facts_.rss_bytes += bytes;
    facts_.huge_page_bytes += bytes;
  }
}

void SmapsReader::end() {
  if (is_in_mapping_) visitor_.mapping(facts_);
  is_in_mapping_ = false;
}

void read_numa_line(Text text, ByteCount page_bytes, MappingVisitor& visitor) {
  std::uint64_t from = 0;
  if (!take_number(text, from, 16) || !text.starts_with(' ')) return;
  // The size of the pages stands behind their counts.
  for (Text rest = text; !rest.empty();) {
    const bool is_word = take(rest, " kernelpagesize_kB=");
    std::uint64_t kib = 0;
    if (is_word && take_number(rest, kib)) page_bytes = kib * kKiB;
    if (!is_word) rest.remove_prefix(1);
  }
  while (!text.empty()) {
    std::uint64_t node = 0;
    std::uint64_t pages = 0;
    const bool is_word = take(text, " N");
    if (is_word && take_number(text, node) && take(text, "=") && take_number(text, pages) &&
        node < kMaxNodes) {
      visitor.on_node(static_cast<std::uintptr_t>(from), static_cast<unsigned>(node),
                      pages * page_bytes);
    }
    if (!is_word) text.remove_prefix(1);
  }
}

#pragma GCC diagnostic push
// Never below malloc: see memoryFacts().
#pragma GCC diagnostic ignored "-Wframe-larger-than="
OsStatus visit_proc_mappings(const char* proc, ByteCount page_bytes, MappingVisitor& visitor) {
  const File smaps(proc, "/self/smaps");
  if (!smaps.is_open()) return OsStatus::kUnsupported;
  SmapsReader reader(visitor);
  LineBuffers<> buffers;
  const auto read_smaps = [&](char* to, std::size_t room) { return smaps(to, room); };
  if (!for_each_line(buffers, read_smaps, [&](Text line) { reader.line(line); }))
    return OsStatus::kNoMemory;
  reader.end();

  const File numa_maps(proc, "/self/numa_maps");
  if (!numa_maps.is_open()) return OsStatus::kOk;  // a kernel that knows no nodes
  const auto read_nodes = [&](char* to, std::size_t room) { return numa_maps(to, room); };
  const bool is_whole = for_each_line(
      buffers, read_nodes, [&](Text line) { read_numa_line(line, page_bytes, visitor); });
  return is_whole ? OsStatus::kOk : OsStatus::kNoMemory;
}
#pragma GCC diagnostic pop

}  // namespace superslab

#endif
