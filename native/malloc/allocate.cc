#include "malloc/allocate.h"

#include <algorithm>
#include <cstring>

#include "base/bits.h"
#include "heap/placement.h"
#include "heap/slab_bits.h"
#include "malloc/foreign.h"

namespace superslab {
namespace {

/// Slow paths between two looks at the clock.
constexpr unsigned kStepsPerTick = 64;

void count_step(ProcessHeap& heap) {
  [[gnu::tls_model("initial-exec")]] static thread_local unsigned steps = 0;
  if (++steps % kStepsPerTick == 0) heap.tick();
}

bool is_large(ByteCount bytes) { return bytes > kMaxClassBytes; }

void* allocate_large(ProcessHeap& heap, ByteCount bytes, ByteCount alignment, bool& is_zero) {
  ThreadCache* cache = heap.cache();
  if (cache == nullptr) return nullptr;
  count_step(heap);
  if (bytes >= kLeastMappedBytes || alignment >= kLeastMappedBytes) {
    is_zero = true;
    return heap.mapped().allocate(bytes, alignment);
  }
  const Superslab* head = heap.heap().take_large(
      bytes, &cache->owner(), std::max(alignment, kSuperslabBytes), &is_zero);
  if (head == nullptr) return nullptr;
  return alignment > kMinAlignment ? head->base
                                   : head->base + placement_offset(bytes, kSuperslabBytes);
}

/// The block of a slab that `p` lies in.
std::byte* start_of_block(ProcessHeap& heap, const void* p) {
  const Slab& slab = *heap.space().slab_of(p);
  return block_address(slab, block_index(slab, p));
}

/// The class of the block, whoever owns its slab; kTagLarge and kTagNone likewise.
SliceTag tag_of_block(ProcessHeap& heap, const void* block) { return heap.space().tag_at(block); }

}  // namespace

void* allocate_slow(ByteCount bytes) {
  ProcessHeap* heap = ProcessHeap::get();
  if (heap == nullptr) return allocate_at_start(bytes, kMinAlignment);
  if (is_large(bytes)) {
    bool is_zero;
    return allocate_large(*heap, bytes, kMinAlignment, is_zero);
  }
  ThreadCache* cache = heap->cache();
  if (cache == nullptr) return nullptr;
  count_step(*heap);
  void* block = cache->allocate(bytes);
  if (bytes <= kMaxMediumBytes || block == nullptr) return block;
  return static_cast<std::byte*>(block) +
         placement_offset(bytes, size_class(class_for(bytes)).block_bytes);
}

void free_slow(void* block) {
  if (block == nullptr) return;
  ProcessHeap* heap = ProcessHeap::get();
  const SliceTag tag = heap == nullptr ? kTagNone : tag_of_block(*heap, block);
  if (tag == kTagNone) {
    if (heap != nullptr && heap->mapped().free(block)) return;
    free_foreign(block);
    return;
  }
  count_step(*heap);
  if (tag == kTagLarge) {
    heap->heap().give_large(&heap->space().superslab_of(block));
    return;
  }
  if (tag - 1u > kLastMediumClass) block = start_of_block(*heap, block);
  ThreadCache* cache = heap->cache();
  // Without memory for a cache the block still goes home.
  if (cache == nullptr) return SlabOwner::give_remote(heap->heap(), block);
  cache->free(block);
}

void* allocate_zeroed(ByteCount bytes) {
  ProcessHeap* heap = ProcessHeap::get();
  if (is_large(bytes) && heap != nullptr) {
    bool is_zero = false;
    void* block = allocate_large(*heap, bytes, kMinAlignment, is_zero);
    if (block != nullptr && !is_zero) std::memset(block, 0, bytes);
    return block;
  }
  void* block = allocate(bytes);
  if (block != nullptr) std::memset(block, 0, bytes);
  return block;
}

void* allocate_aligned(ByteCount alignment, ByteCount bytes) {
  if (alignment <= kMinAlignment) return allocate(bytes);
  ProcessHeap* heap = ProcessHeap::get();
  if (heap == nullptr) return allocate_at_start(bytes, alignment);
  if (alignment <= kSliceBytes && bytes <= kMaxClassBytes) {
    // A request for a whole class begins at its block's start.
    if (const ByteCount fitting = class_aligned_to(alignment, bytes); fitting != 0)
      return allocate(fitting);
  }
  bool is_zero;
  return allocate_large(*heap, std::max(bytes, kMaxClassBytes + 1), alignment, is_zero);
}

ByteCount usable_bytes(const void* block) {
  if (block == nullptr) return 0;
  if (const std::size_t c = ProcessHeap::front().own_class(block); c <= kLastMediumClass)
    return kSizeClasses[c].block_bytes;
  ProcessHeap* heap = ProcessHeap::get();
  const SliceTag tag = heap == nullptr ? kTagNone : tag_of_block(*heap, block);
  if (tag == kTagLarge) {
    const Superslab& head = heap->space().superslab_of(block);
    return head.large_bytes - (address_of(block) - address_of(head.base));
  }
  if (tag != kTagNone) {
    const ByteCount whole = kSizeClasses[tag - 1].block_bytes;
    return tag - 1u <= kLastMediumClass
               ? whole
               : whole - (address_of(block) - address_of(start_of_block(*heap, block)));
  }
  if (heap != nullptr) {
    if (const ByteCount bytes = heap->mapped().bytes_of(block); bytes != 0) return bytes;
  }
  return usable_bytes_of_foreign(block);
}

bool owns(const void* block) {
  ProcessHeap* heap = ProcessHeap::get();
  return heap != nullptr &&
         (tag_of_block(*heap, block) != kTagNone || heap->mapped().bytes_of(block) != 0);
}

void* reallocate(void* block, ByteCount bytes) {
  const ByteCount before = usable_bytes(block);
  // A block that would be less than half used gives way to a smaller one.
  if (bytes <= before && bytes >= before / 2) return block;
  ProcessHeap* heap = ProcessHeap::get();
  if (heap != nullptr && is_large(bytes) && tag_of_block(*heap, block) == kTagLarge &&
      heap->heap().resize_large(&heap->space().superslab_of(block),
                                bytes + address_of(block) % kSuperslabBytes))
    return block;
  void* moved = allocate(bytes);
  if (moved == nullptr) return bytes <= before ? block : nullptr;
  std::memcpy(moved, block, std::min(before, bytes));
  deallocate(block);
  return moved;
}

}  // namespace superslab
