// Waiting for room under maxBytes.
//
// Members are the thread caches of a heap. While one of them waits, the others keep nothing back:
// they are told to give up what they cache, and each block they release goes straight to its slab.
#pragma once

#include <atomic>

#include "base/lock.h"
#include "base/types.h"
#include "heap/size_class.h"

namespace superslab {

class Room {
 public:
  /// A thread cache. Both calls may come from any thread, with locks held: they must only leave a
  /// note and wake the member's own thread.
  class Member {
   public:
    /// Give up what you cache, and cache nothing until told otherwise.
    virtual void squeeze(bool on) = 0;
    /// Give up what you cache, once.
    virtual void flush_soon() = 0;
    /// Something was given back; try again if you wait.
    virtual void room_made() = 0;
    /// Free blocks of class `c` in the member's magazine, as far as another thread can tell.
    virtual std::uint32_t cached(ClassIndex c) const = 0;

   protected:
    ~Member() = default;

   private:
    friend class Room;
    Member* next_ = nullptr;
    bool waiting_ = false;
  };

  void join(Member* member);
  void leave(Member* member);
  /// The member's pool is closed: it is asked and squeezed no more, and what it caches counts no
  /// more, but it is a member until it leaves.
  void retire(Member* member);

  /// From now on until stop_waiting() the member hears of each discharge, and everybody is
  /// squeezed.
  void start_waiting(Member* member);
  void stop_waiting(Member* member);

  /// Blocks until something is discharged or `timeout` has passed; the caller has called
  /// start_waiting() and then tried once more. `seen` is ticket() from before that try.
  void wait(std::uint64_t seen, Nanos timeout);
  std::uint64_t ticket() const { return ticket_.load(std::memory_order_seq_cst); }

  /// Asks every member but `except` to give up what it caches.
  void ask_for_flush(Member* except);

  /// A member other than `except`; nullptr when there is none.
  Member* other_than(const Member* except) const;

  /// Free blocks of class `c` in all members' magazines.
  std::uint64_t cached(ClassIndex c) const;
  /// The same of every class, with the lock taken once.
  void add_cached(std::uint64_t (&sums)[kClassCount]) const;

  /// Whether members that retired are meant too.
  enum class Retired : std::uint8_t { kNot, kToo };
  /// Calls visit(const Member&) for each member, under the lock.
  template <class Visit>
  void for_each_member(Retired retired, Visit visit) const {
    LockGuard guard(lock_);
    for (const Member* m = members_; m != nullptr; m = m->next_) visit(*m);
    if (retired == Retired::kNot) return;
    for (const Member* m = retired_; m != nullptr; m = m->next_) visit(*m);
  }

  /// In the child of a fork. Its lists are whole at any moment.
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
  /// Whether the member was in the list, one of those that the lock guards.
  static bool take_out(Member*& list, const Member* member);

  mutable Mutex lock_{LockRank::kRoom};
  Condition changed_;
  Member* members_ GUARDED_BY(lock_) = nullptr;
  Member* retired_ GUARDED_BY(lock_) = nullptr;
  std::atomic<std::uint32_t> waiting_{0};
  std::atomic<std::uint64_t> ticket_{0};
};

}  // namespace superslab
