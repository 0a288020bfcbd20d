// How an environment (the main thread or a worker) is settled when it ends: one walk over what it
// still has, with one rule for each block.
//
//   what the walk finds                                    what becomes of it
//   free, or in a magazine                                 goes back to its slab; counts as nothing
//   an ArrayBuffer may show it that the program took away  transferred: nobody leases it again
//   shared, and others have a lease or a token of it       lives on
//   shared, and this environment had the last lease        goes home, a leak
//   private, and no guard had parked it                    goes home, a leak: its code is no more
//   private, and parked by a guard                         goes home; counts as nothing
//   a chunk of records                                     goes home; each record that is lent
//                                                          counts as a leak
//
// The counts are the core's alone. JavaScript only attaches stacks to the leases that it watched,
// as long as it still runs: see EndNote.
#pragma once

#include <string>
#include <vector>

#include "pools/buffer/buffer_thread_cache.h"
#include "pools/buffer/lease_table.h"
#include "pools/pool_figures.h"

namespace superslab {

/// A lease that the end of its environment will end, as JavaScript knows it.
struct EndNote {
  BlockNumber block;  // of a record, its chunk's
  ByteCount bytes;    // of the block, of an adopted lease, or of a record
  ByteCount size;     // of the buffer
  double age_ms;
  std::string tag;
  std::string stack;
  bool was_leased = false;  // of a private block: as the walk finds
};

/// What an environment has of one pool.
struct PoolAccount {
  BufferThreadCache* cache;  // nullptr once the pool is closed and everything of it is home
  HeapId heap;
  std::string watched_name{};     // under which leaks are noted; empty: nobody asks for them
  std::vector<EndNote> at_end{};  // of watched leases, in any order
};

/// Of one environment, at its end. The order is that of the functions.
class EndLedger {
 public:
  /// `holder` has the environment's shared leases.
  EndLedger(const Space& space, LeaseTable& leases, LeaseHolder holder)
      : space_(space), leases_(leases), holder_(holder) {}

  /// An ArrayBuffer that was taken away may still show the block. `is_parked`: its pool counts the
  /// block as parked.
  void add_awaited(BlockNumber block, bool is_parked);

  void add_pool(PoolAccount& account) { accounts_.push_back(&account); }

  /// Does what the table above says, and notes where the leaks were leased. No JavaScript of the
  /// environment runs any more; its caches are empty afterwards, and ready to detach.
  void settle();

 private:
  BufferPool& pool_of(BlockNumber block) const;
  template <class IsShared>
  Reclaimed settle_private(PoolAccount& account, IsShared is_shared);
  void note_leaks(PoolAccount& account, Reclaimed unnoted);

  const Space& space_;
  LeaseTable& leases_;
  const LeaseHolder holder_;
  std::vector<PoolAccount*> accounts_;
  std::vector<BlockNumber> awaited_;
  std::vector<BlockNumber> awaited_parked_;  // part of `awaited_`
  std::vector<BlockNumber> shared_;          // of which the environment had a lease
};

}  // namespace superslab
