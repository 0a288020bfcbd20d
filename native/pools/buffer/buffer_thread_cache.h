// JavaScript's thread cache: magazines of block numbers, in memory that JavaScript maps.
//
// JavaScript pops and pushes numbers itself (lib/pool/pool-core.ts); the functions here run when
// a magazine is empty or full. One environment uses a BufferThreadCache, from its own thread;
// what other threads may call as well says so.
//
// Invariant: a magazine holds only blocks of slabs that this cache's SlabOwner owns. Shared leases
// never enter one (pools/buffer/lease_table.h). So when an environment dies, every block of those
// slabs that is neither free nor cached nor shared was leased by code that no longer exists.
#pragma once

#include <algorithm>
#include <atomic>
#include <cassert>
#include <cstdint>

#include "base/secure_zero.h"
#include "heap/magazine_limits.h"
#include "pools/buffer/block_number.h"
#include "pools/buffer/buffer_pool.h"
#include "pools/buffer/huge_magazine.h"
#include "pools/buffer/lease_magazines.h"

namespace superslab {

/// Blocks that a dead environment had, of one kind.
struct Reclaimed {
  std::uint64_t blocks = 0;
  ByteCount bytes = 0;

  Reclaimed& operator+=(const Reclaimed& other) {
    blocks += other.blocks;
    bytes += other.bytes;
    return *this;
  }
};

class BufferThreadCache final : public CacheRegistry::Member, public Room::Waiter {
 public:
  /// Called from any thread when this environment has something to do: see take_signals().
  using Wake = void (*)(void* context);

  /// nullptr without memory. `node`: whose memory it fetches, in a pool that has nodes.
  static BufferThreadCache* attach(BufferPool& pool, Wake wake, void* context,
                                   NodeOrdinal node = 0);

  /// Gives back what is cached and ends. Leases that are still out keep their memory; `bury` must
  /// have dealt with them, or the heap outlives them.
  void detach();

  LeaseMagazines& magazines() { return *magazines_; }
  const ObjectCounts& objects() const { return magazines_->objects; }
  const FileCounts& file() const { return magazines_->file; }

  /// Fetches a batch of class `c` for its magazine and stages it. Returns how many blocks came; 0
  /// when there is no room under maxBytes (Budget::has_room tells) or no memory. A magazine that is
  /// not empty keeps what it has, and that is returned.
  std::uint32_t refill(ClassIndex c);

  /// The blocks that the last refill() brought.
  const BlockNumber* refilled() const { return magazines_->staged_blocks; }

  /// Blocks in the magazines, and staged ones, that start in the slice.
  std::uint32_t cached_in(SliceIndex slice) const;

  /// Makes room in a full magazine, so that at least one more block fits unless its limit is 0.
  void spill(ClassIndex c);
  /// The same in that of blocks beyond 2 MiB.
  void spill_huge();

  /// Gives one leased block straight back to its slab. False when it is none of this heap's that
  /// this thread may give back.
  bool give(BlockNumber block);

  /// Whether the block is out of a slab of this thread.
  bool has(const NamedBlock& block) const { return block.is_out && block.owner == &owner_; }

  /// A block beyond 2 MiB; kNoBlock when there is no room or no memory.
  BlockNumber take_huge(ByteCount bytes);

  /// Gives back everything cached and every slab that is unused.
  void flush();

  /// Turns caching off for good: the pool is closed.
  void close();

  /// Brings the counters of this thread up to date.
  void fold();

  /// Gives back the magazines of which nothing was acquired since the last call, and every unused
  /// slab that the heap's reserve does not keep; all of them once the pool is closed. Collects what
  /// other threads freed.
  void trim_idle();
  /// Whether slabs lie unused, as those that the reserve keeps.
  bool has_unused_slabs() const { return owner_.unused_bytes() != 0; }

  bool is_closed() const { return closed_.load(std::memory_order_relaxed); }

  enum Signal : std::uint32_t { kFlush = 1, kRoomMade = 2 };
  /// What other threads asked for since the last call; a set of Signal.
  std::uint32_t take_signals() { return signals_.exchange(0, std::memory_order_acquire); }

  /// Of a dead environment: empties the magazines, and sends each other block home that is out of
  /// this cache's slabs or beyond 2 MiB, if goes_home(BlockNumber, ByteCount). Returns those. Under
  /// the lease table's lock: addon/end_ledger.h says what becomes of which.
  template <class GoesHome>
  Reclaimed reclaim(GoesHome goes_home);

  /// Free blocks that guards keep outside of the magazines, and those of idle buffers. As
  /// JavaScript counts: a worker that was terminated between a block's way and its count is one
  /// off.
  Reclaimed parked() const;

  // Any thread, which holds the lock of the pool's registry or of its room: so the cache stays.
  void squeeze(bool on) override;
  void flush_soon() override { signal(kFlush); }
  void room_made() override { signal(kRoomMade); }
  std::uint32_t cached(ClassIndex c) const override;
  std::uint32_t uncounted_acquires(ClassIndex c) const override;

  /// Whether its magazines hold what they should: see Pool::check(). From its own thread, or while
  /// that is at rest.
  PoolFault check() const;

  /// Whether the limits, which the core alone writes, let JavaScript keep what magazines have
  /// places for, and nothing once the cache is closed. What JavaScript writes is check()'s to see.
  bool is_valid() const;

  /// Records that are lent. As JavaScript counts, like parked(). Any thread, as above.
  std::uint32_t records_out() const;
  /// The same as leaks: their chunks count as parked.
  Reclaimed leaked_records() const;

  /// Adds what guards have in hand, as far as another thread can tell. Any thread, as above.
  void add_levels(GuardLevels& sum) const;
  /// Shows the blocks that went in and out of the magazines. Any thread, as above.
  void show_recent(RecentBlocks& to) const;

  BufferPool& pool() const { return pool_; }

 private:
  BufferThreadCache(BufferPool& pool, SlabOwner& owner, LeaseMagazines* magazines, Wake wake,
                    void* context);
  ~BufferThreadCache();

  void note_running();
  void note_taken(const Superslab& huge, bool is_reused);
  void signal(Signal what);
  void follow_policy() {
    if (pool_.policy_generation() == policy_generation_.load(std::memory_order_relaxed)) return;
    set_limits();
    if (!has_no_magazines()) huge_.set_limit();
  }
  void set_limits();
  /// Lets magazines grow and shrink with the pool.
  void follow_growth();
  /// Bytes in the magazines of large blocks.
  ByteCount kept_bytes() const;
  /// Whether nothing may stay in its magazines.
  bool has_no_magazines() const { return squeezed_.load(std::memory_order_relaxed) || is_closed(); }
  void give_all(ClassIndex c, const BlockNumber* numbers, std::uint32_t count);
  void empty(ClassIndex c);
  /// As JavaScript says, but never more than the magazine has places.
  std::uint32_t depth_of(ClassIndex c) const;
  void give_staged();
  void purge_pages_at_rest(bool was_used);
  bool holds_nothing() const;
  bool holds_own(ClassIndex c, const BlockNumber* numbers, std::uint32_t count) const;
  void fold_acquired(ClassIndex c);
  std::uint32_t acquired(ClassIndex c) const;

  BufferPool& pool_;
  SlabOwner& owner_;
  LeaseMagazines* magazines_;
  Wake wake_;
  void* context_;
  HugeMagazine huge_;
  BatchSizes batches_;
  SlowPathSampling sampling_;
  std::uint32_t folded_[LeaseMagazines::kTags] = {};  // part of `acquired` that is in the counters
  std::uint32_t acquired_at_last_look_[LeaseMagazines::kTags] = {};
  unsigned looks_at_rest_ = 0;  // at which nothing had been acquired since the one before
  std::atomic<std::uint64_t> policy_generation_{0};  // that the limits are of
  std::atomic<ByteCount> share_{0};                  // of the pool's memory, that they allow for
  std::atomic<std::uint32_t> signals_{0};
  std::atomic<bool> squeezed_{false};
  std::atomic<bool> closed_{false};
};

template <class GoesHome>
Reclaimed BufferThreadCache::reclaim(GoesHome goes_home) {
  flush();
  assert(holds_nothing());
  const bool clear = pool_.clears_at_release();
  Reclaimed small;
  // No shared lease of these slabs can be released meanwhile: that takes the lease table's lock.
  owner_.for_each_leased([&](void* block, ByteCount bytes) {
    if (!goes_home(number_of(pool_.space(), block), bytes)) return false;
    small += {1, bytes};
    if (clear) secure_zero(block, bytes);
    owner_.counters(class_for(bytes)).flushed_blocks.add(1);
    return true;
  });
  pool_.discharge(small.bytes);
  Reclaimed all = small;
  while (Superslab* huge = pool_.huge().orphan(&owner_)) {
    const ByteCount bytes = huge->huge_bytes;
    if (!goes_home(first_number_of(huge->index), bytes)) continue;
    all += {1, bytes};
    if (clear) secure_zero(huge->base, bytes);
    pool_.give_huge(huge);
  }
  return all;
}

}  // namespace superslab
