#if defined(__linux__)

#include "os/huge_pages_linux.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <bit>

#include "os/mapping_linux.h"
#include "os/read_text.h"

namespace superslab {

namespace {

// <linux/mman.h>: the base-2 logarithm of the page size stands above this bit of mmap's flags.
constexpr int kHugeSizeShift = 26;

// Since Linux 4.17; older kernels ignore it and take the address as a hint.
#ifdef MAP_FIXED_NOREPLACE
constexpr int kFixedNoReplace = MAP_FIXED_NOREPLACE;
#else
constexpr int kFixedNoReplace = 0x100000;
#endif

bool is_always(const char* sys, const char* path) {
  char text[128];
  return read_text(sys, path, text, sizeof text) && strstr(text, "[always]") != nullptr;
}

}  // namespace

bool thp_is_on_by_default(const char* sys, ByteCount page_bytes) {
  if (is_always(sys, "/kernel/mm/transparent_hugepage/enabled")) return true;
  // Up to the largest page that any architecture's transparent pages have (512 MiB: 64 KiB base).
  for (ByteCount bytes = 2 * page_bytes; bytes <= 512 * kMiB; bytes *= 2) {
    char path[96];
    snprintf(path, sizeof path, "/kernel/mm/transparent_hugepage/hugepages-%zukB/enabled",
             bytes / kKiB);
    if (is_always(sys, path)) return true;
  }
  return false;
}

std::uint64_t available_huge_pages(const char* sys, ByteCount huge_page_bytes) {
  const auto pool = [&](const char* figure) {
    char path[96];
    snprintf(path, sizeof path, "/kernel/mm/hugepages/hugepages-%zukB/%s", huge_page_bytes / kKiB,
             figure);
    return read_number(sys, path, 0);
  };
  const std::uint64_t free_pages = pool("free_hugepages");
  const std::uint64_t promised = pool("resv_hugepages");
  const std::uint64_t overcommit = pool("nr_overcommit_hugepages");
  const std::uint64_t surplus = pool("surplus_hugepages");
  return (free_pages > promised ? free_pages - promised : 0) +
         (overcommit > surplus ? overcommit - surplus : 0);
}

OsStatus map_huge_pages(void* address, ByteCount bytes, ByteCount huge_page_bytes, bool named) {
  // Without MAP_NORESERVE: the pages are promised now, or a touch later would raise SIGBUS.
  const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_HUGETLB |
                    (std::countr_zero(huge_page_bytes) << kHugeSizeShift);
  if (mmap(address, bytes, PROT_READ | PROT_WRITE, flags, -1, 0) != MAP_FAILED) {
    return OsStatus::kOk;
  }
  return restore_reservation(address, bytes, named);
}

OsStatus restore_reservation(void* address, ByteCount bytes, bool named) {
  void* got = mmap(address, bytes, PROT_NONE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | kFixedNoReplace, -1, 0);
  if (got == address) {
    if (named) name_mapping(address, bytes);
    return OsStatus::kNoHugePages;
  }
  if (got != MAP_FAILED) munmap(got, bytes);
  // Something is there: our reservation, never dropped, or someone else's mapping.
  return is_still_reserved("/proc/self/maps", address, bytes, named) ? OsStatus::kNoHugePages
                                                                     : OsStatus::kLost;
}

}  // namespace superslab

#endif
