#include "diagnostics/heap_figures.h"

namespace superslab {
namespace {

HistogramFigures figures_of(const Histogram& histogram) {
  HistogramFigures out;
  for (std::size_t i = 0; i < Histogram::kBuckets; ++i) out.buckets[i] = histogram.bucket(i);
  out.samples = histogram.samples();
  return out;
}

}  // namespace

void read_figures(const BufferPool& pool, const FaultCounts& faults, HeapFigures& out) {
  out.heap = pool.stats(faults);
  pool.class_stats(out.classes);
  out.slow = pool.slow_path().get();
  const LeaseHistograms& leases = pool.lease_histograms();
#define HISTOGRAM_STAT(field, json, unit, meaning) out.field = figures_of(leases.field);
#include "heap/stats.def"
  out.size_bytes = leases.size_bytes();
  out.capacity_bytes = leases.capacity_bytes();
}

}  // namespace superslab
