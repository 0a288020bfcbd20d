// Everything that is counted of one heap, copied at one time.
#pragma once

#include <cstdint>

#include "heap/size_class.h"
#include "pools/buffer/buffer_pool.h"

namespace superslab {

/// Names a heap among those of the process; never used twice. 0 is the default heap.
using HeapId = std::uint64_t;

struct HistogramFigures {
  std::uint64_t buckets[Histogram::kBuckets];
  std::uint64_t samples;
};

struct HeapFigures {
  static constexpr std::size_t kNameBytes = 64;

  HeapId id = 0;
  bool closed = false;
  char name[kNameBytes] = {};  // UTF-8, cut if it is longer
  HeapStats heap;
  ClassStats classes[kClassCount];
  LatencyStats slow;
#define HISTOGRAM_STAT(field, json, unit, meaning) HistogramFigures field;
#include "heap/stats.def"
  ByteCount size_bytes = 0;  // of the sampled leases, and of the blocks that served them
  ByteCount capacity_bytes = 0;
};

/// Fills in what `pool` counts; `faults` are the process's. Any thread.
void read_figures(const BufferPool& pool, const FaultCounts& faults, HeapFigures& out);

}  // namespace superslab
