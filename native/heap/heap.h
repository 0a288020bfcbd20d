// A heap: superslabs taken from the address space, the slabs cut from them, blocks beyond 2 MiB,
// and the owners among whom the slabs are divided. Several heaps can exist; each superslab is in
// one.
//
// It puts its parts together (see heap/heap_core.h) and knows when it is at its end. Everything
// here is the slow path.
#pragma once

#include <atomic>
#include <cstdint>

#include "heap/heap_core.h"
#include "heap/heap_statistics.h"
#include "heap/huge_blocks.h"
#include "heap/memory_account.h"
#include "heap/migrator.h"
#include "heap/purger.h"
#include "heap/slab_owner.h"
#include "heap/slab_owners.h"
#include "heap/slab_source.h"
#include "heap/span_source.h"
#include "learn/capacity_event.h"
#include "learn/purge_event.h"
#include "policy/capacities.h"

namespace superslab {

class Heap {
 public:
  /// `space` and `clock` outlive the heap.
  Heap(Space& space, const Clock& clock, const HeapSnapshot& policy, const HeapShape& shape = {});

  /// Every thread has let go of it. Gives all memory back.
  ~Heap();
  Heap(const Heap&) = delete;
  Heap& operator=(const Heap&) = delete;

  /// The heap that a superslab was taken by.
  static Heap& of(const Superslab& s) { return *static_cast<Heap*>(s.heap); }

  // Its parts ---------------------------------------------------------------------------------

  SlabSource& slabs() { return slabs_; }
  HugeBlocks& huge() { return huge_; }
  const HugeBlocks& huge() const { return huge_; }
  Purger& purger() { return purger_; }
  Migrator& migrator() { return migrator_; }
  MemoryAccount& account() { return account_; }
  const MemoryAccount& account() const { return account_; }

  Space& space() const { return core_.space; }
  Nanos now() const { return core_.clock.now(); }
  const Budget& budget() const { return core_.budget; }
  /// Its threads' caches.
  CacheRegistry& caches() { return core_.caches; }
  const CacheRegistry& caches() const { return core_.caches; }
  /// Who waits for a discharge.
  Room& room() { return core_.room; }

  // Policy ------------------------------------------------------------------------------------

  /// What it goes by now; for a few statements.
  Published<HeapSnapshot>::Reading policy() const { return core_.policy.read(); }
  /// Another number whenever that changed: who keeps values of it compares on its slow path.
  std::uint64_t policy_generation() const { return core_.policy.generation(); }
  /// From any thread, any number of times, with no lock held: what the heap goes by from now on.
  /// Limits hold at once, threads follow at their next slow path, and what the heap has cached
  /// beyond new limits goes back. False, with nothing changed, for what it cannot do any more: see
  /// HeapCore::can_follow().
  [[nodiscard]] bool publish(const HeapSnapshot& next);

  /// From any thread, with no lock held: what it keeps for demand that comes back.
  void publish_reserve(const Reserve& reserve) { core_.reserve.publish(reserve); }

  /// The same: how many blocks its magazines hold. Nothing else of the policy changes, whoever
  /// publishes meanwhile.
  void publish_capacities(const Capacities& capacities);
  /// The same: how long it keeps idle memory.
  void publish_purge_delays(const PurgeDelays& delays);

  Published<Reserve>::Reading reserve() const { return core_.reserve.read(); }

  /// Populates free memory ahead of demand until `bytes` of it lie free; only where the policy
  /// populates at all, the calling thread's node does not matter, and memory is not scarce. Returns
  /// the bytes that were populated. Any thread, with no lock held.
  ByteCount expand(ByteCount bytes);

  // Owners ------------------------------------------------------------------------------------

  /// A share of the heap for the calling thread: a vacant one, with the slabs that its last thread
  /// left, or a new one. nullptr without memory. `node`: see HeapShape::has_nodes.
  SlabOwner* attach(NodeOrdinal node = 0);

  /// The calling thread is done with its share. Blocks may still be out.
  void detach(SlabOwner* owner);

  /// No thread is attached, every block is home, and who brought the last one has let go: nobody
  /// can reach this heap any more but through its creator.
  bool is_abandoned() const {
    // In this order: a visitor comes before it discharges, so the charge that it takes to zero
    // shows the visitor as well.
    return core_.budget.is_empty() && visitors_.load(std::memory_order_acquire) == 0;
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

  // What concerns several parts ---------------------------------------------------------------

  /// Gives a block beyond 2 MiB back, and idle memory that is then too much. Any thread. False when
  /// it was free already: a double free, which is counted.
  bool give_huge(Superslab* head);

  /// Discharges without a block, when a caller gives up what it has charged.
  void discharge(ByteCount bytes) { core_.discharge(bytes); }

  /// See Purger.
  bool tick(Nanos grace = 0) { return purger_.tick(grace); }
  ByteCount trim(ByteCount target) { return purger_.trim(target); }

  /// In the child of a fork, before anything else: makes lists, counts and locks whole again that a
  /// vanished thread was changing. What it had in hand stays out. `mine` is the share of the thread
  /// that forked. Returns whether that thread itself stands in the middle of something, as when a
  /// signal handler forked: then nothing else may be done with the heap before it goes on.
  /// For heaps behind pointers.
  /// `is_suspect`: a thread that has no share of a heap was freeing a block.
  bool survive_fork(const SlabOwner* mine, bool is_suspect);

  /// The same, once no thread is left but that with the share `mine`: all others are vacant.
  void vacate_others(const SlabOwner* mine);

  // Looking at it -----------------------------------------------------------------------------

  /// Whether its lists and those of its owners are whole, while no other thread works with them.
  bool is_whole() const;

  /// See HeapStatistics.
  HeapStats stats() const { return stats(space().os().fault_counts()); }
  HeapStats stats(const FaultCounts& faults) const { return statistics_.of_heap(faults); }
  ClassStats class_stats(ClassIndex c) const { return statistics_.of_class(c); }
  void class_stats(ClassStats (&sums)[kClassSlots]) const { statistics_.of_classes(sums); }
  void sample(Samples& out) const { statistics_.sample(out); }
  void sample(CapacitySamples& out, ByteCount share) { statistics_.sample(out, share); }
  /// Memory that the counters of that take.
  ByteCount run_counter_bytes() const { return statistics_.run_counter_bytes(); }
  /// The peaks of samples begin anew. For the one who samples now and then.
  void restart_peaks() { statistics_.restart_peaks(); }

  ByteCount committed_bytes() const { return account_.committed_bytes(); }
  ByteCount idle_bytes() const { return account_.idle_bytes(); }

  /// How much each of its threads may keep of one class, by how much memory the heap has.
  ByteCount cache_share() const;

  /// Counts what was learned, as that was applied.
  void count_learning(const CapacityEvent& event);
  void count_saved_calls(std::uint64_t calls) {
    core_.counters.learn_saved_calls.shared_add(calls);
  }
  void count_learning(const PurgeEvent& event);
  void count_saved_us(std::uint64_t us) { core_.counters.learn_saved_us.shared_add(us); }
  void count_learning_time(Nanos taken) { core_.counters.learn_ns.shared_add(taken); }

  void count_exhausted() { core_.counters.exhausted.shared_add(1); }
  void count_failed_request() { core_.counters.failed_requests.shared_add(1); }
  /// Whether a block that a thread fetched lies on its node. The thread's own call.
  void note_nearness(const void* block);
  /// What the operating system refused so far of the secrecy that the policy asks for.
  Secrecy refused_secrecy() const { return spans_.refused_secrecy(); }
  /// Refusals by the operating system so far.
  std::uint64_t os_failures() const { return core_.counters.os_failures.get(); }

 private:
  friend class HeapSurvivor;

  class IdleSpans final : public SpanSource::IdleSpans {
   public:
    explicit IdleSpans(Heap& heap) : heap_(heap) {}
    void give_back_idle_spans() override;

   private:
    Heap& heap_;
  };

  /// False when the big cache holds more than it may by now.
  bool follow_policy();

  IdleSpans idle_spans_{*this};
  HeapCore core_;
  MemoryAccount account_{core_};
  SpanSource spans_{core_, account_, this, idle_spans_};
  SlabOwners owners_{core_};
  SlabSource slabs_{core_, account_, spans_, owners_};
  HugeBlocks huge_{core_, account_, spans_, owners_, slabs_};
  Migrator migrator_{core_, this};
  Purger purger_{core_, account_, spans_, owners_, slabs_, huge_};
  HeapStatistics statistics_{core_, account_, owners_, huge_};
  std::atomic<std::uint32_t> visitors_{0};  // attached threads too
};

}  // namespace superslab
