// What this machine has of transparent and of explicit (hugetlb) huge pages.
// Sources: Documentation/admin-guide/mm/{transhuge,hugetlbpage}.rst.
#pragma once

#if defined(__linux__)

#include <cstdint>

#include "base/types.h"
#include "os/os.h"

namespace superslab {

/// True when ranges that ask for nothing may get transparent huge pages, of the common size or, on
/// Linux 6.8 and later, of any smaller one. `sys` is the mount point of /sys.
bool thp_is_on_by_default(const char* sys, ByteCount page_bytes);

/// The size of explicit huge pages; 0 for the kinds that are not explicit.
constexpr ByteCount explicit_page_bytes(HugePages pages) {
  if (pages == HugePages::k2MiB) return 2 * kMiB;
  if (pages == HugePages::k1GiB) return kGiB;
  return 0;
}

/// Explicit huge pages that a new mapping could reserve now: free, not promised to another mapping,
/// plus what the kernel may still make beyond the pool. 0 where the size does not exist.
std::uint64_t available_huge_pages(const char* sys, ByteCount huge_page_bytes);

/// Puts explicit huge pages in the place of a reserved range. kOk, or kNoHugePages with the range
/// reserved as before, or kLost (see os.h). `named` says that reservations bear the name that
/// name_mapping() gives.
OsStatus map_huge_pages(void* address, ByteCount bytes, ByteCount huge_page_bytes, bool named);

/// Reserves a range again that a failed mapping over it has dropped, or not: that is the kernel's
/// to choose. kNoHugePages when the range is reserved now; kLost when another mapping stands in it.
OsStatus restore_reservation(void* address, ByteCount bytes, bool named);

}  // namespace superslab

#endif
