#include "os/posix_os.h"

#include <pthread.h>
#include <sys/mman.h>

#include <new>

#include "os/posix_memory.h"

namespace superslab {

PosixOs::PosixOs() : page_bytes_(system_page_bytes()) {}

void* PosixOs::reserve(ByteCount bytes, ByteCount alignment) {
  return reserve_aligned(bytes, alignment, page_bytes_);
}

OsStatus PosixOs::reserve_at(void* address, ByteCount bytes) {
  return superslab::reserve_at(address, bytes);
}

void PosixOs::unreserve(void* address, ByteCount bytes) { munmap(address, bytes); }

OsStatus PosixOs::commit(void* address, ByteCount bytes, HugePages pages) {
  if (is_explicit(pages)) return OsStatus::kNoHugePages;
  return mprotect(address, bytes, PROT_READ | PROT_WRITE) == 0 ? OsStatus::kOk
                                                               : OsStatus::kNoMemory;
}

OsStatus PosixOs::purge(const OsRange* ranges, std::size_t count) {
  OsStatus status = OsStatus::kOk;
  for (std::size_t i = 0; i < count; ++i) {
    if (ranges[i].bytes == 0) continue;
    // The only portable way to memory that reads as zero: POSIX's own advice promises nothing.
    // The new mapping replaces the old in one step; a reader never sees a hole.
    void* p = mmap(ranges[i].address, ranges[i].bytes, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    if (p == MAP_FAILED && status == OsStatus::kOk) status = OsStatus::kNoMemory;
  }
  return status;
}

OsStatus PosixOs::populate(void* address, ByteCount bytes) {
  touch_pages(address, bytes, page_bytes_);
  return OsStatus::kOk;
}

OsStatus PosixOs::place(void*, ByteCount, NodePlacement placement) {
  const bool other_node = placement.kind == NodePlacement::Kind::kNode && placement.node != 0;
  return other_node ? OsStatus::kUnsupported : OsStatus::kOk;
}

FaultCounts PosixOs::fault_counts() const { return rusage_fault_counts(); }

#if !defined(__linux__)
Os& system_os() {
  // In plain storage, so that no destructor runs at exit under threads that still allocate.
  alignas(PosixOs) static unsigned char storage[sizeof(PosixOs)];
  // By pthread's means: a static local's guard is the C++ library's.
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, [] { new (storage) PosixOs(); });
  return *reinterpret_cast<PosixOs*>(storage);
}

Os& system_os_for_malloc() { return system_os(); }
#endif

}  // namespace superslab
