#include "base/biased_lock.h"

#include "base/program_order.h"
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace superslab {
namespace detail {

constinit std::atomic<bool> has_process_fence{false};

#if defined(__linux__) && defined(SYS_membarrier)

// From <linux/membarrier.h>, which older systems lack.
constexpr int kPrivateExpedited = 1 << 3;
constexpr int kRegisterPrivateExpedited = 1 << 4;

bool register_for_fences() { return syscall(SYS_membarrier, kRegisterPrivateExpedited, 0, 0) == 0; }

void fence_process() {
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (!has_process_fence.load(std::memory_order_relaxed)) return;
  if (syscall(SYS_membarrier, kPrivateExpedited, 0, 0) == 0) return;
  // The child of a fork may have to register anew.
  if (register_for_fences()) syscall(SYS_membarrier, kPrivateExpedited, 0, 0);
}

#else

bool register_for_fences() { return false; }
void fence_process() { std::atomic_thread_fence(std::memory_order_seq_cst); }

#endif

}  // namespace detail

void prepare_biased_locks() {
  if (detail::register_for_fences())
    detail::has_process_fence.store(true, std::memory_order_relaxed);
}

void BiasedLock::wait_for_visitor() {
  do {
    holder_.store(0, std::memory_order_release);
    visitors_.lock_unchecked();
    visitors_.unlock_unchecked();
    holder_.store(this_thread(), std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_seq_cst);
  } while (is_claimed_.load(std::memory_order_acquire));
}

void BiasedLock::claim() {
  is_claimed_.store(true, std::memory_order_relaxed);
  detail::fence_process();
}

bool BiasedLock::try_visit() {
  if (!visitors_.try_lock_unchecked()) return false;
  claim();
  if (holder_.load(std::memory_order_acquire) != 0) {
    end_visit();
    return false;
  }
  is_visited_.store(true, std::memory_order_relaxed);
  in_program_order();
  return true;
}

void BiasedLock::end_visit() {
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
