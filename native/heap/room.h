// Waiting for room under maxBytes.
//
// While a thread cache of a heap waits, all of the heap's keep nothing back: they are told to give
// up what they cache, and each block they release goes straight to its slab.
#pragma once

#include <atomic>

#include "base/lock.h"
#include "base/types.h"
#include "heap/cache_registry.h"

namespace superslab {

class Room {
 public:
  class Waiter {
   public:
    /// Something was given back: try again. May come from any thread, with locks held: it must only
    /// leave a note and wake the waiter's own thread.
    virtual void room_made() = 0;

   protected:
    ~Waiter() = default;

   private:
    friend class Room;
    Waiter* next_ = nullptr;
    bool is_waiting_ = false;
  };

  /// `caches` are squeezed while somebody waits, and outlive the room.
  explicit Room(CacheRegistry& caches) : caches_(caches) {}

  /// From now on until stop_waiting(), which must come before its end, the waiter hears of each
  /// discharge.
  void start_waiting(Waiter* waiter);
  void stop_waiting(Waiter* waiter);

  /// Blocks until something is discharged or `timeout` has passed; the caller has called
  /// start_waiting() and then tried once more. `seen` is ticket() from before that try.
  void wait(std::uint64_t seen, Nanos timeout);
  std::uint64_t ticket() const { return ticket_.load(std::memory_order_seq_cst); }

  /// In the child of a fork. Its list is whole at any moment.
  Holder survive_fork() { return lock_.survive_fork(); }

  /// After each discharge. Costs one load while nobody waits.
  void notify() {
    // A waiter first adds itself and then looks at the budget; this thread first discharges and
    // then looks for waiters. With the fence between, at least one sees the other.
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (waiting_.load(std::memory_order_relaxed) != 0) wake();
  }

 private:
  void wake();

  CacheRegistry& caches_;
  Mutex lock_{LockRank::kRoom};
  Condition changed_;
  Waiter* waiters_ GUARDED_BY(lock_) = nullptr;
  std::atomic<std::uint32_t> waiting_{0};
  std::atomic<std::uint64_t> ticket_{0};
};

}  // namespace superslab
