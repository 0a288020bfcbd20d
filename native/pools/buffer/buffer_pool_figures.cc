// A buffer pool as statistics see it.
#include <cstring>

#include "pools/buffer/buffer_pool.h"
#include "pools/buffer/buffer_thread_cache.h"

namespace superslab {
namespace {

HistogramFigures figures_of(const Histogram& histogram) {
  HistogramFigures out;
  for (std::size_t i = 0; i < Histogram::kBuckets; ++i) out.buckets[i] = histogram.bucket(i);
  out.samples = histogram.samples();
  return out;
}

}  // namespace

void BufferPool::stats(const FaultCounts& faults, PoolFigures& out) const {
  out.closed = is_closed();
  std::memcpy(out.name, name().data(), name().size());
  out.heap = stats(faults);
  class_stats(out.classes);
  out.slow = slow_path_.get();
#define HISTOGRAM_STAT(field, json, unit, meaning) out.field = figures_of(lease_histograms_.field);
#include "heap/stats.def"
  out.size_bytes = lease_histograms_.size_bytes();
  out.capacity_bytes = lease_histograms_.capacity_bytes();
  caches().for_each_member(CacheRegistry::Retired::kToo, [&](const CacheRegistry::Member& member) {
    const auto& cache = static_cast<const BufferThreadCache&>(member);
    // Objects and files belong to one thread, and so does their pool.
    if (cache.objects().is_counted != 0) out.objects = cache.objects();
    if (cache.file().is_counted != 0) out.file = cache.file();
  });
  out.records = record_figures();
  if (const Adaptation* const there = adaptation_.load(std::memory_order_acquire))
    there->fill(out.adaptation);
  if (const CapacityLearning* const there = learning_.load(std::memory_order_acquire))
    there->fill(*this, out.learning);
}

}  // namespace superslab
