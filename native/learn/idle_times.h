// How long memory lies idle before it serves again, whether it was kept meanwhile or not: what
// every purge delay would have cost.
//
// Memory that still holds its pages tells its idle time when it is used again. What was purged is
// remembered in a stack of bounded length: fresh memory stands for what was purged last, since a
// longer delay would have kept just that. What is remembered no more counts as idle for ever.
//
// The heap's lock guards it. It changes on slow paths alone, and only in a heap that learns.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "base/clock.h"
#include "base/types.h"

namespace superslab {

/// Memory that has a delay of its own.
enum class IdleBand : std::uint8_t { kSlabs, kHuge };
inline constexpr std::size_t kIdleBands = 2;

/// The delays among which one is chosen: 32 ms to 131 s, each twice the one before.
inline constexpr std::size_t kPurgeDelays = 13;
constexpr std::uint64_t purge_delay_at(std::size_t i) { return std::uint64_t{32} << i; }

/// Of one band. Counts never fall.
struct IdleCounts {
  /// Memory that was idle for longer than the delay before and at most this one; the last place is
  /// for what was idle for longer than any.
  std::array<std::uint64_t, kPurgeDelays + 1> kib{};
  /// The same by its idle time. Unit: KiB x ms.
  std::array<std::uint64_t, kPurgeDelays + 1> kib_ms{};
};

struct IdleSamples {
  std::array<IdleCounts, kIdleBands> bands{};
};

class IdleTimes {
 public:
  /// What the delay of a band did that hindsight would not have done.
  struct Wrong {
    ByteCount early_bytes = 0;  // purged, though keeping would have cost less
    ByteCount long_bytes = 0;   // kept for longer than a fault would have cost
  };

  /// How long keeping memory costs less than purging it and faulting it in again.
  void set_break_even(Nanos span) { break_even_ = span; }

  /// Memory that had lain idle since then serves again, and had been kept.
  Wrong note_used(IdleBand band, ByteCount bytes, Nanos since, Nanos now, Nanos delay) {
    const Nanos idle = since < now ? now - since : 0;
    count(band, bytes, idle);
    // What was kept for longer than the delay, something else kept: the reserve, or want of a tick.
    const bool is_by_delay = idle <= delay;
    return {0, is_by_delay && idle > break_even_ ? bytes : 0};
  }

  /// It was purged. What went sooner than the delay says was not the delay's to decide.
  Wrong note_purged(IdleBand band, ByteCount bytes, Nanos since, Nanos now, Nanos delay) {
    if (since > now || now - since < delay) return {};
    Stack& stack = stacks_[to_index(band)];
    if (stack.count != 0 && stack.top().since == since) {
      stack.top().bytes += bytes;
    } else {
      if (stack.count == kRemembered) forget(band, stack.take_bottom());
      stack.push({bytes, since});
    }
    return {0, delay > break_even_ ? bytes : 0};
  }

  /// Memory was taken that holds no pages.
  Wrong note_fresh(IdleBand band, ByteCount bytes, Nanos now) {
    Stack& stack = stacks_[to_index(band)];
    Wrong wrong;
    while (bytes != 0 && stack.count != 0) {
      Span& last = stack.top();
      const ByteCount again = std::min(bytes, last.bytes);
      const Nanos idle = last.since < now ? now - last.since : 0;
      count(band, again, idle);
      if (idle < break_even_) wrong.early_bytes += again;
      bytes -= again;
      last.bytes -= again;
      if (last.bytes == 0) --stack.count;
    }
    return wrong;
  }

  /// What it counted so far.
  void sample(IdleSamples& out, Nanos now) {
    for (std::size_t i = 0; i < kIdleBands; ++i) {
      Stack& stack = stacks_[i];
      const Nanos most = purge_delay_at(kPurgeDelays - 1) * kMillisecond;
      while (stack.count != 0 && now > stack.bottom().since + most)
        forget(static_cast<IdleBand>(i), stack.take_bottom());
    }
    out.bands = counts_;
  }

 private:
  static constexpr std::size_t kRemembered = 64;
  struct Span {
    ByteCount bytes = 0;
    Nanos since = 0;
  };
  struct Stack {
    std::array<Span, kRemembered> spans{};
    std::size_t first = 0;
    std::size_t count = 0;

    Span& at(std::size_t i) { return spans[(first + i) % kRemembered]; }
    Span& bottom() { return at(0); }
    Span& top() { return at(count - 1); }
    void push(const Span& span) {
      at(count) = span;
      ++count;
    }
    Span take_bottom() {
      const Span span = bottom();
      first = (first + 1) % kRemembered;
      --count;
      return span;
    }
  };

  static constexpr std::size_t to_index(IdleBand band) { return static_cast<std::size_t>(band); }

  void forget(IdleBand band, const Span& span) { count(band, span.bytes, ~Nanos{0}); }

  void count(IdleBand band, ByteCount bytes, Nanos idle) {
    const std::uint64_t ms = idle / kMillisecond;
    std::size_t i = 0;
    while (i < kPurgeDelays && ms > purge_delay_at(i)) ++i;
    IdleCounts& counts = counts_[to_index(band)];
    counts.kib[i] += bytes / kKiB;
    if (i < kPurgeDelays) counts.kib_ms[i] += bytes / kKiB * ms;
  }

  Nanos break_even_ = 0;
  std::array<IdleCounts, kIdleBands> counts_{};
  std::array<Stack, kIdleBands> stacks_{};
};

}  // namespace superslab
