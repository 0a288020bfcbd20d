// Everything that is counted of one pool, copied at one time.
#pragma once

#include <cstdint>

#include "base/histogram.h"
#include "heap/heap_stats.h"
#include "heap/size_class.h"
#include "pools/adaptation_figures.h"
#include "pools/buffer/record_shape.h"
#include "pools/file_counts.h"
#include "pools/learning_figures.h"
#include "pools/object_counts.h"

namespace superslab {

/// Names a pool's heap among those of the process; never used twice. 0 is the default pool's.
using HeapId = std::uint64_t;

struct HistogramFigures {
  std::uint64_t buckets[Histogram::kBuckets];
  std::uint64_t samples;
};

/// A kind of pool leaves what it does not count at 0.
struct PoolFigures {
  static constexpr std::size_t kNameBytes = 64;

  HeapId id = 0;
  bool closed = false;
  char name[kNameBytes] = {};  // UTF-8, cut if it is longer
  HeapStats heap;
  ClassStats classes[kClassSlots];
  LatencyStats slow;
#define HISTOGRAM_STAT(field, json, unit, meaning) HistogramFigures field;
#include "heap/stats.def"
  ByteCount size_bytes = 0;  // of the sampled leases, and of the blocks that served them
  ByteCount capacity_bytes = 0;
  AdaptationFigures adaptation = {};
  LearningFigures learning = {};
  ObjectCounts objects = {};
  FileCounts file = {};
  RecordFigures records;
};

}  // namespace superslab
