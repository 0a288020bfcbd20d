#include "replay/replay_heap.h"

namespace superslab {
namespace {

/// Arenas of 4 GiB that a replay may use.
constexpr std::uint32_t kArenas = 32;

/// As in malloc/process_heap.cc.
constexpr Nanos kPausePerSuperslab = 10'000;

/// The heap's hook has no argument. Replays run on one thread each.
thread_local ReplayHeap* running_heap = nullptr;

}  // namespace

ReplayHeap::ReplayHeap(const Policy& policy)
    : os_(system_os()), is_open_(space_.open(os_, kArenas)) {
  if (!is_open_) return;
  heap_ = std::make_unique<Heap>(
      space_, clock_, policy,
      HeapShape{.access = Access::kPointers, .is_always_charged = false, .purges_tables = true});
  running_heap = this;
  heap_->account().set_excess_hook([] { running_heap->give_back_excess(); });
}

/// Every block is free by now.
ReplayHeap::~ReplayHeap() {
  for (std::uint32_t thread = 0; thread < caches_.size(); ++thread) end_thread(thread);
  heap_.reset();
  running_heap = nullptr;
  if (is_open_) space_.close();
}

ThreadCache* ReplayHeap::cache_of(std::uint32_t thread) {
  if (thread >= caches_.size()) caches_.resize(thread + 1);
  if (caches_[thread] == nullptr) caches_[thread] = ThreadCache::attach(*heap_);
  running_ = caches_[thread];
  return running_;
}

void ReplayHeap::end_thread(std::uint32_t thread) {
  if (thread >= caches_.size() || caches_[thread] == nullptr) return;
  if (running_ == caches_[thread]) running_ = nullptr;
  caches_[thread]->detach();
  caches_[thread] = nullptr;
  heap_->account().after_frees();
}

void ReplayHeap::take_turn(ThreadCache& cache) {
  cache.flush_if_wanted();
  cache.retire_idle();
  tick();
}

void ReplayHeap::tick() {
  const Nanos now = clock_.now();
  if (now < next_tick_) return;
  const Nanos delay = heap_->account().purge_delay();
  next_tick_ =
      now + delay / 2 + heap_->committed_bytes() / kSuperslabBytes * kPausePerSuperslab + 1;
  // All of it at once: on synthetic time a step takes none.
  while (heap_->purger().give_back_unused(now > delay ? now - delay : 0)) {
  }
}

void ReplayHeap::give_back_excess() {
  heap_->purger().give_back_excess(running_ == nullptr ? nullptr : &running_->owner());
}

void* ReplayHeap::allocate_huge(ThreadCache& cache, ByteCount bytes) {
  tick();
  SlabOwner* const lessee = &cache.owner();
  bool is_zero = false;
  HugeBlocks& huge = heap_->huge();
  const Superslab* head = huge.reuse(bytes, lessee, kSuperslabBytes, is_zero);
  if (head == nullptr) {
    cache.give_idle_rows();
    head = huge.take(bytes, lessee, kSuperslabBytes, &is_zero);
  }
  if (head == nullptr) {
    cache.flush();
    head = huge.take(bytes, lessee, kSuperslabBytes, &is_zero);
  }
  return head == nullptr ? nullptr : head->base;
}

void* ReplayHeap::allocate(std::uint32_t thread, ByteCount bytes) {
  ThreadCache* const cache = cache_of(thread);
  if (cache == nullptr || bytes > kMaxHugeBytes) return nullptr;
  void* block = nullptr;
  if (bytes > kMaxClassBytes) {
    block = allocate_huge(*cache, bytes);
  } else {
    block = cache->try_allocate(bytes);
    if (block == nullptr) {
      if (cache->take_turn()) take_turn(*cache);
      block = cache->allocate(bytes);
    }
  }
  if (block != nullptr) os_.touch(block, bytes);
  return block;
}

void ReplayHeap::free(std::uint32_t thread, void* block) {
  ThreadCache* const cache = cache_of(thread);
  Superslab& s = space_.superslab_of(block);
  if (space_.tag_at(block) == kTagHuge) {
    heap_->give_huge(&s);
    tick();
  } else if (cache != nullptr) {
    cache->free(block);
  } else {
    SlabOwner::give_remote(heap_->slabs(), block, nullptr);
  }
}

}  // namespace superslab
