// A mutex with a rank. A thread takes locks in rising rank only, so no cycle of waiting can form;
// debug builds check it.
#pragma once

#include <cassert>
#include <mutex>

namespace superslab {

/// The order in which locks may nest, outermost first.
enum class LockRank : unsigned char {
  kRegistry,  // runtime: the list of heaps and environments
  kLeases,    // heap: leases that were shared between threads
  kHeap,      // one heap's superslabs, slab owners and big cache
  kSpace,     // arenas and their free superslabs
  kRoom,      // heap: who waits for room under maxBytes
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

 private:
#ifndef NDEBUG
  // One bit per held rank. Function-local, so that a release build has no thread-local at all.
  static unsigned& held() {
    thread_local unsigned ranks = 0;
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
