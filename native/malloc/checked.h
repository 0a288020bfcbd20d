// SUPERSLAB_CHECK=1: every mistake that the heap can know of ends the process with a word on it.
//
// There are no magazines then: each free block is free in its slab, so that the slab's bits tell
// for certain which blocks are out. And every request begins where its block does
// (heap/request_offset.h is not asked), so that any other address is known to be wrong.
#pragma once

#include "base/types.h"
#include "heap/thread_cache.h"
#include "malloc/process_heap.h"

namespace superslab {

/// As ThreadCache::allocate(), for at most kMaxClassBytes.
void* allocate_checked(ThreadCache& cache, ByteCount bytes);

/// Ends the process unless `block` is one that a caller has. `function` is what was called with it.
/// An address that lies in none of the heap's blocks is left to malloc/foreign.h.
void check_block(ProcessHeap& heap, const char* function, const void* block);

/// Ends the process if `block`, of which check_block() has nothing to say, cannot be another
/// allocator's either.
void check_foreign(ProcessHeap& heap, const char* function, const void* block);

/// Ends the process if `block`, which has `usable` bytes, is freed as one of `bytes`.
void check_size(const char* function, const void* block, ByteCount usable, ByteCount bytes);

/// Frees a block that passed check_block(). Ends the process if another thread freed it meanwhile.
void free_checked(ProcessHeap& heap, const char* function, void* block);

}  // namespace superslab
