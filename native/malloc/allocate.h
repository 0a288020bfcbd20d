// What malloc, calloc, realloc, free and their kin do, under names of our own. The C API and the
// LD_PRELOAD library are thin skins over these. errno is theirs to set.
#pragma once

#include "base/types.h"
#include "malloc/process_heap.h"

namespace superslab {

/// The slow paths: no cached block, no cache yet, beyond the tables. nullptr without memory.
void* allocate_slow(ByteCount bytes);
void free_slow(void* block);
void free_sized_slow(void* block, ByteCount bytes);

/// A block that lies ready, or else what `slow` returns. All that malloc and operator new inline.
template <void* (*slow)(ByteCount)>
[[gnu::always_inline]] inline void* allocate_or(ByteCount bytes) {
  if (void* block = ProcessHeap::front().try_allocate(bytes); block != nullptr) [[likely]]
    return block;
  return slow(bytes);
}

/// At least `bytes`, aligned to 16; nullptr without memory.
inline void* allocate(ByteCount bytes) { return allocate_or<allocate_slow>(bytes); }

/// nullptr and any block of ours.
[[gnu::always_inline]] inline void deallocate(void* block) {
  if (ProcessHeap::front().try_free(block)) [[likely]]
    return;
  free_slow(block);
}

/// The same, and `bytes` is what the caller says that it asked for: SUPERSLAB_CHECK looks at it,
/// else the block's own slab says its size.
[[gnu::always_inline]] inline void deallocate_sized(void* block, ByteCount bytes) {
  if (ProcessHeap::front().try_free(block)) [[likely]]
    return;
  free_sized_slow(block, bytes);
}

/// `bytes` bytes that read as zero.
void* allocate_zeroed(ByteCount bytes);

/// `alignment` is a power of two.
void* allocate_aligned(ByteCount alignment, ByteCount bytes);

/// The block made to hold `bytes` > 0 bytes, at another place if need be; nullptr without memory,
/// and then nothing has changed. `block` is not null.
void* reallocate(void* block, ByteCount bytes);

/// Whether `block` now holds `bytes` > 0 bytes where it is. `block` is not null.
bool resize_in_place(void* block, ByteCount bytes);

/// Bytes that may be used at `block`, at least as many as were asked for; 0 for nullptr.
ByteCount usable_bytes(const void* block);

/// Whether the block is ours.
bool owns(const void* block);

}  // namespace superslab
