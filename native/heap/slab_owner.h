// One thread's share of a heap: the slabs it owns. Only that thread calls the functions here, but
// for those that say otherwise.
//
// A thread that ends leaves its SlabOwner behind, vacant and with its slabs; the next thread takes
// it over whole. So a remote thread may always push to the owner that it read from a slab.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/biased_lock.h"
#include "base/program_order.h"
#include "heap/busy_slabs.h"
#include "heap/class_set.h"
#include "heap/heap_stats.h"
#include "heap/size_class.h"
#include "heap/slab_bits.h"
#include "heap/slab_source.h"
#include "learn/run_length_curve.h"
#include "space/space.h"

namespace superslab {

/// Blocks of one slab whose free bits lie in one word.
struct BlockBatch {
  Slab* slab = nullptr;
  std::uint32_t word = 0;
  ClassIndex size_class = {};  // told apart: the slab's own is on its owner's line
  std::uint64_t mask = 0;
};

class alignas(kCacheLinePair) SlabOwner {
 public:
  SlabOwner(SlabSource& source, OwnerId id, NodeOrdinal node = 0);
  ~SlabOwner();
  SlabOwner(const SlabOwner&) = delete;
  SlabOwner& operator=(const SlabOwner&) = delete;

  /// Takes up to `wanted` blocks of class `c` out of their slabs and charges them. `out` is filled
  /// as a stack of which the lowest address lies on top, at the end: memory is touched in address
  /// order. 0 when the budget or the operating system has no more, or the heap would have to grow
  /// and must not.
  std::size_t take(ClassIndex c, void** out, std::size_t wanted, Growth growth = Growth::kIfNeeded);

  /// One block of class `c`. `is_zero`: whether it reads as zero.
  void* take_one(ClassIndex c, bool& is_zero, Growth growth = Growth::kIfNeeded);

  /// Puts a block of one of its own slabs back that is of a class from kFirstLargeClass on. A few
  /// of them stay at hand.
  void give_one(void* block, ClassIndex c);

  /// Blocks of class `c` at hand.
  std::uint32_t spare_blocks(ClassIndex c) const {
    return to_index(c) < kFirstLargeClass
               ? 0
               : __atomic_load_n(&spares_[to_index(c) - kFirstLargeClass].count, __ATOMIC_RELAXED);
  }

  /// Puts blocks of this heap back into their slabs, its own or others', and discharges them.
  /// Neighbouring blocks in the array that share a slab cost one operation together.
  void give(void* const* blocks, std::size_t count);

  /// This owner's thread: frees blocks of other owners, of this heap or another. Returns the bytes
  /// of those of this heap, of which the caller tells it: see SlabSource::note_idle_in_slabs().
  ByteCount send(const BlockBatch& batch);

  /// Any thread, whether it owns the block's slab or not: frees one block of `home`. `sender` is
  /// the thread's own share of any heap, or nullptr. False when the block was free already: a
  /// double free, which is counted.
  static bool give_remote(SlabSource& home, void* block, SlabOwner* sender);

  /// Collects what other threads have freed in the slabs of this owner.
  void collect();

  /// Dissolves every unused slab, also those that were kept for the next refill.
  void retire_unused();

  /// The same, but for those that the heap's reserve keeps.
  void retire_surplus();

  /// Dissolves the slabs that have been unused since the last call, but for those that the heap's
  /// reserve keeps.
  void retire_idle();

  /// Frees every block of its slabs, also those that callers hold, without discharging them, and
  /// dissolves the slabs. No other thread may free blocks of them meanwhile.
  void dissolve();

  /// Any thread: puts a slab with fresh remote frees on the queue.
  void push_remote(Slab* slab);

  /// Takes over a slab that is new or whose former owner let go of it.
  void adopt(Slab* slab);

  /// Calls visit(Slab&) for each of its slabs; visit may free blocks of the slab it is given, but
  /// of no other, and must not take any.
  template <class Visit>
  void for_each_slab(Visit visit) {
    for (std::size_t c = 0; c < kClassSlots; ++c) {
      for (auto& lists : slabs_) {
        for (Slab* slab = lists[c]; slab != nullptr;) {
          Slab* following = slab->next;
          visit(*slab);
          slab = following;
        }
      }
    }
  }

  /// Calls reclaim(block, bytes) for each block that is out of its slab, and frees those for which
  /// it returns true, without discharging them. No other thread may free blocks of these slabs
  /// meanwhile.
  template <class Reclaim>
  void for_each_leased(Reclaim reclaim);

  /// A vacant owner, for a thread that is in the middle of its own: both return false where they
  /// would have to wait, as during a fork. collect(); and a slab of class `c` with free blocks for
  /// `to`.
  bool try_collect();
  bool try_hand_over(ClassIndex c, SlabOwner& to);

  /// Any thread, now and then: when the owner has not touched its slabs for `delay`, dissolves
  /// those that are unused and gives free pages of the others back, in a step of a bounded number
  /// of ranges. True if there is more to do at once.
  bool settle(Nanos now, Nanos delay);

  /// Any thread: dissolves its unused slabs if they have `min_bytes`, with those that are unused
  /// but for what other threads freed. Their bytes; 0 also when somebody is at them.
  ByteCount try_retire_unused(ByteCount min_bytes);

  /// Bytes of its unused slabs.
  ByteCount unused_bytes() const { return unused_bytes_.get(); }
  /// How many bytes of free blocks its thread keeps that are dear to hold. Its thread's call,
  /// before it takes some: what is kept there is not kept in unused slabs, too.
  void note_kept(ByteCount bytes) { kept_bytes_ = bytes; }
  /// Whether other threads have freed blocks that it has not collected.
  bool has_remote_frees() const { return remote_.load(std::memory_order_relaxed) != nullptr; }

  /// This owner's thread: dissolves unused slabs, those of the largest blocks first, until they
  /// are `bytes`. Returns their bytes.
  ByteCount retire_unused_bytes(ByteCount bytes);

  /// This owner's thread: gives the free pages of slabs in use back, in a step of a bounded number
  /// of ranges. `bytes` is how much went. True if there was more than that.
  bool purge_pages(ByteCount& bytes);

  /// Any thread, while the owner rests: collects and dissolves what is unused, and does one step
  /// of purge_pages(). False when the owner is at work, or has nothing idle that is worth it.
  bool give_back(ByteCount& bytes);

  /// Whether lists, places and sums agree, while nobody works with the slabs. For assertions.
  bool is_valid() const;

  /// In the child of a fork, for the frees of threads that have no share of a heap: who was at one.
  static Holder survive_last_frees();

  SlabSource& source() const { return source_; }
  OwnerId id() const { return id_; }
  /// Whose memory it takes, in a heap that is divided by nodes; 0 in others.
  NodeOrdinal node() const { return node_; }

  /// Where its thread runs, as that noted last; kNoNode when it did not, or is gone. Any thread.
  NodeOrdinal running_on() const { return running_on_.load(std::memory_order_relaxed); }
  void note_running_on(NodeOrdinal node) { running_on_.store(node, std::memory_order_relaxed); }

  ClassCounters& counters(ClassIndex c) { return counters_[to_index(c)]; }
  const ClassCounters& counters(ClassIndex c) const { return counters_[to_index(c)]; }
  /// Any thread.
  BusySlabs& busy_slabs() { return busy_; }
  const BusySlabs& busy_slabs() const { return busy_; }

  /// Its thread made a slow call for a magazine that holds `capacity` blocks. Counted for who
  /// learns capacities, once that has asked for it.
  void note_slow_call(ClassIndex c, RunLengthCounters::Call call, std::uint32_t capacity) {
    // Acquire: the counters were zeroed before.
    RunLengthCounters* const runs = runs_.load(std::memory_order_acquire);
    if (runs != nullptr) runs[to_index(c)].note(call, capacity);
  }
  /// Any thread: counts them from now on, if there is memory for that.
  void count_runs();
  /// By class; nullptr while nobody asked for them. Any thread.
  const RunLengthCounters* runs() const { return runs_.load(std::memory_order_acquire); }

  // Under the heap's lock.
  SlabOwner* next = nullptr;
  bool vacant = false;
  std::uint32_t number = 0;  // in its heap; does not change

 private:
  friend class HeapSurvivor;
  Slab*& list_of(const Slab* slab) {
    return slabs_[static_cast<std::size_t>(slab->state)][to_index(slab->size_class)];
  }
  Slab* first(SlabState state, ClassIndex c) const {
    return slabs_[static_cast<std::size_t>(state)][to_index(c)];
  }
  void link(Slab* slab, SlabState state);
  void unlink(Slab* slab);
  void move(Slab* slab, SlabState state);
  Slab* find_slab(ClassIndex c, Growth growth);
  Slab* find_slab_before_growth(ClassIndex c);
  std::size_t take_from(Slab* slab, void** end, std::size_t wanted);
  void collect_locked();
  void look_again_for_unused();
  void retire_lists(const ClassSet& classes, Nanos idle_since);
  void retire_surplus_locked(const ClassSet& classes);
  Slab* make_slab_of_unused(ClassIndex c);
  void purge_before_growth();
  bool purge_free_pages(ByteCount& bytes);
  void retire(Slab* slab, Nanos idle_since);

  /// What is idle is told to the heap in steps, so that threads do not come to write to one line.
  static constexpr std::int64_t kTellBytes = 256 * kKiB;
  void tell_idle() {
    const std::int64_t change = idle_bytes_ - left_bytes_ - told_bytes_;
    if (change >= kTellBytes || change <= -kTellBytes) [[unlikely]]
      tell_idle_now();
  }
  void tell_idle_now();
  /// Bytes of blocks that went back, of its own slabs and of others': told together at the end,
  /// since each discharge is a fence.
  struct Given {
    ByteCount own_bytes = 0;
    ByteCount others_bytes = 0;
  };
  void give_batch(const BlockBatch& batch, Given& given);
  void give_others_batch(const BlockBatch& batch, Given& given);
  void note_double_frees(std::uint64_t blocks);
  /// `sending`: where it is noted that the calling thread is at it.
  static std::uint64_t give_batch_remote(Slab* slab, std::uint32_t word, std::uint64_t mask,
                                         Slab*& sending);
  static std::uint64_t give_batch_remote(Slab* slab, std::uint32_t word, std::uint64_t mask,
                                         SlabOwner* sender);
  void after_free(Slab* slab) {
    slab->is_purged = false;
    update_state(slab);
  }
  /// An unused slab stays for the next refill; see find_slab() and retire_idle().
  void update_state(Slab* slab) {
    const SlabState state = slab_is_unused(*slab) ? SlabState::kUnused : SlabState::kPartial;
    if (state != slab->state) move(slab, state);
  }

  /// Who works with the slabs: the owner's thread, or who visits a vacant one.
  class Hold {
   public:
    explicit Hold(SlabOwner& owner) : owner_(owner) { owner.lock_.enter(); }
    ~Hold() { owner_.lock_.leave(); }
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;

   private:
    SlabOwner& owner_;
  };

  /// Free blocks of a large class at hand, without a way through the slab's bits.
  static constexpr std::uint32_t kSpareBlocks = knob_row(KnobId::spare_blocks).max;
  void follow_policy() {
    if (source_.policy_generation() != policy_generation_) [[unlikely]]
      take_over_policy();
  }
  void take_over_policy();
  void set_spare_limits();
  struct Spares {
    std::uint32_t count = 0;
    std::uint32_t keep = 0;    // most of them now: grows with misses, so that what is wanted again
    std::uint32_t limit = 0;   // is kept, up to the limit
    std::uint32_t misses = 0;  // times there was none at hand
    std::uint32_t count_at_growth = 0;
    void* blocks[kSpareBlocks];

    void put(void* block) {
      blocks[count] = block;
      in_program_order();
      ++count;
    }
  };
  static constexpr std::size_t kLargeClasses = kFixedClasses - kFirstLargeClass;

  /// Whoever works with the slabs; settle() looks from outside.
  void note_change() { __atomic_store_n(&changes_, changes_ + 1, __ATOMIC_RELAXED); }
  void give_locked(void* const* blocks, std::size_t count);
  void give_older(Spares& spares, std::uint32_t going);
  void give_spares();
  void give_idle_spares();

  SlabSource& source_;
  const OwnerId id_;
  BiasedLock lock_;
  std::uint64_t changes_ = 0;          // times the slabs were worked with
  std::uint64_t settled_changes_ = 0;  // at the last settle()
  Nanos quiet_since_ = 0;
  bool is_settled_ = false;
  Counter unused_bytes_;
  ByteCount kept_bytes_ = 0;    // see note_kept()
  ByteCount slab_bytes_ = 0;    // of its slabs
  ByteCount purged_bytes_ = 0;  // slab_bytes_ at the last purge_before_growth()
  // Bytes. Signed: blocks of a slab that was handed over may come home as another owner's.
  std::int64_t idle_bytes_ = 0;  // of blocks that were carved and are free in its slabs
  std::int64_t left_bytes_ = 0;  // of those, what the last purge of pages left or gave back
  std::int64_t told_bytes_ = 0;  // of the others, what the heap knows of
  Spares spares_[kLargeClasses];
  std::uint64_t policy_generation_ = 0;  // that their limits are of
  Slab* slabs_[kSlabStates][kClassSlots] = {};
  BusySlabs busy_;   // slabs that are not unused
  ClassSet unused_;  // classes that have unused slabs
  ClassSet idle_;    // those that had some at the last retire_idle() and took none since
  ClassCounters counters_[kClassSlots];
  Slab* sending_ = nullptr;  // what this owner's thread is freeing blocks of, as another owner's
  Holder at_fork_ = Holder::kNobody;  // who worked with the slabs then; in the child
  const NodeOrdinal node_;
  std::atomic<NodeOrdinal> running_on_{kNoNode};
  std::atomic<RunLengthCounters*> runs_{nullptr};  // of kClassSlots classes

  // Written by remote threads: a Treiber stack, popped whole by the owner, so no ABA.
  alignas(kCacheLinePair) std::atomic<Slab*> remote_{nullptr};
};

template <class Reclaim>
void SlabOwner::for_each_leased(Reclaim reclaim) {
  collect();
  for_each_slab([&](Slab& slab) {
    for (std::uint32_t index = 0; index < slab.carved; ++index) {
      if (!slab_holds(slab, index) &&
          reclaim(block_address(slab, index), ByteCount{slab.block_bytes})) {
        slab_free(slab, index / 64, std::uint64_t{1} << (index % 64));
      }
    }
    if (!slab_is_drained(slab)) after_free(&slab);
  });
}

}  // namespace superslab
