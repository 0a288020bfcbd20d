// The part of the malloc family that tells and tunes.
#include <malloc.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <limits>

#include "include/superslab.h"
#include "malloc/allocate.h"
#include "shim/export.h"
#include "shim/report.h"

using namespace superslab;

namespace {

/// The heap in glibc's terms.
struct Levels {
  ByteCount mapped = 0;  // blocks that are mappings of their own
  ByteCount taken = 0;   // all other memory from the operating system
  ByteCount used = 0;    // of that with callers
};

Levels levels() {
  Levels out;
  ProcessHeap* process = ProcessHeap::get();
  if (process == nullptr) return out;
  Heap& heap = process->heap();
  out.mapped = process->mapped().bytes();
  out.taken = heap.committed_bytes() + process->space().idle_bytes();
  out.used = heap.huge().leased_bytes();
  // One after the other: all of them would take 6 KiB of what may be a small stack.
  for (std::size_t i = 0; i < kFixedClasses; ++i) {
    const ClassStats stats = heap.class_stats(static_cast<ClassIndex>(i));
    out.used += stats.in_use_blocks * kSizeClasses[i].block_bytes;
  }
  out.used = std::min(out.used, out.taken);
  return out;
}

#ifdef __GLIBC__
/// Not by fprintf(), which needs 8 KiB of stack for a stream without a buffer.
void put_size(const char* element, ByteCount bytes, FILE* out) {
  char digits[24];
  std::size_t at = sizeof digits;
  digits[--at] = '\0';
  do {
    digits[--at] = static_cast<char>('0' + bytes % 10);
    bytes /= 10;
  } while (bytes != 0);
  std::fputs(element, out);
  std::fputs(" size=\"", out);
  std::fputs(digits + at, out);
  std::fputs("\"/>\n", out);
}

/// mallinfo2's fields are size_t, mallinfo's int.
template <class Info>
Info make_info() {
  using Field = decltype(Info::arena);
  const auto field = [](ByteCount bytes) {
    return static_cast<Field>(std::min<ByteCount>(bytes, std::numeric_limits<Field>::max()));
  };
  const Levels now = levels();
  Info info{};
  info.arena = field(now.taken);
  info.hblkhd = field(now.mapped);
  info.uordblks = field(now.used);
  info.fordblks = field(now.taken - now.used);
  info.keepcost = info.fordblks;
  return info;
}
#endif

}  // namespace

extern "C" {

// Nothing to set: the policy comes from SUPERSLAB_*. 1 means success.
SHIM_EXPORT int mallopt(int /*parameter*/, int /*value*/) noexcept { return 1; }

// glibc would leave `pad` bytes at its heap's top; there is no top here.
SHIM_EXPORT int malloc_trim(size_t /*pad*/) noexcept { return ss_trim() != 0; }

SHIM_EXPORT void malloc_stats(void) noexcept { write_report(); }

#ifdef __GLIBC__

SHIM_EXPORT struct mallinfo mallinfo(void) noexcept { return make_info<struct mallinfo>(); }
#if __GLIBC_PREREQ(2, 33)
SHIM_EXPORT struct mallinfo2 mallinfo2(void) noexcept { return make_info<struct mallinfo2>(); }
#endif

SHIM_EXPORT int malloc_info(int options, FILE* out) noexcept {
  if (options != 0) return EINVAL;
  const Levels now = levels();
  std::fputs("<malloc version=\"1\">\n", out);
  put_size("<total type=\"mmap\"", now.mapped, out);
  put_size("<system type=\"current\"", now.taken + now.mapped, out);
  put_size("<aspace type=\"total\"", now.taken, out);
  std::fputs("</malloc>\n", out);
  return 0;
}

#endif  // __GLIBC__

}  // extern "C"
