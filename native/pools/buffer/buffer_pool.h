// A pool of buffers: a heap whose blocks JavaScript sees through windows, and what is counted of
// the leases of its blocks, which the heap does not know.
#pragma once

#include <atomic>
#include <cassert>
#include <cstdint>

#include "heap/heap.h"
#include "pools/buffer/adaptation.h"
#include "pools/buffer/lease_histograms.h"
#include "pools/buffer/record_shape.h"
#include "pools/buffer/slow_path_latency.h"
#include "pools/capacity_learning.h"
#include "pools/pool.h"

namespace superslab {

/// Counters of leases, from the LEASE_STAT rows of heap/stats.def.
struct LeaseCounters {
#define HEAP_STAT(field, json, unit, meaning)
#define LEASE_STAT(field, json, unit, meaning) Counter field;
#define LEASE_LEVEL(field, json, unit, meaning)
#include "heap/stats.def"
};

/// What threads keep of free huge blocks, and leak detection and guards have in hand now.
struct GuardLevels {
  ByteCount held_huge_bytes = 0;  // free blocks beyond 2 MiB that are held back, or kept by threads
  std::uint64_t cached_huge_blocks = 0;  // those that threads keep
  std::uint64_t watched_blocks = 0;
  ByteCount watched_bytes = 0;
  std::uint64_t quarantined_blocks = 0;
  ByteCount quarantined_bytes = 0;
};

/// Every function may be called from any thread, check() while no other one uses the pool.
class BufferPool final : public Heap, public Pool {
 public:
  /// `space` and `clock` outlive the pool. `memory` is the most that all heaps of the space may
  /// have together, `has_colours` whether slabs begin at different offsets, `has_nodes` whether
  /// each cache has a memory node: see HeapShape.
  BufferPool(Space& space, const Clock& clock, const Policy& policy, ByteCount memory = kNoLimit,
             std::string_view name = {}, bool has_colours = true, bool has_nodes = false);
  ~BufferPool() override;

  /// The pool that a superslab with views belongs to, which stays in it: a block of it is out.
  static BufferPool& of(const Superslab& s) {
    assert(s.is_exposed && s.heap != nullptr);
    return static_cast<BufferPool&>(*static_cast<Heap*>(s.heap));
  }

  /// What it does with its buffers now; for a few statements.
  Published<PoolSnapshot>::Reading pool_policy() const { return pool_policy_.read(); }
  bool clears_at_release() const { return zeroing_of(*pool_policy()) == Zeroing::kRelease; }

  /// Those of the heap, and of the leases.
  HeapStats stats() const;
  /// For a caller that asks many pools: `faults` are the process's, and the system is asked once.
  HeapStats stats(const FaultCounts& faults) const;
  void stats(const FaultCounts& faults, PoolFigures& out) const override;

  using Pool::heap;
  Heap& heap() override { return *this; }
  PoolFault check() const override;
  ByteCount trim(ByteCount target) override { return Heap::trim(target); }
  ByteCount relieve(ReliefStep step) override {
    return step == ReliefStep::kCaches ? give_back_for(step) : 0;
  }
  /// Gives back what lies idle, and counts it as that of a step.
  ByteCount give_back_for(ReliefStep step);
  /// The same of what somebody else gave back for the pool.
  void note_relief(ReliefStep step, ByteCount bytes);
  /// All that went back so far while memory was scarce.
  std::uint64_t relieved_bytes() const {
    return leases_.pressure_cache_bytes.get() + leases_.pressure_cold_bytes.get() +
           leases_.pressure_idle_bytes.get();
  }
  /// Of all its threads' magazines.
  void show_recent(RecentBlocks& to) override;

  bool adapt() override;
  /// Whether the control loop is to be there for it.
  bool wants_turns() const;
  /// What callers were lent by interval. False, with nothing filled in, for a pool that does not
  /// adapt, and without memory.
  [[nodiscard]] bool history(DemandHistory& out);
  /// Between two turns of the control loop.
  static Nanos adaptation_period(Millis interval);

  void count_leak(std::uint64_t blocks, ByteCount bytes) {
    leases_.leaked_blocks.shared_add(blocks);
    leases_.leaked_bytes.shared_add(bytes);
  }
  void count_transferred(ByteCount bytes) {
    leases_.transferred_blocks.shared_add(1);
    leases_.transferred_bytes.shared_add(bytes);
  }
  void count_collected(ByteCount bytes) {
    leases_.collected_blocks.shared_add(1);
    leases_.collected_bytes.shared_add(bytes);
  }
  void count_guard_report(bool is_poison) {
    leases_.guard_reports.shared_add(1);
    if (is_poison) leases_.poison_reports.shared_add(1);
  }

  /// The pool lends records from now on. Once, before it has lent anything, by whoever made it.
  void hold_records(const RecordShape& shape);
  RecordShape record_shape() const;

  /// Of the calls off the fast path.
  SlowPathLatency& slow_path() { return slow_path_; }
  const SlowPathLatency& slow_path() const { return slow_path_; }
  LeaseHistograms& lease_histograms() { return lease_histograms_; }
  const LeaseHistograms& lease_histograms() const { return lease_histograms_; }

 private:
  HeapStats with_leases(HeapStats stats) const;
  RecordFigures record_figures() const;
  Adaptation* adaptation();
  CapacityLearning* learning();
  bool learn();
  bool adapt_reserve();

  Published<PoolSnapshot> pool_policy_;
  LeaseCounters leases_;
  SlowPathLatency slow_path_;
  LeaseHistograms lease_histograms_;
  const Millis demand_interval_;
  // Made when they are first needed.
  std::atomic<Adaptation*> adaptation_{nullptr};
  std::atomic<CapacityLearning*> learning_{nullptr};
  RecordShape record_shape_;
  std::atomic<bool> holds_records_{false};  // the shape is there: other threads read it, too
};

}  // namespace superslab
