#include "base/biased_lock.h"

#include "base/program_order.h"

namespace superslab {

void BiasedLock::wait_for_visitor() {
  do {
    holder_.store(0, std::memory_order_release);
    visitors_.lock_unchecked();
    visitors_.unlock_unchecked();
  } while (!is_free_for_holder());
}

void BiasedLock::claim() { is_claimed_.exchange(true, std::memory_order_seq_cst); }

// The visitors' lock is held from here to end_visit(), which the analysis does not follow.
bool BiasedLock::try_visit() NO_THREAD_SAFETY_ANALYSIS {
  if (!visitors_.try_lock_unchecked()) return false;
  claim();
  if (holder_.load(std::memory_order_seq_cst) != 0) {
    end_visit();
    return false;
  }
  is_visited_.store(true, std::memory_order_relaxed);
  in_program_order();
  return true;
}

void BiasedLock::end_visit() NO_THREAD_SAFETY_ANALYSIS {
  is_visited_.store(false, std::memory_order_release);
  is_claimed_.store(false, std::memory_order_release);
  visitors_.unlock_unchecked();
}

Holder BiasedLock::survive_fork() {
  const bool is_visited = is_visited_.load(std::memory_order_relaxed);
  const Holder visitor = visitors_.survive_fork();
  if (visitor == Holder::kVanished) {
    is_visited_.store(false, std::memory_order_relaxed);
    is_claimed_.store(false, std::memory_order_relaxed);
  }
  const Holder holder = holder_of(holder_.load(std::memory_order_relaxed));
  if (holder == Holder::kVanished) holder_.store(0, std::memory_order_relaxed);
  // A holder that a visitor was let in before is still waiting for it: it changed nothing.
  return is_visited ? visitor : holder;
}

}  // namespace superslab
