#include "heap/room.h"

#include "base/program_order.h"

namespace superslab {

void Room::join(Member* member) {
  LockGuard guard(lock_);
  member->next_ = members_;
  in_program_order();
  members_ = member;
  if (waiting_.load(std::memory_order_relaxed) != 0) member->squeeze(true);
}

bool Room::take_out(Member*& list, const Member* member) {
  for (Member** at = &list; *at != nullptr; at = &(*at)->next_) {
    if (*at != member) continue;
    *at = member->next_;
    return true;
  }
  return false;
}

void Room::leave(Member* member) {
  stop_waiting(member);
  LockGuard guard(lock_);
  if (!take_out(members_, member)) take_out(retired_, member);
}

void Room::retire(Member* member) {
  stop_waiting(member);
  LockGuard guard(lock_);
  if (!take_out(members_, member)) return;
  member->next_ = retired_;
  retired_ = member;
}

void Room::start_waiting(Member* member) {
  LockGuard guard(lock_);
  if (member->waiting_) return;
  member->waiting_ = true;
  if (waiting_.fetch_add(1, std::memory_order_seq_cst) == 0) {
    for (Member* m = members_; m != nullptr; m = m->next_) m->squeeze(true);
  }
  std::atomic_thread_fence(std::memory_order_seq_cst);  // see notify()
}

void Room::stop_waiting(Member* member) {
  LockGuard guard(lock_);
  if (!member->waiting_) return;
  member->waiting_ = false;
  if (waiting_.fetch_sub(1, std::memory_order_seq_cst) == 1) {
    for (Member* m = members_; m != nullptr; m = m->next_) m->squeeze(false);
  }
}

void Room::wake() {
  LockGuard guard(lock_);
  ticket_.fetch_add(1, std::memory_order_seq_cst);
  changed_.notify_all();
  for (Member* m = members_; m != nullptr; m = m->next_) {
    if (m->waiting_) m->room_made();
  }
}

void Room::ask_for_flush(Member* except) {
  LockGuard guard(lock_);
  for (Member* m = members_; m != nullptr; m = m->next_) {
    if (m != except) m->flush_soon();
  }
}

Room::Member* Room::other_than(const Member* except) const {
  LockGuard guard(lock_);
  return members_ == except && except != nullptr ? except->next_ : members_;
}

std::uint64_t Room::cached(ClassIndex c) const {
  LockGuard guard(lock_);
  std::uint64_t sum = 0;
  for (const Member* m = members_; m != nullptr; m = m->next_) sum += m->cached(c);
  return sum;
}

void Room::add_cached(std::uint64_t (&sums)[kClassCount]) const {
  LockGuard guard(lock_);
  for (const Member* m = members_; m != nullptr; m = m->next_)
    for (std::size_t i = 0; i < kClassCount; ++i) sums[i] += m->cached(static_cast<ClassIndex>(i));
}

void Room::wait(std::uint64_t seen, Nanos timeout) {
  LockGuard guard(lock_);
  changed_.wait_for(lock_, timeout, [&] { return ticket() != seen; });
}

}  // namespace superslab
