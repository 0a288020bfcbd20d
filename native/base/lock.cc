#include "base/lock.h"

#include <errno.h>
#include <sched.h>
#include <time.h>

#include <bit>

#include "base/clock.h"
#include "base/keep_errno.h"
#if defined(__linux__)
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace superslab {
namespace {

/// Looks before a thread goes to sleep: most holders are gone sooner than that takes.
constexpr unsigned kLooks = 100;

void relax() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

#if defined(__linux__)

/// syscall() is no cancellation point.
void sleep_while(const void* word, std::uint32_t value, const timespec* span) {
  const KeepErrno keep;
  syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, span, nullptr, 0);
}

void wake(const void* word, int count) {
  const KeepErrno keep;
  syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, nullptr, nullptr, 0);
}

#else

void sleep_while(const void*, std::uint32_t, const timespec*) {
  const KeepErrno keep;
  sched_yield();
}

void wake(const void*, int) {}

#endif

/// The half of a lock's word that changes whenever it does, as the kernel looks at 32 bits.
const void* low_half(const std::atomic<std::uintptr_t>& word) {
  constexpr bool is_upper_first =
      std::endian::native == std::endian::big && sizeof(std::uintptr_t) == 8;
  return reinterpret_cast<const std::uint32_t*>(&word) + (is_upper_first ? 1 : 0);
}

}  // namespace

void Mutex::wait_and_take() {
  const std::uintptr_t me = this_thread();
  for (unsigned i = 0; i < kLooks; ++i) {
    if (word_.load(std::memory_order_relaxed) == 0 && take(me)) return;
    relax();
  }
  for (;;) {
    std::uintptr_t now = word_.load(std::memory_order_relaxed);
    if (now == 0) {
      // Awaited, as far as this thread knows: others may sleep.
      if (take(me | kAwaited)) return;
      continue;
    }
    if ((now & kAwaited) == 0 &&
        !word_.compare_exchange_weak(now, now | kAwaited, std::memory_order_relaxed))
      continue;
    sleep_while(low_half(word_), static_cast<std::uint32_t>(now | kAwaited), nullptr);
  }
}

void Mutex::wake_one() { wake(low_half(word_), 1); }

void Condition::notify_all() {
  changes_.fetch_add(1, std::memory_order_relaxed);
  wake(&changes_, 0x7fffffff);
}

Nanos Condition::deadline(Nanos timeout) {
  const Nanos now = precise_now();
  return timeout > ~Nanos{0} - now ? ~Nanos{0} : now + timeout;
}

bool Condition::wait_until(Mutex& mutex, Nanos until) {
  const Nanos now = precise_now();
  if (now >= until) return false;
  constexpr Nanos kSecond = 1'000'000'000;
  // A bound that no clock's type overflows; who waits longer comes round again.
  const Nanos span = until - now < 1'000'000 * kSecond ? until - now : 1'000'000 * kSecond;
  const timespec left{static_cast<time_t>(span / kSecond), static_cast<long>(span % kSecond)};
  // Under the mutex: what is notified from now on ends the sleep.
  const std::uint32_t seen = changes_.load(std::memory_order_relaxed);
  mutex.unlock();
  sleep_while(&changes_, seen, &left);
  mutex.lock();
  return true;
}

}  // namespace superslab
