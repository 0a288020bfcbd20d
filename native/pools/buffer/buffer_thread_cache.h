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
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "base/secure_zero.h"
#include "heap/magazine_limits.h"
#include "pools/buffer/block_number.h"
#include "pools/buffer/buffer_pool.h"
#include "pools/object_counts.h"

namespace superslab {

/// What JavaScript sees. Indexed by slice tag (class + 1), so that a release needs no subtraction;
/// entries without a class stay zero and send JavaScript to the slow path.
///
/// Plain memory on purpose: one thread uses it, but for `limit`, which squeeze() may clear
/// from another thread; an aligned 32-bit store that JavaScript sees sooner or later.
struct LeaseMagazines {
  static constexpr std::size_t kTags = 256;
  static_assert(kTagHuge < kTags && kClassSlots < kTagHuge);

  std::uint32_t depth[kTags];     // blocks in the magazine
  std::uint32_t limit[kTags];     // a release that finds depth >= limit takes the slow path
  std::uint32_t acquired[kTags];  // counts up; wraps around
  BlockNumber blocks[(kClassSlots + 1) * kMagazineBlocks];
  // Free blocks that JavaScript keeps outside of the magazines, each with an ArrayBuffer of its own
  // (lib/guard/pool-guard.ts). A thread's end frees them like any block that is out, but they are
  // no leaks.
  std::uint32_t parked[kTags];
  std::uint32_t parked_huge_granules;  // of blocks beyond 2 MiB; parked[kTagHuge] counts them
  std::uint32_t watched_blocks;        // of leases that leak detection or guards watch
  std::uint32_t watched_granules;
  std::uint32_t quarantined_blocks;  // part of the parked ones
  std::uint32_t quarantined_granules;
  std::uint32_t skipped[kTags];  // part of `acquired` that is no acquire: sampling's random steps
  // What a refill fetched. JavaScript prepares these blocks and then puts them into their magazine
  // (lib/pool/pool-core.ts), by stores that nothing interrupts. When it is cut off before, the
  // next refill, flush or trim_idle() gives them back.
  std::uint32_t staged;        // blocks
  std::uint32_t staged_tag;    // their class
  std::uint32_t staged_count;  // counts refills, so that JavaScript sees when there was another
  BlockNumber staged_blocks[kMagazineBlocks];
  // Free blocks whose buffers JavaScript keeps, to lend the same ones again
  // (lib/pools/fixed/reused-buffer.ts). Like the parked ones they are freed by a thread's end, and
  // are no leaks.
  std::uint32_t idle[kTags];
  // Of a pool that lends JavaScript's own objects and no blocks. Its heap holds nothing.
  ObjectCounts objects;
  // Of a pool of records (pools/buffer/record_shape.h), whose chunks are all idle blocks: how many
  // records they have, and how many of these are free (lib/pools/record/record-shelf.ts).
  std::uint32_t records_made;
  std::uint32_t records_idle;

  /// What follows is not for JavaScript. The cache and JavaScript's ArrayBuffer end in either
  /// order, and a closed pool's code may still look at its magazines: the last one frees them.
  std::atomic<std::uint32_t> references{1};

  void retain() { references.fetch_add(1, std::memory_order_relaxed); }
  void release() {
    if (references.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }
};

// JavaScript reads and writes block numbers as elements of a Uint32Array.
static_assert(sizeof(BlockNumber) == sizeof(std::uint32_t) &&
              alignof(BlockNumber) == alignof(std::uint32_t) &&
              std::is_trivially_copyable_v<BlockNumber>);
static_assert(std::is_standard_layout_v<LeaseMagazines>);
static_assert(offsetof(LeaseMagazines, objects) % sizeof(double) == 0, "a Float64Array");

/// The part that JavaScript maps.
constexpr ByteCount kMappedMagazineBytes = offsetof(LeaseMagazines, references);

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
  void signal(Signal what);
  void follow_policy() {
    if (pool_.policy_generation() != policy_generation_.load(std::memory_order_relaxed))
        [[unlikely]]
      set_limits();
  }
  void set_limits();
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
  BatchSizes batches_;
  SlowPathSampling sampling_;
  std::uint32_t folded_[LeaseMagazines::kTags] = {};  // part of `acquired` that is in the counters
  std::uint32_t acquired_at_last_look_[LeaseMagazines::kTags] = {};
  unsigned looks_at_rest_ = 0;  // at which nothing had been acquired since the one before
  std::atomic<std::uint64_t> policy_generation_{0};  // that the limits are of
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
