// How long the slow-path calls of a heap take, over all of its threads.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/clock.h"
#include "base/types.h"
#include "heap/counter.h"
#include "heap/heap_stats.h"
#include "heap/quantile.h"

namespace superslab {

/// Any thread adds; any thread reads what was published last. An observation that comes while
/// another thread adds one is dropped: they are samples anyway, and nobody waits to be measured.
class SlowPathLatency {
 public:
  void add(Nanos took) {
    if (busy_.test_and_set(std::memory_order_acquire)) return;
    const auto ns = static_cast<double>(took);
    p50_.add(ns);
    p95_.add(ns);
    p99_.add(ns);
    published_.p50_ns.set(static_cast<std::uint64_t>(p50_.value()));
    published_.p95_ns.set(static_cast<std::uint64_t>(p95_.value()));
    published_.p99_ns.set(static_cast<std::uint64_t>(p99_.value()));
    if (took > published_.max_ns.get()) published_.max_ns.set(took);
    published_.count.set(p50_.count());
    busy_.clear(std::memory_order_release);
  }

  /// The figures may be of two neighbouring observations.
  LatencyStats get() const {
    LatencyStats out;
#define LATENCY_LEVEL(field, json, unit, meaning) out.field = published_.field.get();
#include "heap/stats.def"
    return out;
  }

 private:
  std::atomic_flag busy_;
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

/// Times the scope it stands in, if it is this one's turn.
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
