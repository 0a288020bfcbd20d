// What a heap counts, summed over its parts and its threads.
#pragma once

#include "heap/heap_core.h"
#include "heap/heap_stats.h"
#include "heap/huge_blocks.h"
#include "heap/memory_account.h"
#include "heap/slab_owners.h"
#include "learn/capacity_samples.h"
#include "policy/samples.h"

namespace superslab {

/// Any thread, holding no lock of the heap's. The threads go on counting meanwhile, so that
/// differences of counts are exact only while they rest.
class HeapStatistics {
 public:
  HeapStatistics(HeapCore& core, const MemoryAccount& account, SlabOwners& owners,
                 const HugeBlocks& huge)
      : core_(core), account_(account), owners_(owners), huge_(huge) {}
  HeapStatistics(const HeapStatistics&) = delete;
  HeapStatistics& operator=(const HeapStatistics&) = delete;

  /// `faults` are the process's: who asks many heaps asks the system once.
  HeapStats of_heap(const FaultCounts& faults) const;
  /// Sums the threads' counters of class `c`.
  ClassStats of_class(ClassIndex c) const;
  /// Of every class, with each lock taken once.
  void of_classes(ClassStats (&sums)[kClassSlots]) const;
  /// The same counters, for those who choose a policy. Holds each lock for no longer than it takes
  /// to read a number or to ask each thread cache how much it holds.
  void sample(Samples& out) const;
  void restart_peaks();
  /// What is counted of magazines, from now on if it was not yet. `share`: see Heap::cache_share().
  void sample(CapacitySamples& out, ByteCount share);
  ByteCount run_counter_bytes() const;

 private:
  /// Adds what no thread counts, and derives the rest from that, from what the owners count and
  /// from the blocks that lie in magazines.
  void conclude(ClassIndex c, ClassSample& sum) const;
  void conclude(ClassIndex c, std::uint64_t cached, ClassStats& sum) const;

  HeapCore& core_;
  const MemoryAccount& account_;
  SlabOwners& owners_;
  const HugeBlocks& huge_;
};

}  // namespace superslab
