// The parts of the contract that every POSIX system fulfils in the same way.
#pragma once

#include "base/types.h"
#include "os/os.h"

namespace superslab {

ByteCount system_page_bytes();

/// Inaccessible addresses by mmap, aligned to `alignment` (a power of two >= `page`); both sizes
/// are multiples of `page`. nullptr when there are none.
void* reserve_aligned(ByteCount bytes, ByteCount alignment, ByteCount page);

/// Os::reserve_at(), by mmap with the address as a hint.
OsStatus reserve_at(void* address, ByteCount bytes);

/// Brings every page of a writable range in by a write that leaves its contents as they are.
void touch_pages(void* address, ByteCount bytes, ByteCount page);

/// This process's faults, by getrusage.
FaultCounts rusage_fault_counts();

}  // namespace superslab
