// A pool of objects of one size, for threads that share it.
//
//   thread's magazine  <->  depot  <->  slabs of the pool's own heap
//   (fixed_cache.h)         both under the pool's lock
//
// One SlabOwner serves all threads, so that they share its slabs: what a thread costs is its
// magazine. Objects travel between threads through the depot, in halves of a magazine (J. Bonwick,
// "Magazines and Vmem", USENIX 2001; the half that stays is DPDK's, rte_mempool).
//
// An object is constructed when it leaves its slab and destructed when it goes back, as in that
// paper: whoever gets one finds it as the last one put it, or fresh. Constructors and destructors
// run with no lock held, and may use the pool.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/lock.h"
#include "heap/heap.h"
#include "pools/fixed/cpu_magazines.h"
#include "pools/fixed/depot.h"
#include "pools/pool.h"

namespace superslab {

/// What is done with an object that leaves its slab, and with one that goes back.
struct ObjectHooks {
  /// Other than 0: it cannot be had, and whoever asked gets none.
  int (*construct)(void* object, void* context) = nullptr;
  void (*destruct)(void* object, void* context) = nullptr;
  void* context = nullptr;
};

struct FixedPoolOptions {
  ByteCount object_bytes = 0;
  ByteCount alignment = kMinAlignment;  // a power of two
  std::size_t max = 0;                  // objects out of the slabs at once; 0: no limit
  std::size_t initial = 0;              // made at once, and kept
  std::uint32_t cached = 0;             // most that a thread caches; 0: as the pool chooses
  bool has_colours = true;              // see HeapShape
  /// No object is cached anywhere, so that the slabs' bits tell for certain which are out: each
  /// wrong put is found.
  bool is_checked = false;
  /// Processors have magazines instead of threads, where the system lets them.
  bool is_per_cpu = false;
  ObjectHooks hooks = {};
};

/// Why there is no object, or why one was not taken back.
enum class FixedFault : std::uint8_t {
  kNone,
  kNoMemory,
  kLimit,
  kClosed,
  kRefused,      // the constructor said no
  kForeign,      // no object of this pool, or an address inside one
  kAlreadyFree,  // put twice
};

class FixedCache;

class FixedPool final : public Pool {
 public:
  /// Bytes that an object takes; 0 when there can be no such pool.
  static ByteCount block_bytes(ByteCount object_bytes, ByteCount alignment);

  /// `space` and `clock` outlive the pool; block_bytes() is not 0, and `initial` not beyond `max`.
  FixedPool(Space& space, const Clock& clock, const Policy& policy, const FixedPoolOptions& options,
            std::string_view name);
  /// Closed, and every object came home.
  ~FixedPool() override;

  /// Before anything else: makes the first objects. What it could not have ends with the pool.
  FixedFault open();

  // Slow paths: any thread, with no lock held -------------------------------------------------

  /// Stores `count` objects at `out`, or none.
  FixedFault take(void** out, std::size_t count);
  /// Stores up to `wanted` objects and returns how many; 0, and why, when there is none.
  std::size_t take_some(void** out, std::size_t wanted, FixedFault& fault);

  /// Takes back objects of which owns() holds, into the depot as far as it has room.
  void give(void* const* objects, std::size_t count);

  /// Takes one back straight to its slab. kAlreadyFree when it was there already.
  FixedFault give_checked(void* object);

  /// Whether an object of this pool begins at `p`. Any other address is none's.
  bool owns(const void* p) const;
  /// Whether `p` lies in one of its slabs, which takes one load; owns() where that does not tell.
  [[gnu::always_inline]] bool reaches(const void* p) const {
    const std::size_t slice = (address_of(p) - region_base_) >> kSliceShift;
    // Relaxed: of an object of this pool they are as they were before the caller had it.
    if (slice < region_slices_.load(std::memory_order_relaxed) &&
        __atomic_load_n(&routes_[slice], __ATOMIC_RELAXED) == route_) [[likely]]
      return true;
    return owns(p);
  }
  /// Whether owns() holds of each. What does not is counted, and left out.
  std::size_t keep_own(void** objects, std::size_t count);
  void count_foreign_put() { foreign_puts_.shared_add(1); }

  // By the magazines of processors, where has_cpu_magazines(). Any thread. ---------------------

  bool has_cpu_magazines() const { return cpus_ != nullptr; }
  /// What a get and a put try first; nothing without such magazines.
  void* cpu_pop() { return cpus_ == nullptr ? nullptr : cpus_->pop(); }
  bool cpu_push(void* object) { return cpus_ != nullptr && !is_closed() && cpus_->push(object); }
  void* cpu_get(FixedFault& fault);
  FixedFault cpu_get_bulk(void** out, std::size_t count);
  FixedFault cpu_put(void* object);
  /// Objects of the pool.
  void cpu_put_bulk(void* const* objects, std::size_t count);

  /// Gives what has been idle since the last call back to its slabs, and memory that has been idle
  /// for the policy's delay to the operating system.
  /// `may_destruct`: whether a destructor may run here.
  void tick(bool may_destruct);

  /// After a thread's slow path: tick(), when it is time.
  void take_turn();

  // As a Pool ---------------------------------------------------------------------------------

  Heap& heap() override { return heap_; }
  using Pool::heap;
  void stats(const FaultCounts& faults, PoolFigures& out) const override;
  PoolFault check() const override;
  /// But for `initial` objects, and what lies in the magazines of other processors.
  ByteCount trim(ByteCount target) override;
  /// Asks threads for what they cache, and has objects beyond `initial` end in the last step. A
  /// destructor of the program's waits for a thread that uses the pool.
  ByteCount relieve(ReliefStep step) override;
  /// While no other thread uses the pool: gives back what is cached, also by other threads.
  void close() override;

  // -------------------------------------------------------------------------------------------

  const FixedPoolOptions& options() const { return options_; }
  ByteCount block_bytes() const { return unit_; }
  ClassIndex block_class() const { return class_; }
  /// Most objects that a thread caches; 0 in a closed pool.
  std::uint32_t cache_limit() const { return is_closed() ? 0 : cache_limit_; }

  /// With callers now. Exact while no thread is in a call.
  std::size_t in_use() const;
  /// Free, and constructed: in magazines and the depot.
  std::size_t cached() const;
  std::uint64_t foreign_puts() const { return foreign_puts_.get(); }
  std::uint64_t double_puts() const { return heap_.stats({}).double_frees; }
  /// A closed pool that nobody can have an object of.
  bool is_empty() const { return heap_.budget().is_empty(); }

  /// A thread's cache of which wanted(const FixedCache&) holds; nullptr when there is none.
  template <class Wanted>
  FixedCache* find_cache(Wanted wanted) const;

  /// Gives back what threads that are not there any more had cached: after a fork.
  void collect_orphans();
  void note_orphans() { has_orphans_.store(true, std::memory_order_relaxed); }

  /// In the child of a fork: as Heap::survive_fork().
  bool survive_fork(const SlabOwner* mine, bool is_suspect);

 private:
  /// For the heap's figures: what the depot and processors have is cached.
  class DepotMember final : public CacheRegistry::Member {
   public:
    explicit DepotMember(const FixedPool& pool) : pool_(pool) {}
    void squeeze(bool) override {}
    void flush_soon() override {}
    std::uint32_t cached(ClassIndex c) const NO_THREAD_SAFETY_ANALYSIS override {
      if (c != pool_.class_) return 0;
      const std::size_t on_cpus = pool_.cpus_ == nullptr ? 0 : pool_.cpus_->count();
      return static_cast<std::uint32_t>(pool_.depot_.count() + on_cpus);
    }

   private:
    const FixedPool& pool_;
  };

  static HeapSnapshot policy_for(const Policy& policy, const FixedPoolOptions& options);
  std::uint32_t choose_cache_limit(const Policy& policy) const;
  std::size_t depot_limit() const;
  std::size_t take_from_slabs(void** out, std::size_t count) REQUIRES(lock_);
  void give_to_slabs(void* const* objects, std::size_t count) REQUIRES(lock_);
  FixedFault fetch(void** out, std::size_t count, std::size_t& got);
  FixedFault fetch_constructed(void** out, std::size_t count, std::size_t& got);
  std::size_t construct(void* const* blocks, std::size_t count);
  FixedFault make_initial(std::size_t count);
  FixedFault why_none() const;
  void count_refusal(FixedFault fault);
  void destruct_and_give(void* const* objects, std::size_t count);
  void shrink_depot(std::size_t keep);
  /// Gives away `count` objects of the processor's magazine, if it has as many.
  void shrink_own_cpu(std::size_t count);
  void empty_cpus();
  void populate(void* const* blocks, std::size_t count);

  // For reaches(): one owner and one class make one route.
  std::uintptr_t region_base_ = 0;
  std::atomic<std::size_t> region_slices_{0};
  const Route* routes_ = nullptr;
  Route route_ = kNoRoute;
  const FixedPoolOptions options_;
  const ByteCount unit_;
  const ClassIndex class_;
  Heap heap_;
  std::uint32_t cache_limit_;
  mutable Mutex lock_{LockRank::kFixedPool};
  SlabOwner* owner_ PT_GUARDED_BY(lock_) = nullptr;
  Depot depot_ GUARDED_BY(lock_);
  CpuMagazines* cpus_ = nullptr;
  DepotMember depot_member_{*this};
  Counter foreign_puts_;
  std::atomic<std::uint32_t> steps_{0};  // slow paths since the last turn
  std::atomic<Nanos> next_tick_{0};
  std::atomic<bool> has_orphans_{false};
  std::atomic<bool> wants_relief_{false};  // by a thread that may run destructors
};

}  // namespace superslab
