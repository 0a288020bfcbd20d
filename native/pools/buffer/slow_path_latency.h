// How long the slow-path calls of a heap take, over all of its threads.
#pragma once

#include <algorithm>
#include <atomic>
#include <cassert>
#include <cstdint>

#include "base/clock.h"
#include "base/counter.h"
#include "base/quantile.h"
#include "base/types.h"
#include "heap/heap_stats.h"

namespace superslab {

/// Any thread adds; any thread reads what was published last. An observation that comes while
/// another thread adds one is dropped: they are samples anyway, and nobody waits to be measured.
class SlowPathLatency {
 public:
  void add(Nanos took) {
    if (busy_.test_and_set(std::memory_order_acquire)) return;
    const auto ns = static_cast<double>(took);
    first_.add(ns);
    p50_.add(ns);
    p95_.add(ns);
    p99_.add(ns);
    published_.p50_ns.set(static_cast<std::uint64_t>(p50_.value(first_)));
    published_.p95_ns.set(static_cast<std::uint64_t>(p95_.value(first_)));
    published_.p99_ns.set(static_cast<std::uint64_t>(p99_.value(first_)));
    if (took > published_.max_ns.get()) published_.max_ns.set(took);
    published_.count.set(p50_.count());
    busy_.clear(std::memory_order_release);
  }

  /// The figures may be of two neighbouring observations, and each quantile is an estimate of its
  /// own: they are put in order here, so that no reader sees a p95 above the p99.
  LatencyStats get() const {
    LatencyStats out;
#define LATENCY_LEVEL(field, json, unit, meaning) out.field = published_.field.get();
#include "heap/stats.def"
    out.p95_ns = std::max(out.p95_ns, out.p50_ns);
    out.p99_ns = std::max(out.p99_ns, out.p95_ns);
    out.max_ns = std::max(out.max_ns, out.p99_ns);
    assert(out.p50_ns <= out.p95_ns && out.p95_ns <= out.p99_ns && out.p99_ns <= out.max_ns);
    return out;
  }

 private:
  std::atomic_flag busy_;
  FirstObservations first_;
  P2Quantile p50_{0.50};
  P2Quantile p95_{0.95};
  P2Quantile p99_{0.99};
  struct {
#define LATENCY_LEVEL(field, json, unit, meaning) Counter field;
#include "heap/stats.def"
  } published_;
};

/// One thread's choice of the calls that are timed.
class SlowPathSampling {
 public:
  /// Two readings of the clock cost about 60 ns, as much as a small refill: one call in 17 pays
  /// them. A prime, so that it does not fall into step with a loop that misses, spills, misses.
  static constexpr std::uint32_t kEvery = 17;

  bool is_next() {
    if (left_ != 0) {
      --left_;
      return false;
    }
    left_ = kEvery - 1;
    return true;
  }

 private:
  std::uint32_t left_ = 0;
};

/// Times the scope it stands in, if it is this one's turn. In one thread.
class SlowPathTimer {
 public:
  SlowPathTimer(SlowPathLatency& latency, SlowPathSampling& sampling)
      : latency_(latency), start_(sampling.is_next() ? precise_now() : 0) {}
  ~SlowPathTimer() { stop(); }
  SlowPathTimer(const SlowPathTimer&) = delete;
  SlowPathTimer& operator=(const SlowPathTimer&) = delete;

  /// Ends the measurement before the scope does. Whether there was one.
  bool stop() {
    if (start_ == 0) return false;
    latency_.add(precise_now() - start_);
    start_ = 0;
    return true;
  }

 private:
  SlowPathLatency& latency_;
  Nanos start_;  // 0: not timed
};

}  // namespace superslab
