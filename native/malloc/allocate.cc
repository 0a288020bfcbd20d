#include "malloc/allocate.h"

#include <errno.h>

#include <algorithm>
#include <cstring>

#include "base/bits.h"
#include "base/keep_errno.h"
#include "heap/request_offset.h"
#include "heap/slab_bits.h"
#include "malloc/checked.h"
#include "malloc/first_class_heap.h"
#include "malloc/foreign.h"

namespace superslab {
namespace {

/// What is done now and then, along with allocations.
[[gnu::noinline]] void take_turn(ProcessHeap& heap, ThreadCache& cache) {
  cache.retire_idle();
  heap.tick();
  FirstClassHeap::tick_all();
}

/// The heap that `block`, of a slab or huge, is of: the process's or a first-class one.
Heap& heap_of(ProcessHeap& process, const void* block) {
  return Heap::of(process.space().superslab_of(block));
}

/// This thread's share of the process's heap, if it has one.
SlabOwner* own_share() {
  ThreadCache* mine = ProcessHeap::own_cache();
  return mine == nullptr ? nullptr : &mine->owner();
}

bool is_huge(ByteCount bytes) { return bytes > kMaxClassBytes; }

/// Offset of a request of `bytes` from the start of its block, which ends where it may.
ByteCount offset_in(const ProcessHeap& heap, ByteCount bytes, ByteCount block_bytes) {
  return heap.policy().check ? 0 : request_offset(bytes, block_bytes);
}

/// Under a limit on addresses, a block that would leave more than this part of its superslabs
/// unused is a mapping of its own.
constexpr ByteCount kWastefulPart = 8;

void* allocate_huge(ProcessHeap& heap, ByteCount bytes, ByteCount alignment, bool& is_zero) {
  ThreadCache* cache = heap.cache();
  if (cache == nullptr) return nullptr;
  heap.tick();
  const ByteCount unused = align_up(bytes, kSuperslabBytes) - bytes;
  const bool is_wasteful = heap.is_rationed() && unused > bytes / kWastefulPart;
  if (bytes >= kMinMappedBytes || alignment >= kMinMappedBytes || is_wasteful) {
    void* block = heap.mapped().allocate(bytes, alignment);
    is_zero = true;
    if (block != nullptr || !is_wasteful) return block;
  }
  SlabOwner* const lessee = &cache->owner();
  const ByteCount unit = std::max(alignment, kSuperslabBytes);
  const auto take = [&] { return heap.heap().huge().take(bytes, lessee, unit, &is_zero); };
  const Superslab* head = heap.heap().huge().reuse(bytes, lessee, unit, is_zero);
  if (head == nullptr) {
    cache->give_idle_rows();
    head = take();
  }
  if (head == nullptr) {
    cache->flush();  // our own unused slabs may hold the superslabs that are missing
    head = take();
  }
  if (head == nullptr && heap.heap().trim(0) != 0) head = take();  // or those of ended threads
  if (head == nullptr) {
    // A limited process may have addresses for it that do not make superslabs.
    is_zero = true;
    return heap.mapped().allocate(bytes, alignment);
  }
  return alignment > kMinAlignment ? head->base
                                   : head->base + offset_in(heap, bytes, kSuperslabBytes);
}

/// Where a request of `bytes` > kMaxMediumBytes begins in its block, which may be nullptr.
void* placed(void* block, ByteCount bytes) {
  if (block == nullptr) return nullptr;
  return static_cast<std::byte*>(block) +
         request_offset(bytes, size_class(class_for(bytes)).block_bytes);
}

/// Zeroed memory of these sizes is mostly read and written all over, as a table is, and a page that
/// is read before it is written costs two faults of its own. One call for all of them costs a
/// third.
constexpr ByteCount kMinPopulatedBytes = 16 * kKiB;

void prefault(ProcessHeap& heap, void* block, ByteCount bytes) {
  Os& os = heap.space().os();
  const std::uintptr_t from = align_down(address_of(block), os.page_bytes());
  const std::uintptr_t to = align_up(address_of(block) + bytes, os.page_bytes());
  os.populate(reinterpret_cast<void*>(from), to - from);
}

/// The block of a slab that `p` lies in.
std::byte* start_of_block(const Space& space, const void* p) {
  const Slab& slab = *space.slab_of(p);
  return block_address(slab, block_index(slab, p));
}

/// The class of the block, whoever owns its slab; kTagHuge and kTagNone likewise.
SliceTag tag_of_block(ProcessHeap& heap, const void* block) { return heap.space().tag_at(block); }

}  // namespace

void* allocate_slow(ByteCount bytes) {
  if (ThreadCache* mine = ProcessHeap::own_cache();
      mine != nullptr && bytes > kMaxMediumBytes && !is_huge(bytes) && !mine->is_due()) {
    bool is_zero;
    if (void* block = mine->allocate_one(class_for(bytes), is_zero); block != nullptr)
      return placed(block, bytes);
  }
  ProcessHeap* heap = ProcessHeap::get();
  if (heap == nullptr) return allocate_at_start(bytes, kMinAlignment);
  if (is_huge(bytes)) {
    bool is_zero;
    return allocate_huge(*heap, bytes, kMinAlignment, is_zero);
  }
  ThreadCache* cache = heap->cache();
  if (cache == nullptr) return nullptr;
  if (cache->take_turn()) take_turn(*heap, *cache);
  if (heap->policy().check) return allocate_checked(*cache, bytes);
  void* block = cache->allocate(bytes);
  return bytes <= kMaxMediumBytes ? block : placed(block, bytes);
}

void free_slow(void* block) {
  if (block == nullptr) return;
  const KeepErrno keep;
  // The commonest first: another thread's block, or a large one of this thread's own.
  if (ThreadCache* mine = ProcessHeap::own_cache(); mine != nullptr) {
    if (const Route route = mine->route_of_block(block); route != kNoRoute) {
      const bool is_own = mine->own_class(block) < kClassCount;
      const std::size_t c = route % (1u << kRouteClassBits);
      if (c >= kFirstLargeClass) block = start_of_block(mine->heap().space(), block);
      if (is_own) return mine->free_large_class(block, c);
      // Not if there are first-class heaps: one may end before the outbox passes its block on.
      if (FirstClassHeap::count() == 0) return mine->send_home(block, static_cast<ClassIndex>(c));
    }
  }
  ProcessHeap* heap = ProcessHeap::get();
  const SliceTag tag = heap == nullptr ? kTagNone : tag_of_block(*heap, block);
  if (tag == kTagNone) {
    if (heap != nullptr && heap->mapped().free(block)) return;
    free_foreign(block);
    return;
  }
  if (heap->policy().check) {
    check_block(*heap, "free", block);
    free_checked(*heap, "free", block);
    heap->tick();
    return;
  }
  if (tag == kTagHuge) {
    heap_of(*heap, block).give_huge(&heap->space().superslab_of(block));
    heap->tick();
    return;
  }
  if (tag - 1u > kLastMediumClass) block = start_of_block(heap->space(), block);
  // Not by way of the thread's cache: a first-class heap may end before that passes the block on.
  if (FirstClassHeap::count() != 0) {
    Heap& home = heap_of(*heap, block);
    if (&home != &heap->heap()) {
      SlabOwner::give_remote(home.slabs(), block, own_share());
      return;
    }
  }
  ThreadCache* cache = heap->cache_to_free();
  // Without a cache the block still goes home.
  if (cache == nullptr) {
    SlabOwner::give_remote(heap->heap().slabs(), block, nullptr);
  } else {
    cache->free(block);
  }
}

void free_sized_slow(void* block, ByteCount bytes) {
  if (ProcessHeap* heap = ProcessHeap::get();
      heap != nullptr && heap->policy().check && block != nullptr) {
    check_block(*heap, "free", block);
    if (owns(block)) check_size("free", block, usable_bytes(block), bytes);
  }
  free_slow(block);
}

void* allocate_zeroed(ByteCount bytes) {
  bool is_zero = false;
  void* block = nullptr;
  ProcessHeap* heap = bytes < ThreadCache::kMinZeroBytes ? nullptr : ProcessHeap::get();
  if (heap == nullptr) {
    block = allocate(bytes);
  } else if (is_huge(bytes)) {
    block = allocate_huge(*heap, bytes, kMinAlignment, is_zero);
  } else if (ThreadCache* cache = heap->cache(); cache != nullptr) {
    if (cache->take_turn()) take_turn(*heap, *cache);
    const bool is_checked = heap->policy().check;
    block = is_checked ? allocate_checked(*cache, bytes) : cache->allocate_zeroed(bytes, is_zero);
    if (bytes > kMaxMediumBytes && !is_checked) block = placed(block, bytes);
  }
  if (block == nullptr) return nullptr;
  if (!is_zero) {
    std::memset(block, 0, bytes);
  } else if (bytes >= kMinPopulatedBytes && bytes <= kMaxClassBytes) {
    prefault(*heap, block, bytes);
  }
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
  return allocate_huge(*heap, std::max(bytes, kMaxClassBytes + 1), alignment, is_zero);
}

ByteCount usable_bytes(const void* block) {
  if (block == nullptr) return 0;
  if (const std::size_t c = ProcessHeap::front().own_class(block); c <= kLastMediumClass)
    return kSizeClasses[c].block_bytes;
  ProcessHeap* heap = ProcessHeap::get();
  const SliceTag tag = heap == nullptr ? kTagNone : tag_of_block(*heap, block);
  if (heap != nullptr && heap->policy().check) check_block(*heap, "malloc_usable_size", block);
  if (tag == kTagHuge) {
    const Superslab& head = heap->space().superslab_of(block);
    return head.huge_bytes - (address_of(block) - address_of(head.base));
  }
  if (tag != kTagNone) {
    const ByteCount whole = kSizeClasses[tag - 1].block_bytes;
    return tag - 1u <= kLastMediumClass
               ? whole
               : whole - (address_of(block) - address_of(start_of_block(heap->space(), block)));
  }
  if (heap != nullptr) {
    if (const ByteCount bytes = heap->mapped().bytes_of(block); bytes != 0) return bytes;
  }
  return usable_bytes_of_foreign(block);
}

bool owns(const void* block) {
  ProcessHeap* heap = ProcessHeap::get();
  if (heap != nullptr &&
      (tag_of_block(*heap, block) != kTagNone || heap->mapped().bytes_of(block) != 0))
    return true;
  return is_from_start(block);
}

bool resize_in_place(void* block, ByteCount bytes) {
  const ByteCount before = usable_bytes(block);
  // A block that would be less than half used gives way to a smaller one.
  if (bytes <= before && bytes >= before / 2) return true;
  ProcessHeap* heap = ProcessHeap::get();
  return heap != nullptr && is_huge(bytes) && bytes < kMinMappedBytes &&
         tag_of_block(*heap, block) == kTagHuge &&
         heap_of(*heap, block)
             .huge().resize(&heap->space().superslab_of(block),
                          bytes + address_of(block) % kSuperslabBytes);
}

namespace {

constexpr ByteCount kMinRoomyBytes = 4 * kKiB;

/// For a block that outgrew its `before` bytes. What grows once mostly grows again: from a few
/// pages on it gets a quarter more than it had, of which it touches what it needs; and it begins
/// where its slab's blocks do, so that it can use all of it.
void* allocate_with_room(ByteCount bytes, ByteCount before) {
  const ByteCount roomy = before < kMinRoomyBytes ? bytes : std::max(bytes, before + before / 4);
  if (roomy <= kMaxMediumBytes) return allocate(roomy);
  if (!is_huge(roomy)) return allocate(size_class(class_for(roomy)).block_bytes);
  return allocate_aligned(kSuperslabBytes, bytes);
}

}  // namespace

void* reallocate(void* block, ByteCount bytes) {
  // The commonest case first: a small block of this thread's that stays in its class.
  const std::size_t c = ProcessHeap::front().own_class(block);
  if (c <= kLastMediumClass) {
    const ByteCount before = kSizeClasses[c].block_bytes;
    if (bytes <= before && bytes >= before / 2) return block;
  } else {
    if (c >= kClassCount && !owns(block)) return reallocate_foreign(block, bytes);
    if (ProcessHeap* heap = ProcessHeap::get(); heap != nullptr && heap->policy().check)
      check_block(*heap, "realloc", block);
    if (resize_in_place(block, bytes)) return block;
  }
  const ByteCount before = usable_bytes(block);
  void* moved = bytes > before ? allocate_with_room(bytes, before) : allocate(bytes);
  if (moved == nullptr) return bytes <= before ? block : nullptr;
  std::memcpy(moved, block, std::min(before, bytes));
  deallocate(block);
  return moved;
}

}  // namespace superslab
