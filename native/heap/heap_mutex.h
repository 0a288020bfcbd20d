// A heap's lock, with a count of the times it was not free and of how long that lasted.
#pragma once

#include <cassert>

#include "base/clock.h"
#include "base/lock.h"
#include "heap/heap_stats.h"

namespace superslab {

class CAPABILITY("mutex") HeapMutex {
 public:
  explicit HeapMutex(HeapCounters& counters) : counters_(counters) {}
  HeapMutex(const HeapMutex&) = delete;
  HeapMutex& operator=(const HeapMutex&) = delete;

  void lock() ACQUIRE() NO_THREAD_SAFETY_ANALYSIS {
    if (mutex_.try_lock()) return;
    const Nanos start = precise_now();
    mutex_.lock();
    counters_.contended.add(1);
    counters_.lock_wait_ns.add(precise_now() - start);
  }
  void unlock() RELEASE() NO_THREAD_SAFETY_ANALYSIS { mutex_.unlock(); }

  /// A precondition of what one part of a heap calls of another one: this thread holds the lock.
  void assert_held() const ASSERT_CAPABILITY() { assert(mutex_.is_mine()); }

  /// In the child of a fork, as Mutex::survive_fork().
  Holder survive_fork() { return mutex_.survive_fork(); }

 private:
  Mutex mutex_{LockRank::kHeap};
  HeapCounters& counters_;
};

class [[nodiscard]] SCOPED_CAPABILITY HeapLock {
 public:
  explicit HeapLock(HeapMutex& mutex) ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
  ~HeapLock() RELEASE() { mutex_.unlock(); }
  HeapLock(const HeapLock&) = delete;
  HeapLock& operator=(const HeapLock&) = delete;

 private:
  HeapMutex& mutex_;
};

}  // namespace superslab
