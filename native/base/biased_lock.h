// A lock for data that one thread works with all the time and others hardly ever.
//
// The holder of the bias pays one exchange and a load on a cache line of its own; visitors take
// turns under a mutex. Dekker's algorithm: each side announces itself and then looks whether the
// other has, all of it sequentially consistent, so that at least one of two that come at the same
// time sees the other. No system call takes part: membarrier(2) would save the holder some 20
// cycles, but is not what a program that confines itself expects of malloc.
#pragma once

#include <atomic>

#include "base/lock.h"

namespace superslab {

class BiasedLock {
 public:
  constexpr BiasedLock() = default;
  BiasedLock(const BiasedLock&) = delete;
  BiasedLock& operator=(const BiasedLock&) = delete;

  /// The holder of the bias: one thread, or several of which it is known that they are never at it
  /// at once. Not recursive.
  void enter() {
    if (!is_free_for_holder()) [[unlikely]]
      wait_for_visitor();
  }
  /// The same, or false when a visitor is there: for who holds another such lock, that the visitor
  /// may come to want.
  bool try_enter() {
    if (is_free_for_holder()) return true;
    leave();
    return false;
  }
  /// Release: a visitor that sees it sees what was done inside.
  void leave() { holder_.store(0, std::memory_order_release); }

  /// A visitor, from any other thread. False when the holder or another visitor is inside: it waits
  /// for nobody, as whoever holds another such lock must not.
  bool try_visit();
  void end_visit();

  /// In the child of a fork: who was inside, as holder or visitor. After a vanished thread the lock
  /// is free, and the data may be in the middle of a change.
  Holder survive_fork();

 private:
  bool is_free_for_holder() {
    holder_.exchange(this_thread(), std::memory_order_seq_cst);
    return !is_claimed_.load(std::memory_order_seq_cst);
  }
  void wait_for_visitor();
  void claim();

  std::atomic<std::uintptr_t> holder_{
      0};  // this_thread() of who is inside, or looks whether it may
  std::atomic<bool> is_claimed_{false};
  std::atomic<bool> is_visited_{false};  // the claim succeeded
  Mutex visitors_{LockRank::kVisitors};  // one at a time; the holder waits for them here
};

}  // namespace superslab
