// What a heap counts, summed over its parts and its threads.
#pragma once

#include "heap/heap_core.h"
#include "heap/heap_stats.h"
#include "heap/huge_blocks.h"
#include "heap/memory_account.h"
#include "heap/slab_owners.h"

namespace superslab {

/// Any thread.
class HeapStatistics {
 public:
  HeapStatistics(HeapCore& core, const MemoryAccount& account, const SlabOwners& owners,
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

 private:
  /// Derives the rest from what the owners count and from the blocks that lie in magazines.
  void conclude(ClassIndex c, std::uint64_t cached, ClassStats& sum) const;

  HeapCore& core_;
  const MemoryAccount& account_;
  const SlabOwners& owners_;
  const HugeBlocks& huge_;
};

}  // namespace superslab
