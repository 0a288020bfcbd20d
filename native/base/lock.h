// A mutex with a rank. A thread takes locks in rising rank only, so no cycle of waiting can form;
// debug builds check it.
#pragma once

#include <cassert>
#include <chrono>
#include <condition_variable>
#include <mutex>

namespace superslab {

/// The order in which locks may nest, outermost first.
enum class LockRank : unsigned char {
  kRegistry,  // runtime: the list of heaps and environments
  kLeases,    // heap: leases that were shared between threads
  kHeap,      // one heap's superslabs, slab owners and big cache
  kMapped,    // heap: blocks that are mappings of their own
  kSpace,     // arenas and their free superslabs
  kRoom,      // heap: who waits for room under maxBytes
  kMetadata,  // the allocator's own objects
};

class Mutex {
 public:
  explicit constexpr Mutex(LockRank rank) : rank_(rank) {}
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  void lock() {
    check_order();
    mutex_.lock();
    note_taken();
  }

  /// False when another thread holds it.
  bool try_lock() {
    if (!mutex_.try_lock()) return false;
    note_taken();
    return true;
  }

  void unlock() {
    note_released();
    mutex_.unlock();
  }

  /// Held by the caller; released while it waits for `changed` until `done()` or the time is up.
  template <class Done>
  void wait_for(std::condition_variable& changed, std::chrono::nanoseconds timeout, Done done) {
    std::unique_lock<std::mutex> held(mutex_, std::adopt_lock);
    changed.wait_for(held, timeout, done);
    held.release();
  }

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

  std::mutex mutex_;
  [[maybe_unused]] LockRank rank_;
};

using LockGuard = std::lock_guard<Mutex>;

}  // namespace superslab
