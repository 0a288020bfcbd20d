#include "heap/heap_statistics.h"

#include <cassert>

namespace superslab {

HeapStats HeapStatistics::of_heap(const FaultCounts& faults) const {
  HeapStats out;
#define HEAP_STAT(field, json, unit, meaning) out.field = core_.counters.field.get();
#define LEASE_STAT(field, json, unit, meaning)
#define LEASE_LEVEL(field, json, unit, meaning)
#include "heap/stats.def"
  out.reserved_bytes = core_.space.reserved_bytes();
  out.committed_bytes = account_.committed_bytes();
  out.charged_bytes = core_.budget.charged();
  out.peak_charged_bytes = core_.budget.peak();
  out.max_bytes = core_.budget.max_bytes();
  out.minor_faults = faults.minor;
  out.major_faults = faults.major;
  out.page_faults = faults.minor + faults.major;
  out.big_cache_bytes = huge_.cached_bytes();
  return out;
}

ClassStats HeapStatistics::of_class(ClassIndex c) const {
  assert(to_index(c) < kFixedClasses);
  ClassStats sum;
  HeapLock guard(core_.lock);
  owners_.add_counters(c, sum);
  conclude(c, core_.caches.cached(c), sum);
  return sum;
}

void HeapStatistics::of_classes(ClassStats (&sums)[kClassSlots]) const {
  std::uint64_t cached[kClassSlots] = {};
  HeapLock guard(core_.lock);
  core_.caches.add_cached(cached);
  for (std::size_t i = 0; i < kFixedClasses; ++i) {
    sums[i] = {};
    owners_.add_counters(static_cast<ClassIndex>(i), sums[i]);
    conclude(static_cast<ClassIndex>(i), cached[i], sums[i]);
  }
}

void HeapStatistics::conclude(ClassIndex c, std::uint64_t cached, ClassStats& sum) const {
  // What left the slabs and neither came back nor lies in a magazine is with callers. The threads
  // go on counting meanwhile, so the differences are exact only while they rest.
  const std::uint64_t home = core_.slab_counters.sent_home[to_index(c)].get();
  sum.cached_blocks = cached;
  const std::uint64_t back = sum.flushed_blocks + home + sum.cached_blocks;
  sum.in_use_blocks = sum.refilled_blocks > back ? sum.refilled_blocks - back : 0;
  sum.releases = sum.acquires > sum.in_use_blocks ? sum.acquires - sum.in_use_blocks : 0;
  sum.hits = sum.acquires > sum.refills ? sum.acquires - sum.refills : 0;
  sum.remote_frees += home;
  sum.slabs = core_.slab_counters.slabs[to_index(c)].get();
  sum.slab_blocks = core_.slab_counters.slab_blocks[to_index(c)].get();
}

}  // namespace superslab
