// The thread caches of a heap, for what concerns all of them: what they cache together, and that
// they give it up when it is wanted elsewhere.
#pragma once

#include "base/lock.h"
#include "base/types.h"
#include "heap/size_class.h"

namespace superslab {

class CacheRegistry {
 public:
  /// A thread cache. squeeze() and flush_soon() may come from any thread, with locks held: they
  /// must only leave a note and wake the cache's own thread.
  class Member {
   public:
    /// Give up what you cache, and cache nothing until told otherwise.
    virtual void squeeze(bool on) = 0;
    /// Give up what you cache, once.
    virtual void flush_soon() = 0;
    /// Free blocks of class `c` in the member's magazine, as far as another thread can tell.
    virtual std::uint32_t cached(ClassIndex c) const = 0;
    /// Blocks of class `c` that callers were lent and that no counter has yet; likewise.
    virtual std::uint32_t uncounted_acquires(ClassIndex) const { return 0; }

   protected:
    ~Member() = default;

   private:
    friend class CacheRegistry;
    Member* next_ = nullptr;
  };

  void join(Member* member);
  void leave(Member* member);
  /// The member's pool is closed: it is asked and squeezed no more, and what it caches counts no
  /// more, but it is a member until it leaves.
  void retire(Member* member);

  /// Squeezes every member, and those that join from now on; or lets them cache again.
  void squeeze(bool on);

  /// Asks every member but `except` to give up what it caches.
  void ask_for_flush(Member* except);

  /// A member other than `except`; nullptr when there is none.
  Member* other_than(const Member* except) const;

  /// Free blocks of class `c` in all members' magazines.
  std::uint64_t cached(ClassIndex c) const;
  /// The same of every class, with the lock taken once.
  void add_cached(std::uint64_t (&sums)[kClassSlots]) const;

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

 private:
  /// Whether the member was in the list, one of those that the lock guards.
  static bool take_out(Member*& list, const Member* member);

  mutable Mutex lock_{LockRank::kCaches};
  Member* members_ GUARDED_BY(lock_) = nullptr;
  Member* retired_ GUARDED_BY(lock_) = nullptr;
  bool is_squeezed_ GUARDED_BY(lock_) = false;
};

}  // namespace superslab
