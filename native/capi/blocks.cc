// Blocks of the heap of the process.
#include "capi/c_api.h"
#include "malloc/allocate.h"

namespace calls = superslab::calls;

void* ss_malloc(size_t size) { return calls::malloc(size); }
void* ss_calloc(size_t count, size_t size) { return calls::calloc(count, size); }
void* ss_realloc(void* block, size_t size) { return calls::realloc(block, size); }
void* ss_aligned_alloc(size_t alignment, size_t size) {
  return calls::aligned_alloc(alignment, size);
}

void ss_free(void* block) { calls::free(block); }
void ss_free_sized(void* block, size_t size) { calls::free_sized(block, size); }

size_t ss_usable_size(const void* block) { return superslab::usable_bytes(block); }

size_t ss_malloc_batch(size_t size, void** out, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    out[i] = calls::malloc(size);
    if (out[i] == nullptr) return i;
  }
  return count;
}

void ss_free_batch(void* const* blocks, size_t count) {
  for (size_t i = 0; i < count; ++i) calls::free(blocks[i]);
}

int ss_owns(const void* block) { return superslab::owns(block); }
