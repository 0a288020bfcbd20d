#include "heap/thread_cache.h"

#include <algorithm>
#include <cstring>
#include <new>

namespace superslab {

ThreadCache* ThreadCache::attach(Heap& heap) {
  SlabOwner* owner = heap.attach();
  if (owner == nullptr) return nullptr;
  auto* cache = new (std::nothrow) ThreadCache(heap, *owner);
  if (cache == nullptr) heap.detach(owner);
  return cache;
}

ThreadCache::ThreadCache(Heap& heap, SlabOwner& owner) : heap_(heap), owner_(owner) {
  for (std::size_t i = 0; i < kClassCount; ++i) {
    magazines_[i].limit = magazine_limit(static_cast<ClassIndex>(i), heap.policy());
  }
  heap_.room().join(this);
}

void ThreadCache::detach() {
  heap_.room().leave(this);
  flush();
  heap_.detach(&owner_);
  delete this;
}

void* ThreadCache::allocate(ByteCount bytes) {
  if (bytes > kMaxClassBytes) {
    Superslab* head = heap_.take_large(bytes, &owner_);
    return head == nullptr ? nullptr : head->base;
  }
  const ClassIndex c = class_for(bytes);
  Magazine& magazine = magazines_[to_index(c)];
  if (magazine.count.get() == 0) return allocate_slow(c);
  owner_.counters(c).acquires.add(1);
  return magazine.pop();
}

void* ThreadCache::allocate_slow(ClassIndex c) {
  Magazine& magazine = magazines_[to_index(c)];
  ClassCounters& counters = owner_.counters(c);
  const bool squeezed = squeezed_.load(std::memory_order_relaxed);
  const std::size_t wanted = squeezed ? 1 : batches_.next(c, magazine.limit);
  std::size_t got = owner_.take(c, magazine.blocks, wanted);
  if (got == 0) {
    flush();  // under maxBytes our own magazines of other classes may hold what is missing
    got = owner_.take(c, magazine.blocks, 1);
    if (got == 0) return nullptr;
  }
  counters.acquires.add(1);
  counters.refills.add(1);
  counters.refilled_blocks.add(got);
  // Blocks leave a magazine from the top: the lowest address goes there, since memory is touched
  // in address order.
  std::reverse(magazine.blocks, magazine.blocks + got);
  magazine.count.set(static_cast<std::uint32_t>(got));
  return magazine.pop();
}

void ThreadCache::free(void* block) {
  const SliceTag tag = heap_.space().tag_at(block);
  if (tag == kTagLarge) {
    heap_.give_large(&heap_.space().superslab_of(block));
    return;
  }
  const auto c = static_cast<ClassIndex>(tag - 1);
  Magazine& magazine = magazines_[to_index(c)];
  if (magazine.count.get() >= magazine.limit || squeezed_.load(std::memory_order_relaxed)) {
    free_slow(c, block);
    return;
  }
  magazine.push(block);
}

void ThreadCache::free_slow(ClassIndex c, void* block) {
  Magazine& magazine = magazines_[to_index(c)];
  ClassCounters& counters = owner_.counters(c);
  counters.flushes.add(1);
  if (squeezed_.load(std::memory_order_relaxed)) {
    counters.flushed_blocks.add(1);
    owner_.give(&block, 1);
    flush();
    return;
  }
  // The older half goes; what was freed last is most likely still in the processor's cache.
  const std::uint32_t count = magazine.count.get();
  const std::uint32_t going = std::max(count / 2, 1u);
  owner_.give(magazine.blocks, going);
  counters.flushed_blocks.add(going);
  std::memmove(magazine.blocks, magazine.blocks + going, (count - going) * sizeof(void*));
  magazine.count.set(count - going);
  magazine.push(block);
}

void ThreadCache::flush() {
  for (std::size_t i = 0; i < kClassCount; ++i) {
    Magazine& magazine = magazines_[i];
    const std::uint32_t count = magazine.count.get();
    if (count == 0) continue;
    ClassCounters& counters = owner_.counters(static_cast<ClassIndex>(i));
    counters.flushes.add(1);
    counters.flushed_blocks.add(count);
    owner_.give(magazine.blocks, count);
    magazine.count.set(0);
    batches_.reset(static_cast<ClassIndex>(i));
  }
  owner_.retire_unused();
}

}  // namespace superslab
