// A lock for data that one thread works with all the time and others hardly ever.
//
// The holder of the bias pays two plain stores and a load, no atomic read-modify-write and no
// fence. A visitor pays a system call: membarrier makes every running thread of the process execute
// a full fence, so that either the holder sees the visitor's claim or the visitor sees that the
// holder is inside (Dekker's algorithm with the fence of the frequent side moved to the rare one).
// Where the kernel has no membarrier, the holder fences for itself.
#pragma once

#include <atomic>

#include "base/lock.h"

namespace superslab {

/// Registers the process for membarrier; called once, before the first BiasedLock is used by two
/// threads. Without it, or where it fails, locks are right but slower.
void prepare_biased_locks();

namespace detail {
extern std::atomic<bool> has_process_fence;
/// A full fence in every thread of this process that runs.
void fence_process();
}  // namespace detail

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
    holder_.store(this_thread(), std::memory_order_relaxed);
    if (detail::has_process_fence.load(std::memory_order_relaxed)) [[likely]] {
      std::atomic_signal_fence(std::memory_order_seq_cst);  // the compiler keeps the order as well
    } else {
      std::atomic_thread_fence(std::memory_order_seq_cst);
    }
    // Acquire: what the last visitor did happened before.
    return !is_claimed_.load(std::memory_order_acquire);
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
