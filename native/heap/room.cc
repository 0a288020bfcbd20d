#include "heap/room.h"

#include "base/program_order.h"

namespace superslab {

void Room::start_waiting(Waiter* waiter) {
  LockGuard guard(lock_);
  if (waiter->is_waiting_) return;
  waiter->is_waiting_ = true;
  waiter->next_ = waiters_;
  in_program_order();
  waiters_ = waiter;
  // Under the lock, so that the caches hear of the first who waits and of the last in that order.
  if (waiting_.fetch_add(1, std::memory_order_seq_cst) == 0) caches_.squeeze(true);
  std::atomic_thread_fence(std::memory_order_seq_cst);  // see notify()
}

void Room::stop_waiting(Waiter* waiter) {
  LockGuard guard(lock_);
  if (!waiter->is_waiting_) return;
  waiter->is_waiting_ = false;
  Waiter** at = &waiters_;
  while (*at != waiter) at = &(*at)->next_;
  *at = waiter->next_;
  if (waiting_.fetch_sub(1, std::memory_order_seq_cst) == 1) caches_.squeeze(false);
}

void Room::wake() {
  LockGuard guard(lock_);
  ticket_.fetch_add(1, std::memory_order_seq_cst);
  changed_.notify_all();
  for (Waiter* waiter = waiters_; waiter != nullptr; waiter = waiter->next_) waiter->room_made();
}

void Room::wait(std::uint64_t seen, Nanos timeout) {
  LockGuard guard(lock_);
  changed_.wait_for(lock_, timeout, [&] { return ticket() != seen; });
}

}  // namespace superslab
