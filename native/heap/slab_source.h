// Slabs of a heap: cut from its superslabs, dissolved into them again. It is all of a heap that a
// SlabOwner sees.
//
// Everything here is the slow path: an owner comes by when it has no slab with free blocks, or has
// dissolved one.
#pragma once

#include <atomic>

#include "heap/heap_core.h"
#include "heap/memory_account.h"
#include "heap/purge_batch.h"
#include "heap/span_source.h"
#include "heap/superslab_list.h"

namespace superslab {

class SlabOwner;
class SlabOwners;

/// Whether a heap may take another superslab.
enum class Growth : std::uint8_t { kNever, kIfNeeded };

class SlabSource {
 public:
  SlabSource(HeapCore& core, MemoryAccount& account, SpanSource& spans, SlabOwners& owners);
  SlabSource(const SlabSource&) = delete;
  SlabSource& operator=(const SlabSource&) = delete;

  // For owners --------------------------------------------------------------------------------

  Space& space() const { return core_.space; }
  Nanos now() const { return core_.clock.now(); }
  /// See Heap::policy().
  Published<HeapSnapshot>::Reading policy() const { return core_.policy.read(); }
  std::uint64_t policy_generation() const { return core_.policy.generation(); }
  bool is_limited() const { return core_.shape.is_limited(); }

  std::size_t charge(ByteCount unit, std::size_t wanted) { return core_.charge(unit, wanted); }
  void discharge(ByteCount bytes) { core_.discharge(bytes); }
  void recharge(ByteCount bytes) { core_.recharge(bytes); }
  void count_double_frees(std::uint64_t n) { core_.counters.double_frees.shared_add(n); }
  void count_sent_home(ClassIndex c, std::uint64_t blocks) {
    core_.slab_counters.sent_home[to_index(c)].shared_add(blocks);
  }

  /// A slab of class `c` with nothing carved and no owner yet; nullptr without memory, or when it
  /// would take another superslab and must not. `node`: of its owner, in a heap that is divided by
  /// nodes.
  Slab* make_slab(ClassIndex c, Growth growth, NodeOrdinal node = 0);

  /// Dissolves a slab for which slab_is_unused() holds. The caller owned it.
  /// Its memory may be purged when it has been idle since `idle_since` for long enough.
  void retire_slab(Slab* slab, Nanos idle_since);

  /// Whether the heap has more slabs of class `c` than its reserve keeps.
  bool is_beyond_reserve(ClassIndex c) const {
    const std::size_t i = to_index(c);
    const std::uint64_t slabs =
        core_.slab_counters.made[i].get() - core_.slab_counters.retired[i].get();
    return slabs > core_.reserve.read()->slabs[i];
  }

  /// Moves a slab of class `c` with free blocks from a vacant owner to `to`.
  bool inherit_slab(ClassIndex c, SlabOwner& to);

  /// Before the heap takes another superslab for `self`, who is inside: dissolves slabs that lie
  /// unused with other owners, if that makes up for one. Whether it did.
  bool retire_unused_of_others(const SlabOwner& self);

  /// Whether the heap grows rather than cut anew what lies unused in slabs of other classes. Where
  /// slices are cut anew JavaScript makes new windows, and each brings the next major collection
  /// closer by its length. So a part stays for the classes that will want it again.
  bool keeps_unused(ByteCount unused) const {
    // What it gains stands in docs/ARCHITECTURE.md, "Windows of 2 MiB".
    return core_.is_behind_views() &&
           unused < account_.committed_bytes() * core_.policy.read()->kept_unused / 100 &&
           !account_.is_room_scarce();
  }

  /// Populates the memory of `slab` up to `end` bytes from its start, and more as demand grows.
  void populate(Slab& slab, ByteCount end);

  /// `bytes` of a slab in which nobody has a block hold no memory: they went back, or were never
  /// touched. Its owner's call.
  void note_purged(Slab& slab, ByteCount bytes) {
    const auto kib = static_cast<std::uint16_t>(bytes / kKiB);
    const std::int64_t back = std::int64_t{slab.purged_kib} - kib;
    core_.space.note_resident(back * static_cast<std::int64_t>(kKiB));
    slab.purged_kib = kib;
  }
  /// Blocks on pages that may have been purged were taken.
  void note_taken_again(ByteCount bytes) { account_.note_taken_again(bytes); }

  bool counts_idle() const { return account_.counts_idle(); }
  /// An owner has `change` more idle bytes in its slabs.
  void note_idle_in_slabs(std::int64_t change) { account_.note_idle_in_slabs(change); }

  /// Populates free memory until there are `bytes` of it that no slab has, for the slabs that are
  /// to come; 2 MiB at a time, without the heap's lock. Returns the bytes that were populated. Any
  /// thread. Fewer when the operating system has no more.
  ByteCount expand(ByteCount bytes);

  // For the other parts of the heap -----------------------------------------------------------
  // Under the heap's lock.

  /// Gives superslabs back in which no slab is.
  void give_back_whole();
  /// The same, to the space and with their memory.
  void give_whole_with_memory();
  /// The same for all that are left: the heap's end.
  void give_back_all();

  /// Adds what has been idle since `before` to the batch, while more than `target` bytes beside the
  /// batch are committed, and `ready` bytes beside it lie free. It is in no slab and on no list
  /// until one of the two calls below.
  void collect_idle(PurgeBatch& batch, Nanos before, ByteCount target, ByteCount ready);
  /// Its memory is gone, or stayed where it was.
  void note_purged(const PurgeBatch::Item& item);
  void put_back(const PurgeBatch::Item& item);

  /// Whether anything is there that collect_idle() would collect at some time.
  bool has_idle();
  bool is_valid() const;

 private:
  friend class HeapSurvivor;

  /// Where a slab is cut.
  struct Cut {
    unsigned first;  // slice
    SliceMask mask;
    ByteCount fresh;  // bytes that held no memory
    bool is_dirty;    // all of it held memory
    bool is_clean;    // all of it reads as zero
  };
  SpanWish wish_for(ClassIndex c, NodeOrdinal node) const;
  Superslab* fresh_superslab(const SpanWish& wish) REQUIRES(core_.lock);
  /// Free slices of a superslab that hold no memory, out of all masks until they do.
  struct Clean {
    Superslab* superslab = nullptr;
    SliceMask slices = 0;
  };
  Clean take_clean_slices() REQUIRES(core_.lock);
  void give_dirty_slices(const Clean& slices) REQUIRES(core_.lock);
  bool prefault_huge_page(Superslab* s);
  Cut cut_slices(Superslab& s, unsigned slices) REQUIRES(core_.lock);
  Slab* init_slab(Superslab& s, const Cut& cut, ClassIndex c) REQUIRES(core_.lock);
  SliceMask touched_slices(const Slab& slab, const Superslab& s, unsigned first) const;
  void take_off_shelf(Superslab* s) REQUIRES(core_.lock);

  HeapCore& core_;
  MemoryAccount& account_;
  SpanSource& spans_;
  SlabOwners& owners_;
  SuperslabShelf shelf_ GUARDED_BY(core_.lock);
  std::uint32_t colour_ GUARDED_BY(core_.lock) = 0;
  std::atomic<ByteCount> populate_bytes_{0};  // of the next batch, but at least the policy's
};

}  // namespace superslab
