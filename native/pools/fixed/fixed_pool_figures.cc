// A fixed pool as statistics and checks see it.
#include <algorithm>
#include <cstring>

#include "heap/slab_bits.h"
#include "pools/fixed/fixed_cache.h"
#include "pools/fixed/fixed_pool.h"

namespace superslab {

std::size_t FixedPool::cached() const { return heap_.caches().cached(class_); }

std::size_t FixedPool::in_use() const { return heap_.class_stats(class_).in_use_blocks; }

void FixedPool::stats(const FaultCounts& faults, PoolFigures& out) const {
  out.closed = is_closed();
  std::memcpy(out.name, name().data(), name().size());
  out.heap = heap_.stats(faults);
  heap_.class_stats(out.classes);
}

PoolFault FixedPool::check() const NO_THREAD_SAFETY_ANALYSIS {
  if (!heap_.is_whole()) return PoolFault::kHeap;
  const auto is_free_here = [this](void* object) {
    if (!owns(object)) return false;
    const Slab& slab = *heap_.space().slab_of(object);
    const std::uint32_t index = block_index(slab, object);
    return index < slab.carved && !slab_holds(slab, index);
  };
  if (!depot_.all_are(is_free_here)) return PoolFault::kMagazine;
  if (cpus_ != nullptr) {
    if (!cpus_->are_deep_enough()) return PoolFault::kDepth;
    if (!cpus_->all_are(is_free_here)) return PoolFault::kMagazine;
  }
  PoolFault found = PoolFault::kNone;
  heap_.caches().for_each_member(CacheRegistry::Retired::kNot,
                                 [&](const CacheRegistry::Member& member) {
                                   if (found != PoolFault::kNone || &member == &depot_member_)
                                     return;
                                   const auto& cache = static_cast<const FixedCache&>(member);
                                   if (!cache.is_deep_enough()) {
                                     found = PoolFault::kDepth;
                                   } else if (!cache.all_are(is_free_here)) {
                                     found = PoolFault::kMagazine;
                                   }
                                 });
  return found;
}

}  // namespace superslab
