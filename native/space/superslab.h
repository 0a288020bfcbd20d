// The directory's entry for one superslab. It lies out of band, in the arena's directory.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/types.h"
#include "os/os.h"
#include "space/region_use.h"

namespace superslab {

/// Counts superslabs over all arenas of a process: arena ordinal x kSuperslabsPerArena + place in
/// the arena. Dense, so that it indexes tables.
using SuperslabIndex = std::uint32_t;

/// One bit a slice of a superslab.
using SliceMask = std::uint32_t;
constexpr SliceMask kAllSlices = ~SliceMask{0};
static_assert(kSlicesPerSuperslab == 32, "SliceMask has one bit a slice");

enum class SuperslabUse : std::uint8_t {
  kSpare,     // in no heap: never handed out, or purged and given back
  kSlabs,     // cut into slabs
  kHugeHead,  // first superslab of a huge block
  kHugeTail,  // a further superslab of a huge block
};

/// Who may touch what: the space's lock guards everything while `use` is kSpare; the lock of the
/// heap that took it guards everything else until it is given back.
struct alignas(64) Superslab {
  std::byte* base;
  Superslab* next;  // in one of its heap's lists
  Superslab* prev;
  void* heap;  // the Heap that took it; opaque in this layer

  /// Huge blocks: who leased it (a SlabOwner, opaque here), nullptr while it is cached.
  void* lessee;
  ByteCount huge_bytes;     // committed bytes of a huge block
  ByteCount charged_bytes;  // what its lease was charged for; 0 while it is cached
  Nanos idle_since;         // when its last slab was retired, the huge block cached, or it idle

  SuperslabIndex index;
  std::uint32_t span;             // superslabs in the span that this one heads
  std::uint32_t committed_bytes;  // from `base`; never falls: a view may reach them for ever

  SliceMask free_slices;    // slices in no slab
  SliceMask dirty_slices;   // free slices that hold memory; a subset of free_slices
  SliceMask zero_slices;    // free slices that read as zero; a subset of free_slices
  std::uint8_t free_range;  // on its heap's shelf: most free slices in a row

  std::atomic<SuperslabUse> use;  // written under the lock; binding reads it without
  HugePages pages;                // what it was committed with
  NodePlacement node_placement;
  bool is_exposed;  // views of it may exist, for ever: never again for what pointers must trust
  Secrecy secrecy;  // what may hold for some of its memory; kNone unless its heap asked for it, or
                    // the operating system refused to end it

  // Of memory that may move from node to node, in a heap whose migrator is at work. Set when it is
  // taken; of a span, in its head.
  std::atomic<NodeOrdinal> home_node;  // whose threads it serves, if the heap is divided by nodes
  std::atomic<NodeOrdinal> lies_on;    // kNoNode: not known
  std::atomic<NodeOrdinal> moves_to;   // kNoNode: it stays
  RegionUseCounter uses;
  RegionHistory history;  // the migrator's alone
};
static_assert(sizeof(Superslab) == 128, "two lines of the processor's cache");

}  // namespace superslab
