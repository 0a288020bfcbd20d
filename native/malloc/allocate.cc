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
#include "malloc/program_kinds.h"
#include "malloc/program_pools.h"
#include "malloc/recording.h"

namespace superslab {
namespace {

/// What is done now and then, along with allocations.
[[gnu::noinline]] void take_turn(ProcessHeap& heap, ThreadCache& cache) {
  cache.flush_if_wanted();
  cache.retire_idle();
  heap.tick();
  FirstClassHeap::tick_all();
  ProgramPool::tick_all();
  ProgramKind::tick_all();
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

/// What a block is, looked up once. What is done with it follows from this.
struct BlockClass {
  SliceTag tag = kTagNone;  // as Space::tag_at(); kTagNone: no block of a slab, and not huge
  bool is_own = false;      // in a slab of the calling thread's own

  bool is_in_slab() const { return tag != kTagNone && tag != kTagHuge; }
  std::size_t size_class() const { return tag - 1u; }
};

/// `mine`: the calling thread's cache, if its fast paths may be used. The route of a slab's block
/// tells its class and whose it is by one load; only what has none is looked up further.
[[gnu::always_inline]] inline BlockClass classify(ThreadCache* mine, const void* block) {
  if (mine != nullptr) {
    if (const Route route = mine->route_of_block(block); route != kNoRoute)
      return {tag_of(class_of_route(route)), mine->is_own(route)};
  }
  ProcessHeap* heap = ProcessHeap::get();
  return {heap == nullptr ? kTagNone : heap->space().tag_at(block)};
}

void* allocate_from(ProcessHeap& heap, ByteCount bytes) {
  if (is_huge(bytes)) {
    bool is_zero;
    return allocate_huge(heap, bytes, kMinAlignment, is_zero);
  }
  ThreadCache* cache = heap.cache();
  if (cache == nullptr) return nullptr;
  if (cache->take_turn()) take_turn(heap, *cache);
  if (heap.policy().check) return allocate_checked(*cache, bytes);
  void* block = cache->allocate(bytes);
  return bytes <= kMaxMediumBytes ? block : placed(block, bytes);
}

[[gnu::noinline]] void* allocate_recorded(ProcessHeap& heap, ByteCount bytes) {
  void* block = allocate_from(heap, bytes);
  Recording::allocated(block, bytes);
  return block;
}

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
  if (heap->is_recorded()) [[unlikely]]
    return allocate_recorded(*heap, bytes);
  return allocate_from(*heap, bytes);
}

namespace {

/// `block` begins a block of class `c` of another owner's slab.
void free_others(ThreadCache& mine, void* block, std::size_t c) {
  // Not by way of the outbox: a first-class heap or a pool may end before that passes the block on.
  if (FirstClassHeap::count() != 0 || ProgramPool::count() != 0) {
    Heap& home = Heap::of(mine.heap().space().superslab_of(block));
    if (&home != &mine.heap()) {
      SlabOwner::give_remote(home.slabs(), block, &mine.owner());
      return;
    }
  }
  mine.send_home(block, static_cast<ClassIndex>(c));
}

/// A block of a slab, for a thread without a cache: before its first allocation, or at its very
/// end.
void free_without_cache(ProcessHeap& process, const BlockClass& found, void* block) {
  if (found.size_class() >= kFirstLargeClass) block = start_of_block(process.space(), block);
  Heap& home = Heap::of(process.space().superslab_of(block));
  // Without a cache the block still goes home.
  ThreadCache* cache = &home == &process.heap() ? process.cache_to_free() : nullptr;
  if (cache == nullptr) {
    SlabOwner::give_remote(home.slabs(), block, nullptr);
  } else {
    cache->free(block);
  }
}

/// No block of a slab, and not huge.
void free_outside(ProcessHeap* process, void* block) {
  if (process == nullptr || !process->mapped().free(block)) free_foreign(block);
}

/// What is no block of a slab, or comes from a thread without a cache. Out of line: it needs more
/// registers than a free of a block of a slab.
[[gnu::noinline]] void free_rest(void* block) {
  const BlockClass found = classify(nullptr, block);
  ProcessHeap* process = ProcessHeap::get();
  if (process != nullptr && process->is_recorded()) [[unlikely]]
    Recording::freed(block);
  if (found.tag == kTagNone) return free_outside(process, block);
  if (process->policy().check) {
    check_block(*process, "free", block);
    free_checked(*process, "free", block);
    process->tick();
    return;
  }
  if (found.is_in_slab()) return free_without_cache(*process, found, block);
  Superslab& head = process->space().superslab_of(block);
  Heap::of(head).give_huge(&head);
  process->tick();
}

}  // namespace

void free_slow(void* block) {
  if (block == nullptr) return;
  const KeepErrno keep;
  ThreadCache* mine = ProcessHeap::own_cache();
  const Route route = mine == nullptr ? kNoRoute : mine->route_of_block(block);
  if (route == kNoRoute) return free_rest(block);
  const std::size_t c = to_index(class_of_route(route));
  if (c >= kFirstLargeClass) block = start_of_block(mine->heap().space(), block);
  mine->is_own(route) ? mine->free_own(block, c) : free_others(*mine, block, c);
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
  if (heap != nullptr && heap->is_recorded()) [[unlikely]]
    Recording::allocated(block, bytes);
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
  void* block = allocate_huge(*heap, std::max(bytes, kMaxClassBytes + 1), alignment, is_zero);
  if (heap->is_recorded()) [[unlikely]]
    Recording::allocated(block, bytes);
  return block;
}

namespace {

ByteCount usable_of(ProcessHeap* process, const BlockClass& found, const void* block) {
  if (found.tag == kTagHuge) {
    const Superslab& head = process->space().superslab_of(block);
    return head.huge_bytes - (address_of(block) - address_of(head.base));
  }
  if (found.is_in_slab()) {
    const ByteCount whole = kSizeClasses[found.size_class()].block_bytes;
    return found.size_class() <= kLastMediumClass
               ? whole
               : whole - (address_of(block) - address_of(start_of_block(process->space(), block)));
  }
  if (process != nullptr) {
    if (const ByteCount bytes = process->mapped().bytes_of(block); bytes != 0) return bytes;
  }
  return usable_bytes_of_foreign(block);
}

bool is_ours(ProcessHeap* process, const BlockClass& found, const void* block) {
  return found.tag != kTagNone || (process != nullptr && process->mapped().bytes_of(block) != 0) ||
         is_from_start(block);
}

/// Whether the block, of which `before` bytes may be used, now holds `bytes` where it is.
bool resize_known(ProcessHeap* process, const BlockClass& found, void* block, ByteCount before,
                  ByteCount bytes) {
  // A block that would be less than half used gives way to a smaller one.
  if (bytes <= before && bytes >= before / 2) return true;
  if (found.tag != kTagHuge || !is_huge(bytes) || bytes >= kMinMappedBytes) return false;
  Superslab& head = process->space().superslab_of(block);
  return Heap::of(head).huge().resize(&head, bytes + address_of(block) % kSuperslabBytes);
}

bool resize_and_record(ProcessHeap* process, const BlockClass& found, void* block, ByteCount before,
                       ByteCount bytes) {
  if (!resize_known(process, found, block, before, bytes)) return false;
  if (process != nullptr && process->is_recorded()) [[unlikely]]
    Recording::resized(block, bytes);
  return true;
}

void check_if_wanted(ProcessHeap* process, const char* function, const void* block) {
  if (process != nullptr && process->policy().check) check_block(*process, function, block);
}

}  // namespace

ByteCount usable_bytes(const void* block) {
  if (block == nullptr) return 0;
  if (const std::size_t c = ProcessHeap::front().own_class(block); c <= kLastMediumClass)
    return kSizeClasses[c].block_bytes;
  ProcessHeap* process = ProcessHeap::get();
  const BlockClass found = classify(ProcessHeap::own_cache(), block);
  check_if_wanted(process, "malloc_usable_size", block);
  return usable_of(process, found, block);
}

bool owns(const void* block) {
  ProcessHeap* process = ProcessHeap::get();
  return is_ours(process, classify(ProcessHeap::own_cache(), block), block);
}

bool resize_in_place(void* block, ByteCount bytes) {
  ProcessHeap* process = ProcessHeap::get();
  const BlockClass found = classify(ProcessHeap::own_cache(), block);
  check_if_wanted(process, "malloc_usable_size", block);
  return resize_and_record(process, found, block, usable_of(process, found, block), bytes);
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

namespace {

/// `before`: what may be used of the block that grows or shrinks.
void* move_block(void* block, ByteCount before, ByteCount bytes) {
  void* moved = bytes > before ? allocate_with_room(bytes, before) : allocate(bytes);
  if (moved == nullptr) return bytes <= before ? block : nullptr;
  std::memcpy(moved, block, std::min(before, bytes));
  deallocate(block);
  return moved;
}

}  // namespace

void* reallocate(void* block, ByteCount bytes) {
  // The commonest case first: a small block of this thread's that stays in its class.
  const std::size_t c = ProcessHeap::front().own_class(block);
  if (c <= kLastMediumClass) {
    const ByteCount before = kSizeClasses[c].block_bytes;
    if (bytes <= before && bytes >= before / 2) return block;
    return move_block(block, before, bytes);
  }
  ProcessHeap* process = ProcessHeap::get();
  const BlockClass found = c < kClassSlots ? BlockClass{tag_of(static_cast<ClassIndex>(c)), true}
                                           : classify(ProcessHeap::own_cache(), block);
  if (!is_ours(process, found, block)) return reallocate_foreign(block, bytes);
  check_if_wanted(process, "realloc", block);
  const ByteCount before = usable_of(process, found, block);
  if (resize_and_record(process, found, block, before, bytes)) return block;
  return move_block(block, before, bytes);
}

namespace calls {

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

}  // namespace calls
}  // namespace superslab
