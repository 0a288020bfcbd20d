// The malloc family as glibc defines it: the values of errno, what is rounded and what is refused.
// Where versions of glibc differ, the newest.
#include <malloc.h>
#include <unistd.h>

#include <bit>
#include <cstdlib>

#include "malloc/allocate.h"
#include "shim/export.h"

namespace calls = superslab::calls;
using superslab::align_up;
using superslab::is_power_of_two;

namespace {

/// The alignment that memalign() makes of one that is no power of two; 0 when there is none.
size_t rounded_alignment(size_t alignment) {
  return alignment > SIZE_MAX / 2 + 1 ? 0 : std::bit_ceil(alignment);
}

size_t page_bytes() { return static_cast<size_t>(sysconf(_SC_PAGESIZE)); }

}  // namespace

extern "C" {

SHIM_EXPORT void* malloc(size_t size) noexcept { return calls::malloc(size); }
SHIM_EXPORT void free(void* block) noexcept { calls::free(block); }
SHIM_EXPORT void* calloc(size_t count, size_t size) noexcept { return calls::calloc(count, size); }
SHIM_EXPORT void* realloc(void* block, size_t size) noexcept { return calls::realloc(block, size); }
SHIM_EXPORT void* reallocarray(void* block, size_t count, size_t size) noexcept {
  return calls::reallocarray(block, count, size);
}

SHIM_EXPORT void* aligned_alloc(size_t alignment, size_t size) noexcept {
  return calls::aligned_alloc(alignment, size);
}

SHIM_EXPORT void* memalign(size_t alignment, size_t size) noexcept {
  return calls::aligned_alloc(rounded_alignment(alignment), size);
}

// Returns the error, and leaves errno alone.
SHIM_EXPORT int posix_memalign(void** out, size_t alignment, size_t size) noexcept {
  if (!is_power_of_two(alignment) || alignment % sizeof(void*) != 0) return EINVAL;
  const int before = errno;
  void* block = superslab::allocate_aligned(alignment, size);
  errno = before;
  if (block == nullptr) return ENOMEM;
  *out = block;
  return 0;
}

SHIM_EXPORT void* valloc(size_t size) noexcept { return calls::aligned_alloc(page_bytes(), size); }

SHIM_EXPORT void* pvalloc(size_t size) noexcept {
  const size_t page = page_bytes();
  if (size > SIZE_MAX - page) return calls::no_memory();
  return calls::aligned_alloc(page, align_up(size, page));
}

SHIM_EXPORT size_t malloc_usable_size(void* block) noexcept {
  return superslab::usable_bytes(block);
}

// C23.
SHIM_EXPORT void free_sized(void* block, size_t size) noexcept { calls::free_sized(block, size); }
SHIM_EXPORT void free_aligned_sized(void* block, size_t /*alignment*/, size_t size) noexcept {
  calls::free_sized(block, size);
}

// Gone from the headers, but not from old programs.
SHIM_EXPORT void cfree(void* block) noexcept { calls::free(block); }

}  // extern "C"
