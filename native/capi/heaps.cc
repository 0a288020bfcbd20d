// First-class heaps. An ss_heap is a FirstClassHeap whose type C does not know.
#include "capi/c_api.h"
#include "malloc/allocate.h"
#include "malloc/first_class_heap.h"

namespace calls = superslab::calls;
using superslab::FirstClassHeap;

namespace {

FirstClassHeap& from(ss_heap* heap, const char* function = __builtin_FUNCTION()) {
  auto* found = reinterpret_cast<FirstClassHeap*>(heap);
  FirstClassHeap::check(function, found);
  return *found;
}

}  // namespace

ss_heap* ss_heap_new(size_t max_bytes) {
  return static_cast<ss_heap*>(calls::with_errno([&] { return FirstClassHeap::make(max_bytes); }));
}

void* ss_heap_malloc(ss_heap* heap, size_t size) {
  FirstClassHeap& own = from(heap);
  return calls::with_errno([&] { return own.allocate(size); });
}

void* ss_heap_calloc(ss_heap* heap, size_t count, size_t size) {
  size_t whole;
  if (__builtin_mul_overflow(count, size, &whole)) return calls::no_memory();
  FirstClassHeap& own = from(heap);
  return calls::with_errno([&] { return own.allocate_zeroed(whole); });
}

void* ss_heap_realloc(ss_heap* heap, void* block, size_t size) {
  if (block == nullptr) return ss_heap_malloc(heap, size);
  if (size == 0) {
    ss_free(block);
    return nullptr;
  }
  FirstClassHeap& own = from(heap);
  return calls::with_errno([&] { return own.reallocate(block, size); });
}

void* ss_heap_aligned_alloc(ss_heap* heap, size_t alignment, size_t size) {
  if (!superslab::is_power_of_two(alignment)) {
    errno = EINVAL;
    return nullptr;
  }
  FirstClassHeap& own = from(heap);
  return calls::with_errno([&] { return own.allocate_aligned(alignment, size); });
}

void ss_heap_delete(ss_heap* heap) {
  if (heap == nullptr) return;
  const int before = errno;
  from(heap).end();
  errno = before;
}
