// A heap: superslabs taken from the address space, the slabs cut from them, the big cache, and the
// owners among whom the slabs are divided. Several heaps can exist; each superslab is in one.
//
// Everything here is the slow path: a thread comes by when its owner has no slab with free blocks,
// has dissolved one, or wants a block beyond 2 MiB.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/clock.h"
#include "base/lock.h"
#include "heap/big_cache.h"
#include "heap/budget.h"
#include "heap/cache_registry.h"
#include "heap/heap_stats.h"
#include "heap/idle_bound.h"
#include "heap/room.h"
#include "heap/slab_owner.h"
#include "heap/superslab_list.h"
#include "os/limits.h"
#include "policy/published.h"
#include "space/space.h"

namespace superslab {

/// How a heap uses the address space, apart from the policy values that its owner may choose.
struct HeapShape {
  /// Who gets at the memory. A freed block beyond 2 MiB that views may show is kept whole, for the
  /// next request of about its length; the superslabs of others go back to the space, with their
  /// memory, for blocks of any size.
  Access access = Access::kViews;
  /// Transparent huge pages, if the policy asks for them, are for superslabs that are taken while
  /// at least this much is committed: a small heap would pay for memory it does not use. Many slabs
  /// of small blocks are used in part, so that they cost more.
  ByteCount thp_from_bytes_small = 0;
  ByteCount thp_from_bytes_large = 0;
  /// Whether the heap knows what is out also without a limit. One that stays for ever need not.
  bool is_always_charged = true;
  /// Whether the slabs' tables are purged with their superslab, for who is judged by its RSS alone.
  bool purges_tables = false;
  /// Most memory that all heaps of the space may have together before somebody is killed for it.
  ByteCount memory = kNoLimit;
  /// Told of each slab of a class that leases come from, before anybody has a block of it: where it
  /// was cut, in slices from the superslab's start and bytes into the first. Under the heap's lock.
  void (*slab_was_cut)(const Space& space, const Superslab& s, unsigned first_slice, ClassIndex c,
                       ByteCount colour) = nullptr;
};

class Heap {
 public:
  /// `space` and `clock` outlive the heap.
  Heap(Space& space, const Clock& clock, const Snapshot& policy, HeapShape shape = {});

  /// Every thread has let go of it. Gives all memory back.
  ~Heap();
  Heap(const Heap&) = delete;
  Heap& operator=(const Heap&) = delete;

  // Owners -----------------------------------------------------------------------------------

  /// A share of the heap for the calling thread: a vacant one, with the slabs that its last thread
  /// left, or a new one. nullptr without memory.
  SlabOwner* attach();

  /// The calling thread is done with its share. Blocks may still be out.
  void detach(SlabOwner* owner);

  /// Moves a slab of class `c` with free blocks from a vacant owner to `to`.
  bool inherit_slab(ClassIndex c, SlabOwner& to);

  // Slabs ------------------------------------------------------------------------------------

  /// Whether the heap grows rather than cut anew what lies unused in slabs of other classes. Where
  /// slices are cut anew JavaScript makes new windows, and each brings the next major collection
  /// closer by its length. So a part stays for the classes that will want it again.
  bool keeps_unused(ByteCount unused) const {
    return access() == Access::kViews && unused < committed_bytes() / kUnusedPart &&
           !is_room_scarce();
  }

  /// A slab of class `c` with nothing carved and no owner yet; nullptr without memory, or when it
  /// would take another superslab and must not.
  Slab* make_slab(ClassIndex c, Growth growth);

  /// Before the heap takes another superslab for `self`, who is inside: dissolves slabs that lie
  /// unused with other owners, if that makes up for one. Whether it did.
  bool retire_unused_of_others(const SlabOwner& self);

  /// Dissolves a slab for which slab_is_unused() holds. The caller owned it.
  /// Its memory may be purged when it has been idle since `idle_since` for long enough.
  void retire_slab(Slab* slab, Nanos idle_since);

  /// Brings in the memory of `slab` up to `end` bytes from its start, and more as demand grows.
  void populate(Slab& slab, ByteCount end);

  // Blocks beyond 2 MiB -----------------------------------------------------------------------

  /// Bytes that a block for a request of `bytes` has, and is charged for. With guard pages its end
  /// is at most a page behind the request's.
  ByteCount large_capacity(ByteCount bytes) const;

  /// A block of at least `bytes` (in (kMaxClassBytes, kMaxLargeBytes]), charged to the budget;
  /// nullptr when the budget or the operating system has no more. `lessee` is remembered.
  /// It starts at a multiple of `alignment`, a power of two from kSuperslabBytes to kArenaBytes.
  /// `is_zero`: whether it reads as zero.
  Superslab* take_large(ByteCount bytes, SlabOwner* lessee, ByteCount alignment = kSuperslabBytes,
                        bool* is_zero = nullptr);

  /// For heaps behind pointers: the same from superslabs that hold memory, without a look for more
  /// of them; nullptr when there are none.
  Superslab* reuse_large(ByteCount bytes, SlabOwner* lessee, ByteCount alignment, bool& is_zero);

  /// For heaps behind pointers: makes a leased block `bytes` long where it is; false when it
  /// cannot.
  bool resize_large(Superslab* head, ByteCount bytes);

  /// Any thread. False when it was free already: a double free, which is counted.
  bool give_large(Superslab* head);

  /// A block beyond 2 MiB that `lessee` leased, which is then nobody's; nullptr when it has no
  /// more.
  Superslab* orphan_large(const SlabOwner* lessee);

  // Giving back -------------------------------------------------------------------------------

  Nanos now() const { return clock_.now(); }

  /// How long memory stays idle before it goes back: less, the less room there is under a limit.
  Nanos purge_delay() const { return fitted(to_nanos(policy_.get().purge_delay_ms)); }

  /// A permanent heap has nobody who comes by while all its threads rest. So the thread that frees
  /// looks, with no lock held, whether more is idle than the heap keeps, and calls the hook. Set
  /// before the first thread attaches.
  using ExcessHook = void (*)();
  void set_excess_hook(ExcessHook hook) { excess_hook_ = hook; }
  bool counts_idle() const { return excess_hook_ != nullptr; }
  void after_frees() const {
    if (excess_hook_ != nullptr && idle_bytes() > looks_from_.load(std::memory_order_relaxed))
        [[unlikely]]
      excess_hook_();
  }

  /// Of a heap that counts it: memory that was touched and that no caller and no magazine has. Idle
  /// superslabs of its space are among it, free blocks that purge left where they lie are not.
  ByteCount idle_bytes() const {
    const std::int64_t in_slabs = idle_in_slabs_.load(std::memory_order_relaxed);
    return space_.idle_bytes() + free_bytes_.load(std::memory_order_relaxed) +
           (in_slabs > 0 ? static_cast<ByteCount>(in_slabs) : 0);
  }

  /// Gives back what is idle beyond the bound, `own` slabs first. One thread at a time, with no
  /// lock held.
  void give_back_excess(SlabOwner* own);

  /// Of the bytes that give_back_excess() gave back: all, and those that were taken again soon.
  std::uint64_t excess_bytes() const { return excess_bytes_.get(); }
  std::uint64_t regretted_bytes() const { return regretted_bytes_.get(); }
  /// Idle memory that the heap keeps beyond its policy's bound, since it was taken again soon.
  ByteCount earned_idle_bytes() const NO_THREAD_SAFETY_ANALYSIS {
    return idle_bound_.earned();  // a counter, for any thread
  }

  /// An owner has `change` more idle bytes in its slabs.
  void note_idle_in_slabs(std::int64_t change) {
    idle_in_slabs_.fetch_add(change, std::memory_order_relaxed);
  }
  /// Whether memory is limited, so that what is cached beside what is needed may be missed.
  bool is_limited() const { return shape_.memory != kNoLimit; }

  /// `bytes` of a slab in which nobody has a block hold no memory: they went back, or were never
  /// touched. Its owner's call.
  void note_purged(Slab& slab, ByteCount bytes) {
    const auto kib = static_cast<std::uint16_t>(bytes / kKiB);
    const std::int64_t back = std::int64_t{slab.purged_kib} - kib;
    space_.note_resident(back * static_cast<std::int64_t>(kKiB));
    slab.purged_kib = kib;
  }
  /// Blocks on pages that may have been purged were taken.
  void note_taken_again(ByteCount bytes);

  /// Looks after owners whose threads have stopped allocating: see SlabOwner::settle(). True if
  /// there is more to do at once. Any thread, a few times in each purge delay.
  bool settle();

  /// Purges what has been idle for longer than the policy's delays. Call it now and then, from any
  /// thread. True while something idle is left, so that the caller comes again.
  bool tick();

  /// A step of tick(), of settle() and of the same for idle superslabs of the space, for who comes
  /// by on another errand. True if there is more to do at once.
  bool give_back_unused(Nanos before);

  /// Purges idle memory at once until at most `target` bytes are committed. Returns the bytes that
  /// went back to the operating system.
  ByteCount trim(ByteCount target);

  // Budget ------------------------------------------------------------------------------------

  std::size_t charge(ByteCount unit, std::size_t wanted) {
    return is_charged_ ? budget_.charge(unit, wanted) : wanted;
  }
  void discharge(ByteCount bytes) {
    if (!is_charged_) return;
    budget_.discharge(bytes);
    // Without a limit nobody waits.
    if (budget_.max_bytes() != 0) room_.notify();
  }
  const Budget& budget() const { return budget_; }

  /// In the child of a fork, before anything else: makes lists, counts and locks whole again that a
  /// vanished thread was changing. What it had in hand stays out. `mine` is the share of the thread
  /// that forked. Returns whether that thread itself stands in the middle of something, as when a
  /// signal handler forked: then nothing else may be done with the heap before it goes on.
  /// For heaps behind pointers.
  /// `is_suspect`: a thread that has no share of a heap was freeing a block.
  bool survive_fork(const SlabOwner* mine, bool is_suspect);

  /// The same, once no thread is left but that with the share `mine`: all others are vacant.
  void vacate_others(const SlabOwner* mine);

  /// Its threads' caches.
  CacheRegistry& caches() { return caches_; }
  const CacheRegistry& caches() const { return caches_; }

  /// Who waits for a discharge.
  Room& room() { return room_; }

  /// No thread is attached, every block is home, and who brought the last one has let go: nobody
  /// can reach this heap any more but through its creator.
  bool is_abandoned() const {
    // In this order: a visitor comes before it discharges, so the charge that it takes to zero
    // shows the visitor as well.
    return budget_.is_empty() && visitors_.load(std::memory_order_acquire) == 0;
  }

  /// Held by a thread that is not attached while it gives a block back: the heap stays.
  class Visit {
   public:
    explicit Visit(Heap& heap) : heap_(heap) {
      heap_.visitors_.fetch_add(1, std::memory_order_relaxed);
    }
    // Release: what was done here comes before the heap's end.
    ~Visit() { heap_.visitors_.fetch_sub(1, std::memory_order_release); }
    Visit(const Visit&) = delete;
    Visit& operator=(const Visit&) = delete;

   private:
    Heap& heap_;
  };

  // Looking at it -----------------------------------------------------------------------------

  /// Whether its lists and those of its owners are whole, while no other thread works with them.
  bool is_whole() const;

  HeapStats stats() const;
  /// For who asks many heaps: `faults` are the process's, and the system is asked once.
  HeapStats stats(const FaultCounts& faults) const;
  /// Sums the threads' counters of class `c`.
  ClassStats class_stats(ClassIndex c) const;
  /// Of every class, with each lock taken once.
  void class_stats(ClassStats (&sums)[kClassCount]) const;
  /// Of the blocks beyond 2 MiB that callers hold.
  ByteCount leased_large_bytes() const;
  ByteCount committed_bytes() const { return committed_.load(std::memory_order_relaxed); }

  /// The charge of a block that was freed twice, and so was discharged twice.
  void recharge(ByteCount bytes) {
    if (is_charged_) budget_.recharge(bytes);
  }

  void count_double_frees(std::uint64_t n) { counters_.double_frees.shared_add(n); }
  void count_sent_home(ClassIndex c, std::uint64_t blocks) {
    sent_home_[to_index(c)].shared_add(blocks);
  }
  void count_exhausted() { counters_.exhausted.shared_add(1); }
  /// Whether a block that a thread fetched lies on its node. The thread's own call.
  void note_nearness(const void* block);
  void count_failed_request() { counters_.failed_requests.shared_add(1); }
  /// What the operating system refused so far of the secrecy that the policy asks for.
  Secrecy refused_secrecy() const { return refused_secrecy_.load(std::memory_order_relaxed); }
  /// Refusals by the operating system so far.
  std::uint64_t os_failures() const { return counters_.os_failures.get(); }

  const Snapshot& policy() const { return policy_.get(); }
  Space& space() const { return space_; }

 private:
  friend class HeapSurvivor;
  class Lock;
  struct PurgeBatch;
  struct Purged;

  /// Of what is committed. What it gains stands in docs/ARCHITECTURE.md, "Windows of 2 MiB".
  static constexpr ByteCount kUnusedPart = 8;

  /// Calls act(SlabOwner&) for each vacant owner, as its owner and without the lock, until it
  /// returns true. The owner is not vacant meanwhile, so that no thread attaches to it.
  template <class Act>
  bool for_each_vacant(Act act);

  Superslab* fresh_superslab(ClassIndex c) REQUIRES(lock_);
  bool bring_in_huge_page(Superslab* s);
  /// Who gets at the heap's memory.
  Access access() const { return shape_.access; }
  Backing backing(HugePages pages, ByteCount tail_bytes = kSuperslabBytes) const;
  TakenRun take_run(std::uint32_t count, ByteCount bytes, HugePages pages, std::uint32_t unit = 1,
                    ByteCount tail_bytes = kSuperslabBytes) REQUIRES(lock_);
  void note_taken(const TakenRun& taken, std::uint32_t count);
  HugePages pages_for_slabs(ClassIndex c) const;
  HugePages pages_for_large() const;
  void give_run(Superslab* head);
  void give_back_whole() REQUIRES(lock_);
  void give_back_idle(Superslab* head);
  void give_back_unused(Superslab* s);
  void collect_idle(PurgeBatch& batch, Nanos before, ByteCount target) REQUIRES(lock_);
  void purge_items(PurgeBatch& batch);
  Purged purge_once(Nanos slabs_before, Nanos large_before, ByteCount target);
  bool tick_step();
  /// Whether the lists that the lock guards are whole. For assertions.
  bool is_valid() const REQUIRES(lock_) {
    return shelf_.is_valid() && big_cache_.is_valid() && leased_large_.is_valid();
  }
  void note_fresh(ByteCount bytes) REQUIRES(lock_);
  ByteCount idle_bound() const;
  Nanos fitted(Nanos delay) const;
  /// How much memory all heaps of the space may have beside what they have.
  ByteCount room_left() const {
    const ByteCount used = space_.resident_bytes() + space_.idle_bytes();
    return used < shape_.memory ? shape_.memory - used : 0;
  }
  bool is_room_scarce() const { return room_left() < shape_.memory / 2; }
  void set_looks_from();
  ByteCount excess() const;
  void note_given_back(ByteCount bytes);
  void note_unused(ByteCount bytes);
  ByteCount give_back_some(ByteCount bytes, SlabOwner* own);

  /// Adds what the owners count of class `c`.
  void add_owners(ClassIndex c, ClassStats& sum) const REQUIRES(lock_);
  /// Derives the rest from that and from the blocks that lie in magazines.
  void conclude(ClassIndex c, std::uint64_t cached, ClassStats& sum) const;

  void change_committed(std::int64_t bytes) {
    committed_.fetch_add(static_cast<ByteCount>(bytes), std::memory_order_relaxed);
    space_.note_resident(bytes);
    // What may lie idle follows the room that is left.
    if (counts_idle() && is_room_scarce()) set_looks_from();
  }
  bool has_guard_pages() const;
  void note_refused(Secrecy what);
  bool purge_one(const Superslab& s, const OsRange& range);
  void scrub(const Superslab& s, ByteCount bytes);

  Superslab* make_large(ByteCount bytes, std::uint32_t unit, bool& is_zero) REQUIRES(lock_);
  Superslab* as_large(const TakenRun& taken, ByteCount bytes) REQUIRES(lock_);
  void lease_large(Superslab* head, ByteCount bytes, SlabOwner* lessee, bool is_zero)
      REQUIRES(lock_);
  ByteCount retire_unused_of(const SlabOwner* but, ByteCount least);
  void gather_idle();

  Space& space_;
  const Clock& clock_;
  const HeapShape shape_;
  const bool is_charged_;
  const Secrecy secrecy_;  // of all its memory
  ExcessHook excess_hook_ = nullptr;
  PublishedSnapshot policy_;
  Budget budget_;
  CacheRegistry caches_;
  Room room_{caches_};

  mutable Mutex lock_{LockRank::kHeap};
  SuperslabShelf shelf_ GUARDED_BY(lock_);
  BigCache big_cache_ GUARDED_BY(lock_);
  SuperslabList leased_large_ GUARDED_BY(lock_);
  SlabOwner* owners_ GUARDED_BY(lock_) = nullptr;
  std::atomic<std::uint32_t> vacant_owners_{0};  // written under the lock
  std::uint32_t colour_ GUARDED_BY(lock_) = 0;
  std::atomic<Secrecy> refused_secrecy_{Secrecy::kNone};
  std::atomic<std::uint32_t> visitors_{0};  // attached threads too
  std::atomic<ByteCount> committed_{0};
  std::atomic<ByteCount> populate_bytes_;
  IdleBound idle_bound_ GUARDED_BY(lock_);
  std::atomic<ByteCount> free_bytes_{0};  // of slices in no slab that hold memory; under the lock
  std::atomic<std::int64_t> idle_in_slabs_{0};  // as far as the owners told
  std::atomic<ByteCount> looks_from_;  // idle bytes from which a thread that frees looks closer
  Counter excess_bytes_;
  Counter regretted_bytes_;
  mutable HeapCounters counters_;
  Counter sent_home_[kClassCount];  // shared leases that ended, which no thread's counters saw
  Counter slabs_[kClassCount];      // written under the lock
  Counter slab_blocks_[kClassCount];
};

}  // namespace superslab
