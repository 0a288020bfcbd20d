// A mutex with a rank, on pthread's: the standard library's brings its exceptions, and with them
// most of itself, into every process that only wants a malloc. A thread takes locks in rising rank
// only, so no cycle of waiting can form; debug builds check it.
#pragma once

#include <pthread.h>
#include <time.h>

#include <cassert>

#include "base/types.h"

namespace superslab {

/// The order in which locks may nest, outermost first.
enum class LockRank : unsigned char {
  kLeakSites,     // addon: where leaked leases were acquired
  kMistakeSites,  // addon: where buffers were misused
  kPurging,       // runtime: one purge of the process's heap at a time
  kRegistry,      // runtime: the list of heaps and environments
  kLeases,        // heap: leases that were shared between threads
  kFirstClass,    // malloc: one first-class heap
  kVisitors,      // heap: who looks into another thread's slabs
  kHeap,          // one heap's superslabs, slab owners and big cache
  kMapped,        // heap: blocks that are mappings of their own
  kSpace,         // arenas and their free superslabs
  kRoom,          // heap: who waits for room under maxBytes
  kMetadata,      // the allocator's own objects
};

class Mutex {
 public:
  explicit constexpr Mutex(LockRank rank) : rank_(rank) {}
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  void lock() {
    check_order();
    pthread_mutex_lock(&mutex_);
    note_taken();
  }

  /// False when another thread holds it.
  bool try_lock() {
    if (pthread_mutex_trylock(&mutex_) != 0) return false;
    note_taken();
    return true;
  }

  void unlock() {
    note_released();
    pthread_mutex_unlock(&mutex_);
  }

  /// Without the check: for who takes several of a rank, as around fork(), and knows why it may.
  void lock_unchecked() { pthread_mutex_lock(&mutex_); }
  bool try_lock_unchecked() { return pthread_mutex_trylock(&mutex_) == 0; }
  void unlock_unchecked() { pthread_mutex_unlock(&mutex_); }

 private:
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

  friend class Condition;
  pthread_mutex_t mutex_ = PTHREAD_MUTEX_INITIALIZER;
  [[maybe_unused]] LockRank rank_;
};

class [[nodiscard]] LockGuard {
 public:
  explicit LockGuard(Mutex& mutex) : mutex_(mutex) { mutex_.lock(); }
  ~LockGuard() { mutex_.unlock(); }
  LockGuard(const LockGuard&) = delete;
  LockGuard& operator=(const LockGuard&) = delete;

 private:
  Mutex& mutex_;
};

/// Something to wait for under a Mutex. Allocates nothing.
class Condition {
 public:
  Condition() {
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&condition_, &attributes);
    pthread_condattr_destroy(&attributes);
  }
  ~Condition() { pthread_cond_destroy(&condition_); }
  Condition(const Condition&) = delete;
  Condition& operator=(const Condition&) = delete;

  void notify_all() { pthread_cond_broadcast(&condition_); }

  /// `mutex` is held by the caller; it is released while this waits until `done()` holds or
  /// `timeout` has passed.
  template <class Done>
  void wait_for(Mutex& mutex, Nanos timeout, Done done) {
    timespec until{};
    clock_gettime(CLOCK_MONOTONIC, &until);
    const Nanos end = static_cast<Nanos>(until.tv_nsec) + timeout % kSecond;
    until.tv_sec += static_cast<time_t>(timeout / kSecond + end / kSecond);
    until.tv_nsec = static_cast<long>(end % kSecond);
    while (!done() && pthread_cond_timedwait(&condition_, &mutex.mutex_, &until) == 0) {
    }
  }

 private:
  static constexpr Nanos kSecond = 1'000'000'000;
  pthread_cond_t condition_;
};

}  // namespace superslab
