#include "base/biased_lock.h"

#include <time.h>
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

void pause_visitor() {
  // Not a yield: the holder may have a lower priority than its visitor.
  const timespec span{0, 50'000};
  nanosleep(&span, nullptr);
}

}  // namespace detail

void prepare_biased_locks() {
  if (detail::register_for_fences())
    detail::has_process_fence.store(true, std::memory_order_relaxed);
}

void BiasedLock::wait_for_visitor() {
  do {
    is_inside_.store(false, std::memory_order_release);
    visitors_.lock_unchecked();
    visitors_.unlock_unchecked();
    is_inside_.store(true, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_seq_cst);
  } while (is_claimed_.load(std::memory_order_acquire));
}

void BiasedLock::claim() {
  visitors_.lock_unchecked();
  is_claimed_.store(true, std::memory_order_relaxed);
  detail::fence_process();
}

bool BiasedLock::try_visit() {
  claim();
  if (!is_inside_.load(std::memory_order_acquire)) return true;
  end_visit();
  return false;
}

void BiasedLock::visit() {
  claim();
  while (is_inside_.load(std::memory_order_acquire)) detail::pause_visitor();
}

void BiasedLock::end_visit() {
  is_claimed_.store(false, std::memory_order_release);
  visitors_.unlock_unchecked();
}

}  // namespace superslab
