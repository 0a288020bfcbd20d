// Bits, the injectable clock and the ranks of locks.

#include <signal.h>
#include <sys/resource.h>

#include "base/bits.h"
#include "base/clock.h"
#include "base/lock.h"
#include "check.h"

using namespace superslab;

TEST(base, "rounding to a power of two") {
  CHECK_EQ(align_up(0, 64), 0u);
  CHECK_EQ(align_up(1, 64), 64u);
  CHECK_EQ(align_up(64, 64), 64u);
  CHECK_EQ(align_up(65, 64), 128u);
  CHECK_EQ(align_down(63, 64), 0u);
  CHECK_EQ(align_down(127, 64), 64u);
  CHECK_EQ(div_up(0, 3), 0u);
  CHECK_EQ(div_up(1, 3), 1u);
  CHECK_EQ(div_up(3, 3), 1u);
  CHECK_EQ(div_up(4, 3), 2u);
  CHECK(is_power_of_two(1) && is_power_of_two(kArenaBytes));
  CHECK(!is_power_of_two(0) && !is_power_of_two(96));
}

TEST(base, "low_ones has as many ones as asked for, also 0 and 64") {
  for (unsigned count = 0; count <= 64; ++count) {
    const std::uint64_t ones = low_ones(count);
    CHECK_EQ(std::popcount(ones), static_cast<int>(count));
    CHECK_EQ(std::countr_one(ones), static_cast<int>(count));
  }
}

TEST(base, "the manual clock stands still until it is moved, the system's goes on") {
  ManualClock manual;
  CHECK_EQ(manual.now(), 0u);
  manual.advance(5 * kMillisecond);
  CHECK_EQ(manual.now(), 5'000'000u);
  const SystemClock system;
  const Nanos before = system.now();
  CHECK(before != 0);
  while (system.now() == before) {
  }
  CHECK(system.now() > before);
}

#ifndef NDEBUG
namespace {

int take_in_falling_rank() {
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
  if (freopen("/dev/null", "w", stderr) == nullptr) return 2;
  Mutex heap(LockRank::kHeap);
  Mutex space(LockRank::kSpace);
  const LockGuard inner(space);
  const LockGuard outer(heap);
  return 0;
}

int take_in_rising_rank() {
  Mutex heap(LockRank::kHeap);
  Mutex space(LockRank::kSpace);
  for (int i = 0; i < 2; ++i) {
    const LockGuard outer(heap);
    const LockGuard inner(space);
  }
  return 0;
}

}  // namespace

TEST(base, "a lock taken out of order stops a debug build") {
  CHECK_EQ(superslab_test::run_in_child(take_in_falling_rank), 256 + SIGABRT);
  CHECK_EQ(superslab_test::run_in_child(take_in_rising_rank), 0);
}
#endif
