// Addresses that are no blocks of a heap: those handed out before it stood, those of another
// allocator, and mistakes.
//
// A process that starts with libsuperslab.so meets blocks of another allocator where a library
// brings its own, or calls past the names of the malloc family (__libc_malloc). SUPERSLAB_FOREIGN
// says what becomes of them.
#pragma once

#include "base/types.h"

namespace superslab {

/// Memory while the heap is being built: a little, and never reused. nullptr when it is used up.
void* allocate_at_start(ByteCount bytes, ByteCount alignment);

/// Whether allocate_at_start() gave it.
bool is_from_start(const void* p);

/// Looks up what the next three pass blocks to. Once, by the library's constructor: dlsym() takes
/// the loader's lock, with which a thread may wait for one that frees, and it may allocate.
void find_next_allocator();

// `block` is not null, and neither of a heap nor mapped. These end the process if it lies inside
// the heap's addresses.

/// free() of such an address.
void free_foreign(void* block);

/// realloc() of such an address; nullptr when that cannot be.
void* reallocate_foreign(void* block, ByteCount bytes);

/// malloc_usable_size() of such an address; 0 when nobody knows.
ByteCount usable_bytes_of_foreign(const void* block);

}  // namespace superslab
