// A mutex with a rank. A thread takes locks in rising rank only, so no cycle of waiting can form;
// debug builds check it.
//
// The lock's word says who holds it: pthread's does not tell the child of a fork whether it was the
// thread that forked, whose signal handler may have come in between, or one that is not there any
// more. Nothing here is a cancellation point, or changes errno.
#pragma once

#include <atomic>
#include <cassert>

#include "base/this_thread.h"
#include "base/thread_safety.h"
#include "base/types.h"

namespace superslab {

/// The order in which locks may nest, outermost first.
enum class LockRank : unsigned char {
  kWatchers,     // malloc: who wants memory pressure watched
  kBackground,   // runtime: the tasks of a thread of ours
  kLeakSites,    // diagnostics: where leaked leases were acquired
  kMisuseSites,  // diagnostics: where buffers were misused
  kPressure,     // runtime: how scarce memory was found to be
  kPurging,      // malloc: one purge of the process's heap at a time
  kRegistry,     // addon: the list of pools; malloc: that of first-class heaps
  kLeases,       // pools/buffer: leases that were shared between threads
  kRecords,      // addon: where records are found by other threads
  kFirstClass,   // malloc: one first-class heap
  kFixedPool,    // pools/fixed: depot and slabs of one pool
  kAdaptation,   // pools/buffer: demand windows, and what was decided
  kCompressing,  // pools/compressed: one value that is being compressed
  kTiers,        // pools/compressed: the books of one pool
  kHotBlocks,    // pools/compressed: the blocks of a program's pool
  kCheckpoint,   // malloc: one checkpoint of a page cache at a time
  kPageWriting,  // pools/page_cache: who writes pages of one file
  kPageCache,    // pools/page_cache: which page is in which frame
  kPolicy,       // policy: who publishes a snapshot
  kVisitors,     // heap: who looks into another thread's slabs
  kHeap,         // one heap's superslabs, slab owners and big cache
  kMapped,       // malloc: blocks that are mappings of their own
  kSpace,        // arenas and their free superslabs
  kRoom,         // heap: who waits for room under maxBytes
  kCaches,       // heap: its thread caches
  kMetadata,     // the allocator's own objects
  kSender,       // heap: frees of threads that have no cache any more
};

class CAPABILITY("mutex") Mutex {
 public:
  explicit constexpr Mutex(LockRank rank) : rank_(rank) {}
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  void lock() ACQUIRE() {
    check_order();
    lock_unchecked();
    note_taken();
  }

  /// False when another thread holds it.
  bool try_lock() TRY_ACQUIRE(true) {
    if (!take(this_thread())) return false;
    note_taken();
    return true;
  }

  void unlock() RELEASE() {
    note_released();
    unlock_unchecked();
  }

  /// Without the check: for who takes several of a rank, and knows why it may.
  void lock_unchecked() ACQUIRE() NO_THREAD_SAFETY_ANALYSIS {
    if (!take(this_thread())) [[unlikely]]
      wait_and_take();
  }
  bool try_lock_unchecked() TRY_ACQUIRE(true) { return take(this_thread()); }
  void unlock_unchecked() RELEASE() {
    if ((word_.exchange(0, std::memory_order_release) & kAwaited) != 0) [[unlikely]]
      wake_one();
  }

  /// In the child of a fork: who held it. What a vanished thread held is free from then on.
  Holder survive_fork() {
    const Holder holder = holder_of(word_.load(std::memory_order_relaxed) & ~kAwaited);
    if (holder == Holder::kVanished) word_.store(0, std::memory_order_relaxed);
    return holder;
  }

  bool is_mine() const {
    return (word_.load(std::memory_order_relaxed) & ~kAwaited) == this_thread();
  }

 private:
  static constexpr std::uintptr_t kAwaited = 1;  // who unlocks wakes

  bool take(std::uintptr_t as) {
    std::uintptr_t nobody = 0;
    return word_.compare_exchange_strong(nobody, as, std::memory_order_acquire,
                                         std::memory_order_relaxed);
  }
  void wait_and_take();
  void wake_one();

#ifndef NDEBUG
  // One bit per held rank. Function-local, so that a release build has no thread-local at all.
  // Initial-exec: under a malloc of ours, a thread-local that is made on demand would call malloc.
  static unsigned& held() {
    [[gnu::tls_model("initial-exec")]] thread_local unsigned ranks = 0;
    return ranks;
  }
  void check_order() const {
    assert((held() >> static_cast<unsigned>(rank_)) == 0 && "locks are taken in rising rank");
  }
  void note_taken() { held() |= 1u << static_cast<unsigned>(rank_); }
  void note_released() { held() &= ~(1u << static_cast<unsigned>(rank_)); }
#else
  void check_order() const {}
  void note_taken() {}
  void note_released() {}
#endif

  std::atomic<std::uintptr_t> word_{0};  // this_thread() of the holder, and kAwaited
  [[maybe_unused]] LockRank rank_;
};

class [[nodiscard]] SCOPED_CAPABILITY LockGuard {
 public:
  explicit LockGuard(Mutex& mutex) ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
  ~LockGuard() RELEASE() { mutex_.unlock(); }
  LockGuard(const LockGuard&) = delete;
  LockGuard& operator=(const LockGuard&) = delete;

 private:
  Mutex& mutex_;
};

/// Something to wait for under a Mutex. Allocates nothing, and nothing of it has to be repaired
/// after a fork.
class Condition {
 public:
  constexpr Condition() = default;
  Condition(const Condition&) = delete;
  Condition& operator=(const Condition&) = delete;

  void notify_all();

  /// `mutex` is held by the caller; it is released while this waits until `done()` holds or
  /// `timeout` has passed.
  template <class Done>
  void wait_for(Mutex& mutex, Nanos timeout, Done done) REQUIRES(mutex) {
    const Nanos until = deadline(timeout);
    while (!done() && wait_until(mutex, until)) {
    }
  }

 private:
  static Nanos deadline(Nanos timeout);
  /// False when the time has passed.
  bool wait_until(Mutex& mutex, Nanos until) REQUIRES(mutex);

  std::atomic<std::uint32_t> changes_{0};
};

}  // namespace superslab
