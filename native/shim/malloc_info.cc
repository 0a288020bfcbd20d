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
  out.used = heap.leased_large_bytes();
  ClassStats classes[kClassCount];
  heap.class_stats(classes);
  for (std::size_t i = 0; i < kClassCount; ++i)
    out.used += classes[i].in_use_blocks * kSizeClasses[i].block_bytes;
  out.used = std::min(out.used, out.taken);
  return out;
}

#ifdef __GLIBC__
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
  std::fprintf(out,
               "<malloc version=\"1\">\n"
               "<total type=\"mmap\" size=\"%zu\"/>\n"
               "<system type=\"current\" size=\"%zu\"/>\n"
               "<aspace type=\"total\" size=\"%zu\"/>\n"
               "</malloc>\n",
               now.mapped, now.taken + now.mapped, now.taken);
  return 0;
}

#endif  // __GLIBC__

}  // extern "C"
