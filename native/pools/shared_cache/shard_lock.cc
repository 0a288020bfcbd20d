#include "pools/shared_cache/shard_lock.h"

#include <sched.h>
#include <time.h>

#include "base/clock.h"

namespace superslab::shared_cache {
namespace {

/// What is done with the lock takes microseconds. Whoever has it for longer has lost its processor,
/// or was stopped: and then nobody waits for it a second time.
constexpr Nanos kPatience = 500 * kMillisecond;
constexpr Nanos kPatienceWithStopped = kMillisecond;
constexpr int kSpins = 64;
constexpr int kYields = 32;

void sleep_for(Nanos time) {
  const timespec span{0, static_cast<long>(time)};
  nanosleep(&span, nullptr);
}

}  // namespace

bool ShardLock::try_take(std::uint64_t from) {
  // Acquire: what the holder before has stored is seen.
  return word_.compare_exchange_strong(from, members_.own_word(), std::memory_order_acquire,
                                       std::memory_order_relaxed);
}

ShardLock::ShardLock(Word& word, const Members& members, std::uint64_t& stopped)
    : word_(word), members_(members) {
  Nanos until = 0;
  for (int turn = 0;; ++turn) {
    const std::uint64_t holder = word_.load(std::memory_order_relaxed);
    if (holder == 0 && try_take(0)) {
      state_ = State::kLocked;
      stopped = 0;
      return;
    }
    if (holder == 0 || turn < kSpins) continue;
    if (turn < kSpins + kYields) {
      sched_yield();
      continue;
    }
    // Its own word: this thread was cut off by nothing that comes back here, so it is damage.
    if (holder == members_.own_word() || !members_.is_alive(holder)) {
      if (!try_take(holder)) continue;
      state_ = State::kOwnerDied;
      return;
    }
    const Nanos now = precise_now();
    if (until == 0) until = now + (holder == stopped ? kPatienceWithStopped : kPatience);
    if (now >= until) {
      stopped = holder;
      return;
    }
    sleep_for(kMillisecond / 10);
  }
}

ShardLock::~ShardLock() {
  if (state_ == State::kBusy) return;
  // Release: what was stored is seen by the next one. Not if somebody took it for dead.
  std::uint64_t own = members_.own_word();
  word_.compare_exchange_strong(own, 0, std::memory_order_release, std::memory_order_relaxed);
}

}  // namespace superslab::shared_cache
