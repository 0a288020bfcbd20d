// The heap that is put under stress, under one set of names: malloc and its kin, whoever serves
// them, or with STRESS_CORE the functions of superslab.h, linked into the program.
#pragma once

#include <malloc.h>
#include <stdlib.h>

#ifdef STRESS_CORE
#include "include/superslab.h"
#endif

#ifndef STRESS_CORE
// There if superslab serves the program.
struct ss_heap;
extern "C" {
[[gnu::weak]] ss_heap* ss_heap_new(size_t max_bytes);
[[gnu::weak]] void* ss_heap_malloc(ss_heap* heap, size_t size);
[[gnu::weak]] void ss_heap_delete(ss_heap* heap);
}
#endif

namespace heap {

using Heap = ss_heap;

/// Whether it is malloc. The C library's streams use that in any case, and a sanitizer's does not
/// survive a fork among threads.
#ifdef STRESS_CORE
inline constexpr bool kIsMalloc = false;
inline bool has_heaps() { return true; }
#else
inline constexpr bool kIsMalloc = true;
inline bool has_heaps() { return ss_heap_new != nullptr; }
#endif
inline Heap* make_heap(size_t max_bytes) { return ss_heap_new(max_bytes); }
inline void* allocate_from(Heap* heap, size_t bytes) { return ss_heap_malloc(heap, bytes); }
inline void end_heap(Heap* heap) { ss_heap_delete(heap); }

#ifdef STRESS_CORE

inline void* allocate(size_t bytes) { return ss_malloc(bytes); }
inline void* allocate_zeroed(size_t count, size_t bytes) { return ss_calloc(count, bytes); }
inline void* allocate_aligned(size_t alignment, size_t bytes) {
  return ss_aligned_alloc(alignment, bytes);
}
inline void* allocate_at(size_t alignment, size_t bytes) {
  return ss_aligned_alloc(alignment, bytes);
}
inline void* resize(void* block, size_t bytes) { return ss_realloc(block, bytes); }
inline void release(void* block) { ss_free(block); }
inline void release_sized(void* block, size_t bytes) { ss_free_sized(block, bytes); }
inline size_t usable_bytes(void* block) { return ss_usable_size(block); }
inline void trim() { ss_trim(); }

#else

inline void* allocate(size_t bytes) { return malloc(bytes); }
inline void* allocate_zeroed(size_t count, size_t bytes) { return calloc(count, bytes); }
inline void* allocate_aligned(size_t alignment, size_t bytes) {
  // Before C17 the size had to be a multiple of the alignment; sanitizers still ask for it.
  return aligned_alloc(alignment, (bytes + alignment - 1) & ~(alignment - 1));
}
inline void* allocate_at(size_t alignment, size_t bytes) {
  void* block = nullptr;
  return posix_memalign(&block, alignment, bytes) == 0 ? block : nullptr;
}
inline void* resize(void* block, size_t bytes) { return realloc(block, bytes); }
inline void release(void* block) { free(block); }
inline void release_sized(void* block, size_t) { free(block); }
inline size_t usable_bytes(void* block) { return malloc_usable_size(block); }
inline void trim() { malloc_trim(0); }

#endif

}  // namespace heap
