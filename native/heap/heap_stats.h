// The statistics as structs, from the one list in heap/stats.def.
#pragma once

#include <cstdint>

#include "base/counter.h"
#include "heap/size_class.h"

namespace superslab {

/// Counters that live in a Heap; gauges that are computed on request stay zero here.
struct HeapCounters {
#define HEAP_STAT(field, json, unit, meaning) Counter field;
#define LEASE_STAT(field, json, unit, meaning)
#define LEASE_LEVEL(field, json, unit, meaning)
#include "heap/stats.def"
};

/// Of each class, what no thread's counters see.
struct SlabCounters {
  // Written under the heap's lock.
  Counter made[kClassSlots];
  Counter retired[kClassSlots];
  Counter slab_blocks[kClassSlots];
  // Blocks of shared leases that ended, and of other heaps' threads.
  Counter sent_home[kClassSlots];
};

/// Counters of one class, written by the thread that owns them.
struct ClassCounters {
#define CLASS_STAT(field, json, unit, meaning) Counter field;
#include "heap/stats.def"
};

/// Those of its leases stay zero but for pools of buffers.
struct HeapStats {
#define HEAP_STAT(field, json, unit, meaning) std::uint64_t field = 0;
#include "heap/stats.def"
};

struct ClassStats {
#define CLASS_STAT(field, json, unit, meaning) std::uint64_t field = 0;
#include "heap/stats.def"
};

/// Of slow-path calls: see pools/buffer/slow_path_latency.h.
struct LatencyStats {
#define LATENCY_LEVEL(field, json, unit, meaning) std::uint64_t field = 0;
#include "heap/stats.def"
};

inline void add_to(ClassStats& sum, const ClassCounters& counters) {
#define CLASS_STAT(field, json, unit, meaning) sum.field += counters.field.get();
#include "heap/stats.def"
}

}  // namespace superslab
