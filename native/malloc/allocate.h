// What malloc, calloc, realloc, free and their kin do, under names of our own. The C API and the
// malloc family are names for these; operator new and the heap's own parts have no use for errno.
#pragma once

#include <cerrno>

#include "base/bits.h"
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

/// The same with errno, as C callers have it. A call that succeeds leaves errno as it was, also
/// where the heap's system calls on the way changed it: callers of free() rely on it
/// (POSIX.1-2024), and more than one of malloc() does.
namespace calls {

/// The rest of malloc() below. Not inlined: what needs a stack frame stays out of the way of blocks
/// that lie ready.
[[gnu::noinline]] void* malloc_slow(ByteCount bytes);

[[gnu::always_inline]] inline void* malloc(ByteCount bytes) {
  return allocate_or<malloc_slow>(bytes);
}

[[gnu::always_inline]] inline void free(void* block) { deallocate(block); }
[[gnu::always_inline]] inline void free_sized(void* block, ByteCount bytes) {
  deallocate_sized(block, bytes);
}

void* calloc(ByteCount count, ByteCount bytes);

/// Frees with `bytes` 0, as glibc does.
void* realloc(void* block, ByteCount bytes);
void* reallocarray(void* block, ByteCount count, ByteCount bytes);

/// EINVAL unless `alignment` is a power of two.
void* aligned_alloc(ByteCount alignment, ByteCount bytes);

/// nullptr, and errno is ENOMEM.
inline void* no_memory() {
  errno = ENOMEM;
  return nullptr;
}

/// Runs `allocate`, which returns nullptr for want of memory, and sets errno to fit.
template <class Allocate>
void* with_errno(Allocate allocate) {
  const int before = errno;
  void* block = allocate();
  errno = block != nullptr ? before : ENOMEM;
  return block;
}

}  // namespace calls
}  // namespace superslab
