// What the parts of a heap share: space, policy, lock, counters and budget.
//
// The parts, in the order in which they know each other:
//
//   MemoryAccount   how much memory the heap has, how much of it is idle, and how much may be
//   SpanSource      superslabs of the space, taken and given back
//   SlabOwners      the owners among whom the slabs are divided
//   SlabSource      slabs, cut from superslabs and dissolved; all of a heap that a SlabOwner sees
//   HugeBlocks      blocks beyond 2 MiB, and the big cache
//   Migrator        memory on its way to the node that uses it
//   Purger          idle memory on its way back to the operating system
//   HeapStatistics  what the heap counts, summed
//
// One lock guards what each of them keeps. What one part calls of another under the lock begins by
// asserting that it is held.
#pragma once

#include "base/clock.h"
#include "heap/budget.h"
#include "heap/cache_registry.h"
#include "heap/heap_mutex.h"
#include "heap/heap_shape.h"
#include "heap/heap_stats.h"
#include "heap/node_choice.h"
#include "heap/room.h"
#include "policy/published.h"
#include "policy/reserve.h"
#include "policy/snapshot.h"
#include "space/space.h"

namespace superslab {

class HeapCore {
 public:
  HeapCore(Space& in, const Clock& by, const HeapSnapshot& first, const HeapShape& of)
      : space(in),
        clock(by),
        shape(of),
        policy(first),
        budget(first.max_bytes),
        is_charged_(of.is_always_charged || first.max_bytes != 0) {}
  HeapCore(const HeapCore&) = delete;
  HeapCore& operator=(const HeapCore&) = delete;

  /// How many of `wanted` blocks of `unit` bytes there is room for; those are charged.
  std::size_t charge(ByteCount unit, std::size_t wanted) {
    return is_charged_ ? budget.charge(unit, wanted) : wanted;
  }
  void discharge(ByteCount bytes) {
    if (!is_charged_) return;
    budget.discharge(bytes);
    // Without a limit nobody waits.
    if (budget.max_bytes() != 0) room.notify();
  }
  /// The charge of a block that was freed twice, and so was discharged twice.
  void recharge(ByteCount bytes) {
    if (is_charged_) budget.recharge(bytes);
  }

  /// Whether the heap can go by such a policy from now on: a limit on bytes needs that they were
  /// counted from the start, and memory that is protected or guarded cannot lie in explicit huge
  /// pages.
  bool can_follow(const HeapSnapshot& next) const {
    if (next.max_bytes != 0 && !is_charged_) return false;
    return is_purgeable(next.huge_pages) ||
           !(has(shape.secrecy, Secrecy::kWipeOnFork) || shape.has_guard_pages);
  }

  /// Where `bytes` lie that a thread of `node` takes.
  NodePlacement placement_for(NodeOrdinal node, ByteCount bytes) {
    if (!shape.has_nodes) return policy.read()->numa;
    const NodeOrdinal chosen = nearest_with_room(space.os(), node, bytes);
    if (chosen != node) counters.numa_fallbacks.add(1);
    return {NodePlacement::Kind::kNode, chosen};
  }

  bool is_behind_views() const { return shape.access == Access::kViews; }

  Space& space;
  const Clock& clock;
  const HeapShape shape;
  Published<HeapSnapshot> policy;
  Published<Reserve> reserve{Reserve{}};
  mutable HeapCounters counters;
  SlabCounters slab_counters;
  mutable HeapMutex lock{counters};
  Budget budget;
  CacheRegistry caches;
  Room room{caches};

 private:
  const bool is_charged_;
};

}  // namespace superslab
