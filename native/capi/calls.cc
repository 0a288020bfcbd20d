#include "capi/calls.h"

namespace superslab::calls {

void* malloc_slow(ByteCount bytes) {
  return with_errno([&] { return allocate_slow(bytes); });
}

void* calloc(ByteCount count, ByteCount bytes) {
  ByteCount whole;
  if (__builtin_mul_overflow(count, bytes, &whole)) return no_memory();
  return with_errno([&] { return allocate_zeroed(whole); });
}

void* realloc(void* block, ByteCount bytes) {
  if (block == nullptr) return malloc(bytes);
  if (bytes == 0) {
    free(block);
    return nullptr;
  }
  return with_errno([&] { return reallocate(block, bytes); });
}

void* reallocarray(void* block, ByteCount count, ByteCount bytes) {
  ByteCount whole;
  if (__builtin_mul_overflow(count, bytes, &whole)) return no_memory();
  return realloc(block, whole);
}

void* aligned_alloc(ByteCount alignment, ByteCount bytes) {
  if (!is_power_of_two(alignment)) {
    errno = EINVAL;
    return nullptr;
  }
  return with_errno([&] { return allocate_aligned(alignment, bytes); });
}

}  // namespace superslab::calls
