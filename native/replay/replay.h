// A trace, run once more by a policy that may change on the way. Deterministic: time is that of the
// trace, and the heap is always at the same addresses.
#pragma once

#include <array>
#include <cstdint>

#include "heap/heap.h"
#include "heap/size_class.h"
#include "policy/snapshot.h"
#include "replay/costs.h"
#include "trace/trace_reader.h"

namespace superslab {

/// What happened in an interval of a replay: what a rule learns from.
struct Interval {
  std::uint64_t number = 0;  // from 0 on
  Nanos begin = 0;
  Nanos end = 0;
  /// By size class: allocations, and those of them that found their magazine empty.
  std::array<std::uint64_t, kFixedClasses> allocations{};
  std::array<std::uint64_t, kFixedClasses> misses{};
  std::array<std::uint64_t, kFixedClasses> spills{};
  std::uint32_t threads = 1;
  /// What more it tells; nullptr in tests of rules alone.
  Heap* heap = nullptr;
  /// What was counted of this process until now.
  ReplayCounts so_far{};
};

/// Chooses the policy of the next interval.
class ReplayRule {
 public:
  virtual ~ReplayRule() = default;
  /// Another process begins: what was learned of the one before is forgotten.
  virtual void begin(const HeapSnapshot& policy, Heap* heap) = 0;
  /// Changes `policy`, and returns whether it did.
  virtual bool step(const Interval& interval, HeapSnapshot& policy) = 0;
};

struct ReplayOptions {
  /// Events of an interval; 0: as many as make 200 intervals of the longest process, at least
  /// 1,000.
  std::uint64_t interval_events = 0;
  /// Intervals at the beginning of each process that do not count.
  std::uint64_t skipped_intervals = 0;
};

/// `rule`: nullptr keeps the policy. It is used for one process after another.
ReplayCounts replay(const trace::Trace& trace, const Policy& policy, ReplayRule* rule = nullptr,
                    const ReplayOptions& options = {});

}  // namespace superslab
