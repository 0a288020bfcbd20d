#include "heap/thread_cache.h"

#include <algorithm>
#include <cstring>
#include <new>

namespace superslab {
namespace {

/// What may wait in the outbox; a larger block goes home at once.
constexpr ByteCount kOutboxBytes = 128 * kKiB;

/// After that many spills without a refill between them the thread is giving memory back for good:
/// what it keeps then pins slabs that would be free.
constexpr std::uint8_t kManySpills = 3;

}  // namespace

ThreadCache* ThreadCache::attach(Heap& heap) {
  if (heap.space().region().slices == 0) return nullptr;
  SlabOwner* owner = heap.attach();
  if (owner == nullptr) return nullptr;
  Space& space = heap.space();
  void* p = space.metadata().allocate(space.os(), sizeof(ThreadCache), alignof(ThreadCache));
  if (p == nullptr) {
    heap.detach(owner);
    return nullptr;
  }
  return new (p) ThreadCache(heap, *owner);
}

ThreadCache::ThreadCache(Heap& heap, SlabOwner& owner)
    : FrontCache(heap.space().region(), route_of(owner.id())), owner_(&owner), heap_(&heap) {
  for (std::size_t i = 0; i < kClassCount; ++i) {
    limits_[i] = static_cast<std::uint8_t>(
        std::min<std::size_t>(magazine_limit(static_cast<ClassIndex>(i), heap.policy()), kSlots - 2));
    lay_out(i, limits_[i]);
  }
  heap.room().join(this);
}

void ThreadCache::detach() {
  heap_->room().leave(this);
  flush();
  Heap& heap = *heap_;
  heap.detach(owner_);
  heap.space().metadata().destroy(this);
}

/// Empties the row, with room for `capacity` blocks and the one that makes it spill.
void ThreadCache::lay_out(std::size_t c, std::uint32_t capacity) {
  floors_[c] = static_cast<std::uint8_t>(kSlots - 2 - capacity);
  void** floor = &slots_[c][floors_[c]];
  *floor = nullptr;
  __atomic_store_n(&tops_[c], floor + 1, __ATOMIC_RELAXED);
}

void* ThreadCache::allocate(ByteCount bytes) {
  if (bytes > kMaxClassBytes) {
    const Superslab* head = heap_->take_large(bytes, owner_);
    return head == nullptr ? nullptr : head->base;
  }
  const std::size_t i = to_index(class_for(bytes));
  if (void* block = pop(i); block != nullptr) return block;
  const auto c = static_cast<ClassIndex>(i);
  ClassCounters& counters = owner_->counters(c);
  const bool squeezed = squeezed_.load(std::memory_order_relaxed);
  const std::size_t wanted = squeezed ? 1 : batches_.next(c, limits_[i]);
  lay_out(i, limits_[i]);
  streaks_[i] = 0;
  void** bottom = tops_[i];
  std::size_t got = owner_->take(c, bottom, wanted);
  if (got == 0) {
    flush();  // under maxBytes our own magazines of other classes may hold what is missing
    got = owner_->take(c, bottom, 1);
    if (got == 0) return nullptr;
  }
  counters.acquires.add(got);
  counters.refills.add(1);
  counters.refilled_blocks.add(got);
  // Blocks leave a magazine from the top: the lowest address goes there, since memory is touched
  // in address order.
  std::reverse(bottom, bottom + got);
  __atomic_store_n(&tops_[i], bottom + got - 1, __ATOMIC_RELAXED);
  return bottom[got - 1];
}

void ThreadCache::free_slow(void* block) {
  const Space& space = heap_->space();
  const SliceTag tag = space.tag_at(block);
  if (tag == kTagLarge) {
    heap_->give_large(&space.superslab_of(block));
    return;
  }
  const auto c = static_cast<ClassIndex>(tag - 1);
  send_home(block, size_class(c).block_bytes);
}

void ThreadCache::send_home(void* block, ByteCount bytes) {
  if (outbox_count_ == kOutboxBlocks || outbox_bytes_ + bytes > kOutboxBytes) empty_outbox();
  if (bytes > kOutboxBytes || squeezed_.load(std::memory_order_relaxed)) {
    owner_->give(&block, 1);
    return;
  }
  outbox_[outbox_count_++] = block;
  outbox_bytes_ += bytes;
}

void ThreadCache::empty_outbox() {
  if (outbox_count_ == 0) return;
  owner_->give(outbox_, outbox_count_);
  outbox_count_ = 0;
  outbox_bytes_ = 0;
}

void ThreadCache::spill(ClassIndex c) {
  const std::size_t i = to_index(c);
  ClassCounters& counters = owner_->counters(c);
  const std::uint32_t held = count(i);
  void** bottom = &slots_[i][floors_[i] + 1];
  // The older half goes; what was freed last is most likely still in the processor's cache. A
  // thread that only frees keeps less and less.
  const bool shrinks = ++streaks_[i] >= kManySpills || squeezed_.load(std::memory_order_relaxed);
  if (shrinks) streaks_[i] = kManySpills;
  const std::uint32_t kept = shrinks ? 0 : held / 2;
  owner_->give(bottom, held - kept);
  counters.flushes.add(1);
  counters.flushed_blocks.add(held - kept);
  if (shrinks) {
    lay_out(i, std::min<std::uint32_t>(limits_[i], kSlots / 4));
    return;
  }
  std::memmove(bottom, bottom + (held - kept), kept * sizeof(void*));
  __atomic_store_n(&tops_[i], bottom + kept, __ATOMIC_RELAXED);
}

void ThreadCache::flush() {
  empty_outbox();
  for (std::size_t i = 0; i < kClassCount; ++i) {
    const std::uint32_t held = count(i);
    if (held == 0) continue;
    ClassCounters& counters = owner_->counters(static_cast<ClassIndex>(i));
    counters.flushes.add(1);
    counters.flushed_blocks.add(held);
    owner_->give(&slots_[i][floors_[i] + 1], held);
    lay_out(i, limits_[i]);
    batches_.reset(static_cast<ClassIndex>(i));
  }
  owner_->retire_unused();
}

std::uint32_t ThreadCache::cached(ClassIndex c) const {
  void** top = __atomic_load_n(&tops_[to_index(c)], __ATOMIC_RELAXED);
  const auto held = top - &slots_[to_index(c)][floors_[to_index(c)]] - 1;
  return static_cast<std::uint32_t>(std::clamp<std::ptrdiff_t>(held, 0, kSlots));
}

}  // namespace superslab
