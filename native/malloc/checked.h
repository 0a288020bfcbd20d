// SUPERSLAB_CHECK=1: every mistake that the heap can know of ends the process with a word on it.
//
// There are no magazines then: each free block is free in its slab, so that the slab's bits tell
// for certain which blocks are out.
#pragma once

#include "base/types.h"
#include "heap/thread_cache.h"
#include "runtime/process_heap.h"

namespace superslab {

/// As ThreadCache::allocate(), for at most kMaxClassBytes.
void* allocate_checked(ThreadCache& cache, ByteCount bytes);

/// Ends the process unless `block` is one that a caller has. `function` is what was called with it.
void check_block(ProcessHeap& heap, const char* function, const void* block);

}  // namespace superslab
