#include "heap/cache_registry.h"

#include "base/program_order.h"

namespace superslab {

void CacheRegistry::join(Member* member) {
  LockGuard guard(lock_);
  member->next_ = members_;
  in_program_order();
  members_ = member;
  if (is_squeezed_) member->squeeze(true);
}

bool CacheRegistry::take_out(Member*& list, const Member* member) {
  for (Member** at = &list; *at != nullptr; at = &(*at)->next_) {
    if (*at != member) continue;
    *at = member->next_;
    return true;
  }
  return false;
}

void CacheRegistry::leave(Member* member) {
  LockGuard guard(lock_);
  if (!take_out(members_, member)) take_out(retired_, member);
}

void CacheRegistry::retire(Member* member) {
  LockGuard guard(lock_);
  if (!take_out(members_, member)) return;
  member->next_ = retired_;
  retired_ = member;
}

void CacheRegistry::squeeze(bool on) {
  LockGuard guard(lock_);
  is_squeezed_ = on;
  for (Member* m = members_; m != nullptr; m = m->next_) m->squeeze(on);
}

void CacheRegistry::ask_for_flush(Member* except) {
  LockGuard guard(lock_);
  for (Member* m = members_; m != nullptr; m = m->next_) {
    if (m != except) m->flush_soon();
  }
}

CacheRegistry::Member* CacheRegistry::other_than(const Member* except) const {
  LockGuard guard(lock_);
  return members_ == except && except != nullptr ? except->next_ : members_;
}

std::uint64_t CacheRegistry::cached(ClassIndex c) const {
  LockGuard guard(lock_);
  std::uint64_t sum = 0;
  for (const Member* m = members_; m != nullptr; m = m->next_) sum += m->cached(c);
  return sum;
}

void CacheRegistry::add_cached(std::uint64_t (&sums)[kClassSlots]) const {
  LockGuard guard(lock_);
  for (const Member* m = members_; m != nullptr; m = m->next_)
    for (std::size_t i = 0; i < kFixedClasses; ++i)
      sums[i] += m->cached(static_cast<ClassIndex>(i));
}

}  // namespace superslab
