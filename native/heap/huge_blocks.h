// Blocks beyond 2 MiB: a span of superslabs for each.
//
// A freed one that views may show is kept whole in the big cache; the superslabs of others go back
// to the space with their memory, and are reused one by one.
#pragma once

#include "heap/big_cache.h"
#include "heap/heap_core.h"
#include "heap/huge.h"
#include "heap/memory_account.h"
#include "heap/purge_batch.h"
#include "heap/span_source.h"
#include "heap/superslab_list.h"

namespace superslab {

class SlabOwner;
class SlabOwners;
class SlabSource;

class HugeBlocks {
 public:
  HugeBlocks(HeapCore& core, MemoryAccount& account, SpanSource& spans, SlabOwners& owners,
             SlabSource& slabs);
  HugeBlocks(const HugeBlocks&) = delete;
  HugeBlocks& operator=(const HugeBlocks&) = delete;

  /// Bytes that a block for a request of `bytes` has, and is charged for. With guard pages its end
  /// is at most a page behind the request's.
  ByteCount capacity(ByteCount bytes) const;

  /// A block of at least `bytes` (in (kMaxClassBytes, kMaxHugeBytes]), charged to the budget;
  /// nullptr when the budget or the operating system has no more. `lessee` is remembered.
  /// It starts at a multiple of `alignment`, a power of two from kSuperslabBytes to kArenaBytes.
  /// `is_zero`: whether it reads as zero.
  Superslab* take(ByteCount bytes, SlabOwner* lessee, ByteCount alignment = kSuperslabBytes,
                  bool* is_zero = nullptr);

  /// For heaps behind pointers: the same from superslabs that hold memory, without a look for more
  /// of them; nullptr when there are none.
  Superslab* reuse(ByteCount bytes, SlabOwner* lessee, ByteCount alignment, bool& is_zero);

  /// For heaps behind pointers: makes a leased block `bytes` long where it is; false when it
  /// cannot.
  bool resize(Superslab* head, ByteCount bytes);

  /// What give() found.
  enum class Given : std::uint8_t {
    kDone,
    kBeyondLimit,  // and the big cache holds more than it may
    kAlreadyFree,  // a double free, which is counted and changes nothing
  };
  /// Any thread. Heap::give_huge() does this and what follows from it.
  Given give(Superslab* head);

  /// What a thread keeps of free blocks by itself counts as part of the big cache. Sets `wanted`
  /// bytes of that aside for a thread instead of the `had` ones, or as many as are left; none where
  /// blocks have guards, which must end where their request does. Any thread.
  ByteCount reserve(ByteCount had, ByteCount wanted);

  /// Bytes of the longest block that `lessee` has; 0 for none. Any thread.
  ByteCount longest_leased(const SlabOwner& lessee) const;

  /// A thread has lent `n` blocks again that it had kept. Any thread.
  void count_reuses(std::uint64_t n);

  /// A block that `lessee` leased, which is then nobody's; nullptr when it has no more.
  Superslab* orphan(const SlabOwner* lessee);

  /// Of the blocks that callers hold.
  ByteCount leased_bytes() const;
  /// Of those in the big cache.
  ByteCount cached_bytes() const;

  // For the other parts of the heap, under its lock -------------------------------------------

  /// The policy may have changed. False when the cache holds more than it may by now.
  bool follow_policy();
  /// Gives every cached block back.
  void give_back_cached();
  /// Adds blocks that have been cached since `before`, or are more than may be, to the batch, while
  /// more than `target` bytes beside the batch are committed. They are in no list until one of the
  /// next two calls.
  void collect_idle(PurgeBatch& batch, Nanos before, ByteCount target);
  /// Its memory is gone, or stayed where it was.
  void note_purged(const PurgeBatch::Item& item);
  void put_back(const PurgeBatch::Item& item);
  bool has_idle() const;
  bool is_valid() const;

 private:
  friend class HeapSurvivor;

  /// What the policy says of a block.
  struct Policy {
    HugePages pages;
    NodePlacement node_placement;
    bool is_populated;
  };
  Policy read_policy() const;
  /// Where blocks go back to the space at once, its superslabs have the delay of all.
  IdleBand band() const { return core_.is_behind_views() ? IdleBand::kHuge : IdleBand::kSlabs; }
  Superslab* take_cached_or_fresh(ByteCount bytes, ByteCount alignment, NodeOrdinal node,
                                  bool& is_zero) REQUIRES(core_.lock);
  Superslab* take_fresh(ByteCount bytes, std::uint32_t unit, NodeOrdinal node, bool& is_zero)
      REQUIRES(core_.lock);
  Superslab* as_block(const TakenSpan& taken, ByteCount bytes) REQUIRES(core_.lock);
  void lease(Superslab* head, ByteCount bytes, SlabOwner* lessee, bool is_zero)
      REQUIRES(core_.lock);
  bool resize_span(Superslab* head, ByteCount bytes) REQUIRES(core_.lock);
  void limit_cache() REQUIRES(core_.lock);
  void free_to_space(Superslab* head) REQUIRES(core_.lock);
  void gather_idle();

  HeapCore& core_;
  MemoryAccount& account_;
  SpanSource& spans_;
  SlabOwners& owners_;
  SlabSource& slabs_;
  Policy policy_ GUARDED_BY(core_.lock);  // of the snapshot that follow_policy() saw
  BigCache cache_ GUARDED_BY(core_.lock);
  ByteCount reserved_ GUARDED_BY(core_.lock) = 0;  // part of the big cache that threads have
  SuperslabList leased_ GUARDED_BY(core_.lock);
};

}  // namespace superslab
