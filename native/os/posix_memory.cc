#include "os/posix_memory.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <limits>

#include "base/bits.h"

namespace superslab {

namespace {

#ifdef MAP_NORESERVE
constexpr int kReserveFlags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
#else
constexpr int kReserveFlags = MAP_PRIVATE | MAP_ANONYMOUS;
#endif

#if defined(__linux__)
constexpr int kNoReplace = 0x100000;  // MAP_FIXED_NOREPLACE of <asm-generic/mman-common.h>
#else
constexpr int kNoReplace = 0;
#endif

void* map_reserved(void* hint, ByteCount bytes) {
  void* p = mmap(hint, bytes, PROT_NONE, kReserveFlags, -1, 0);
  return p == MAP_FAILED ? nullptr : p;
}

void* keep_if_aligned(void* p, ByteCount bytes, ByteCount alignment) {
  if (p == nullptr || address_of(p) % alignment == 0) return p;
  munmap(p, bytes);
  return nullptr;
}

/// Takes alignment - page more than asked for and gives the ends back.
void* reserve_and_trim(ByteCount bytes, ByteCount alignment, ByteCount page) {
  if (bytes > std::numeric_limits<ByteCount>::max() - alignment) return nullptr;
  const ByteCount taken = bytes + alignment - page;
  char* start = static_cast<char*>(map_reserved(nullptr, taken));
  if (start == nullptr) return nullptr;
  const ByteCount head = align_up(address_of(start), alignment) - address_of(start);
  const ByteCount tail = taken - head - bytes;
  if (head != 0) munmap(start, head);
  if (tail != 0) munmap(start + head + bytes, tail);
  return start + head;
}

/// For a limit (RLIMIT_AS) that lets the range in but not the surplus to trim: takes the aligned
/// address at or below the one that the system chose, as it fills its space from the top. A hint is
/// never placed over another mapping.
void* reserve_near(ByteCount bytes, ByteCount alignment) {
  void* p = map_reserved(nullptr, bytes);
  if (p == nullptr || address_of(p) % alignment == 0) return p;
  munmap(p, bytes);
  void* hint = reinterpret_cast<void*>(align_down(address_of(p), alignment));
  return keep_if_aligned(map_reserved(hint, bytes), bytes, alignment);
}

// Not a plain 0: a compiler may turn fetch_or(0) into a fence and a load (LLVM does on x86), and a
// load brings in no page of one's own.
const volatile std::uint8_t kNoBits = 0;

}  // namespace

ByteCount system_page_bytes() { return static_cast<ByteCount>(sysconf(_SC_PAGESIZE)); }

void* reserve_aligned(ByteCount bytes, ByteCount alignment, ByteCount page) {
  if (bytes == 0) return nullptr;
  if (alignment <= page) return map_reserved(nullptr, bytes);
  void* p = reserve_and_trim(bytes, alignment, page);
  return p != nullptr ? p : reserve_near(bytes, alignment);
}

OsStatus reserve_at(void* address, ByteCount bytes) {
  if (bytes == 0) return OsStatus::kNoMemory;
  // Systems that do not know the flag, which Linux has since 4.17, take the address as a hint.
  void* p = mmap(address, bytes, PROT_NONE, kReserveFlags | kNoReplace, -1, 0);
  if (p == address) return OsStatus::kOk;
  if (p == MAP_FAILED) return errno == EEXIST ? OsStatus::kTaken : OsStatus::kNoMemory;
  munmap(p, bytes);
  return OsStatus::kTaken;
}

void touch_pages(void* address, ByteCount bytes, ByteCount page) {
  const std::uint8_t no_bits = kNoBits;
  auto* p = static_cast<std::uint8_t*>(address);
  for (ByteCount at = 0; at < bytes; at += page) {
    std::atomic_ref<std::uint8_t>(p[at]).fetch_or(no_bits, std::memory_order_relaxed);
  }
}

FaultCounts rusage_fault_counts() {
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) != 0) return {0, 0};
  return {static_cast<std::uint64_t>(usage.ru_minflt), static_cast<std::uint64_t>(usage.ru_majflt)};
}

}  // namespace superslab
