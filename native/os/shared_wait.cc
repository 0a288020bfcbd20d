#include "os/shared_wait.h"

#include <time.h>

#include <climits>

#include "base/keep_errno.h"

#if defined(__linux__)
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
#else
#include <algorithm>
#endif

namespace superslab {
namespace {

timespec span_of(Nanos time) {
  constexpr Nanos kSecond = 1'000 * 1'000'000;
  return {static_cast<time_t>(time / kSecond), static_cast<long>(time % kSecond)};
}

}  // namespace

#if defined(__linux__)

// Not the private kind: the word is found by the file that it lies in.

void wait_for_change(const std::atomic<std::uint32_t>& word, std::uint32_t seen, Nanos timeout) {
  const KeepErrno keep;
  const timespec span = span_of(timeout);
  syscall(SYS_futex, &word, FUTEX_WAIT, seen, &span, nullptr, 0);
}

void wake_all(const std::atomic<std::uint32_t>& word) {
  const KeepErrno keep;
  syscall(SYS_futex, &word, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

#else

void wait_for_change(const std::atomic<std::uint32_t>& word, std::uint32_t seen, Nanos timeout) {
  constexpr Nanos kLook = 1'000'000;
  for (Nanos left = timeout; left > 0 && word.load() == seen; left -= std::min(left, kLook)) {
    const timespec span = span_of(std::min(left, kLook));
    nanosleep(&span, nullptr);
  }
}

void wake_all(const std::atomic<std::uint32_t>&) {}

#endif

}  // namespace superslab
