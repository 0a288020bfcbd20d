// Addresses that are not the heap's: those handed out before it stood, and those of another
// allocator.
#pragma once

#include "base/types.h"

namespace superslab {

/// Memory while the heap is being built: a little, and never reused.
void* allocate_at_start(ByteCount bytes, ByteCount alignment);

/// free() of such an address.
void free_foreign(void* block);
ByteCount usable_bytes_of_foreign(const void* block);

}  // namespace superslab
