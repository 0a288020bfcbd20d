// What C callers get from the heap: its functions with errno. The C API and the malloc family are
// names for these.
//
// A call that succeeds leaves errno as it was, also where the heap's system calls on the way
// changed it: callers of free() rely on it (POSIX.1-2024), and more than one of malloc() does.
#pragma once

#include <cerrno>

#include "base/bits.h"
#include "malloc/allocate.h"

namespace superslab::calls {

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

}  // namespace superslab::calls
