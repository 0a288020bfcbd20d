// Idle memory of a heap on its way back to the operating system.
#pragma once

#include "heap/heap_core.h"
#include "heap/huge_blocks.h"
#include "heap/memory_account.h"
#include "heap/purge_batch.h"
#include "heap/slab_owners.h"
#include "heap/slab_source.h"
#include "heap/span_source.h"

namespace superslab {

/// Any thread, with no lock held.
class Purger {
 public:
  Purger(HeapCore& core, MemoryAccount& account, SpanSource& spans, SlabOwners& owners,
         SlabSource& slabs, HugeBlocks& huge);
  Purger(const Purger&) = delete;
  Purger& operator=(const Purger&) = delete;

  /// Purges what has been idle for longer than the policy's delays, and `grace` beyond that. Call
  /// it now and then. True while something idle is left, so that the caller comes again.
  bool tick(Nanos grace = 0);

  /// Looks after owners whose threads have stopped allocating: see SlabOwner::settle(). True if
  /// there is more to do at once. A few times in each purge delay.
  bool settle();

  /// A step of tick(), of settle() and of the same for idle superslabs of the space, for who comes
  /// by on another errand. True if there is more to do at once.
  bool give_back_unused(Nanos before);

  /// Purges idle memory at once until at most `target` bytes are committed. Returns the bytes that
  /// went back to the operating system.
  ByteCount trim(ByteCount target);

  /// While memory is scarce: trim(0), after the owners whose threads rest have given back what is
  /// unused in their slabs. For a heap whose owners tell it what is idle: malloc's.
  ByteCount relieve();

  /// Gives back what is idle beyond the bound, `own` slabs first. One thread at a time.
  void give_back_excess(SlabOwner* own);

 private:
  struct Purged {
    bool any = false;  // something changed: look again
    ByteCount bytes = 0;
  };
  /// What was idle before which time goes back.
  struct Before {
    Nanos slabs;
    Nanos huge;
  };
  bool tick_step(Nanos grace = 0);
  void note_purged_in_space(ByteCount bytes, Nanos before);
  Purged purge_once(Before before, ByteCount target, ByteCount ready = 0);
  void collect(PurgeBatch& batch, Before before, ByteCount target, ByteCount ready);
  ByteCount ready_in_no_slab() const;
  void purge(PurgeBatch& batch);
  std::uint16_t add_ranges(const PurgeBatch::Item& item, OsRange* ranges, std::uint16_t count);
  Purged hand_back(const PurgeBatch& batch);
  ByteCount give_back_some(ByteCount bytes, SlabOwner* own);

  HeapCore& core_;
  MemoryAccount& account_;
  SpanSource& spans_;
  SlabOwners& owners_;
  SlabSource& slabs_;
  HugeBlocks& huge_;
};

}  // namespace superslab
