#include "pools/buffer/buffer_pool.h"

#include "pools/buffer/buffer_thread_cache.h"
#include "pools/buffer/window.h"

namespace superslab {

BufferPool::BufferPool(Space& space, const Clock& clock, const Policy& policy, ByteCount memory,
                       std::string_view name, bool has_colours)
    : Heap(space, clock, policy,
           {.secrecy = secrecy_of(policy),
            .has_guard_pages = has_guard_pages(policy),
            .has_colours = has_colours,
            .memory = memory,
            .slab_was_cut = cut_windows}),
      Pool(name),
      pool_policy_(policy) {}

PoolFault BufferPool::check() const {
  if (!is_whole()) return PoolFault::kHeap;
  PoolFault found = PoolFault::kNone;
  caches().for_each_member(CacheRegistry::Retired::kToo, [&](const CacheRegistry::Member& member) {
    if (found == PoolFault::kNone) found = static_cast<const BufferThreadCache&>(member).check();
  });
  return found;
}

HeapStats BufferPool::stats() const { return with_leases(Heap::stats()); }

HeapStats BufferPool::stats(const FaultCounts& faults) const {
  return with_leases(Heap::stats(faults));
}

HeapStats BufferPool::with_leases(HeapStats stats) const {
#define HEAP_STAT(field, json, unit, meaning)
#define LEASE_STAT(field, json, unit, meaning) stats.field = leases_.field.get();
#define LEASE_LEVEL(field, json, unit, meaning)
#include "heap/stats.def"
  GuardLevels levels;
  // The caches of closed pools count too: their guards still hold blocks back.
  caches().for_each_member(CacheRegistry::Retired::kToo, [&](const CacheRegistry::Member& member) {
    static_cast<const BufferThreadCache&>(member).add_levels(levels);
  });
  stats.held_huge_bytes = levels.held_huge_bytes;
  stats.huge_releases += levels.cached_huge_blocks;
  stats.watched_blocks = levels.watched_blocks;
  stats.watched_bytes = levels.watched_bytes;
  stats.quarantined_blocks = levels.quarantined_blocks;
  stats.quarantined_bytes = levels.quarantined_bytes;
  return stats;
}

void BufferPool::hold_records(const RecordShape& shape) {
  assert(!holds_records_.load() && shape.chunk_records != 0);
  record_shape_ = shape;
  holds_records_.store(true, std::memory_order_release);
}

RecordShape BufferPool::record_shape() const {
  return holds_records_.load(std::memory_order_acquire) ? record_shape_ : RecordShape{};
}

RecordFigures BufferPool::record_figures() const {
  RecordFigures figures{record_shape()};
  if (figures.shape.chunk_records == 0) return figures;
  caches().for_each_member(CacheRegistry::Retired::kToo, [&](const CacheRegistry::Member& member) {
    figures.out += static_cast<const BufferThreadCache&>(member).records_out();
  });
  return figures;
}

void BufferPool::show_recent(RecentBlocks& to) {
  caches().for_each_member(CacheRegistry::Retired::kNot, [&](const CacheRegistry::Member& member) {
    static_cast<const BufferThreadCache&>(member).show_recent(to);
  });
}

}  // namespace superslab
