// Time is injected, so that everything that ages is tested on synthetic time.
#pragma once

#include <time.h>

#include "base/types.h"

namespace superslab {

constexpr Nanos kMillisecond = 1'000'000;

class Clock {
 public:
  virtual ~Clock() = default;
  /// Monotonic time; the zero point has no meaning.
  virtual Nanos now() const = 0;
};

/// CLOCK_MONOTONIC_COARSE where there is one: a few ns a call, milliseconds of resolution, which
/// is finer than any delay here.
class SystemClock final : public Clock {
 public:
  Nanos now() const override {
#ifdef CLOCK_MONOTONIC_COARSE
    constexpr clockid_t kId = CLOCK_MONOTONIC_COARSE;
#else
    constexpr clockid_t kId = CLOCK_MONOTONIC;
#endif
    timespec t{};
    clock_gettime(kId, &t);
    return static_cast<Nanos>(t.tv_sec) * 1'000'000'000 + static_cast<Nanos>(t.tv_nsec);
  }
};

/// Monotonic time to the nanosecond, for measuring: about 30 ns a call.
inline Nanos precise_now() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<Nanos>(t.tv_sec) * 1'000'000'000 + static_cast<Nanos>(t.tv_nsec);
}

/// The same as a clock, for what is bounded by less than a millisecond.
class PreciseClock final : public Clock {
 public:
  Nanos now() const override { return precise_now(); }
};

/// Time that the calling thread has had of a processor: about 200 ns a call.
inline Nanos thread_cpu_now() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<Nanos>(t.tv_sec) * 1'000'000'000 + static_cast<Nanos>(t.tv_nsec);
}

/// Time since the Unix epoch, for people: it may jump. As coarse as SystemClock, and as cheap.
inline Nanos wall_now() {
#ifdef CLOCK_REALTIME_COARSE
  constexpr clockid_t kId = CLOCK_REALTIME_COARSE;
#else
  constexpr clockid_t kId = CLOCK_REALTIME;
#endif
  timespec t{};
  clock_gettime(kId, &t);
  return static_cast<Nanos>(t.tv_sec) * 1'000'000'000 + static_cast<Nanos>(t.tv_nsec);
}

class ManualClock final : public Clock {
 public:
  Nanos now() const override { return now_; }
  void advance(Nanos by) { now_ += by; }

 private:
  Nanos now_ = 0;
};

}  // namespace superslab
