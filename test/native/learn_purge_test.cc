// A controller of purge delays on synthetic time: memory that goes idle and comes back, whatever
// the delay is meanwhile; and what happens to it where clocks and counts make no sense.
#include <algorithm>
#include <array>
#include <limits>
#include <vector>

#include "check.h"
#include "learn/purge_controller.h"

namespace superslab {

/// Breaks what cannot be broken from outside.
struct PurgeFaults {
  static void break_numbers(PurgeController& c) {
    c.bands_[0].idle.kib_ms[3] = std::numeric_limits<double>::quiet_NaN();
  }
};

}  // namespace superslab

using namespace superslab;

namespace {

using Kind = PurgeEvent::Kind;
using Cause = PurgeEvent::Cause;

constexpr Nanos kMs = kMillisecond;
constexpr Nanos kSecond = 1000 * kMs;
constexpr double kPrice = 250;  // µs a MiB and second
constexpr double kFault = 430;  // µs a MiB

PurgeRules rules(Millis fixed = Millis{1000}) {
  return {.tick = kSecond,
          .price = kPrice,
          .fault = kFault,
          .bands = {{{fixed, false}, {Millis{2000}, false}}}};
}

/// A heap that has only memory: of each burst so much goes idle at once, and comes back after a
/// gap. What it cost is counted in µs.
class Memory {
 public:
  explicit Memory(const PurgeRules& by) : controller(by) {
    times.set_break_even(break_even(by));
    tick();
  }
  Nanos delay() const {
    const Millis learned = decision.delays.of[0];
    return to_nanos(learned == Millis{} ? Millis{1000} : learned);
  }
  void burst(Nanos gap, ByteCount bytes) { burst_at(gap, bytes, delay()); }
  /// With any delay.
  void burst_at(Nanos gap, ByteCount bytes, Nanos keeps) {
    const Nanos since = now;
    const Nanos end = now + gap;
    const double mib = static_cast<double>(bytes) / static_cast<double>(kMiB);
    const bool is_purged = gap > keeps;
    cost += mib * kPrice * static_cast<double>(std::min(gap, keeps)) / double{kSecond} +
            (is_purged ? mib * kFault : 0);
    if (is_purged) {
      now = since + keeps;
      add(times.note_purged(IdleBand::kSlabs, bytes, since, now, keeps));
    }
    while (now + kSecond < end) {
      now += kSecond;
      tick();
    }
    now = end;
    if (is_purged) {
      add(times.note_fresh(IdleBand::kSlabs, bytes, now));
    } else {
      add(times.note_used(IdleBand::kSlabs, bytes, since, now, keeps));
    }
    tick();
  }
  void tick() {
    times.sample(samples, now);
    decision = controller.step(samples, now);
    for (const PurgeEvent& event : decision.events)
      if (event.kind != Kind::kNone) events.push_back(event);
    saved += decision.saved_us;
  }
  bool has(Kind kind) const {
    return std::any_of(events.begin(), events.end(),
                       [kind](const PurgeEvent& e) { return e.kind == kind; });
  }

  PurgeController controller;
  IdleTimes times;
  IdleSamples samples;
  PurgeDecision decision;
  std::vector<PurgeEvent> events;
  Nanos now = 100 * kSecond;
  double cost = 0;
  double saved = 0;
  ByteCount early = 0;
  ByteCount late = 0;

 private:
  void add(const IdleTimes::Wrong& wrong) {
    early += wrong.early_bytes;
    late += wrong.long_bytes;
  }
};

}  // namespace

TEST(learn, "purge: what comes back after less than the break-even is kept, twofold a window") {
  Memory memory(rules(Millis{100}));
  for (int i = 0; i < 30; ++i) memory.burst_at(800 * kMs, 8 * kMiB, memory.delay());
  CHECK(memory.delay() >= 800 * kMs && memory.delay() <= 1100 * kMs);
  for (const PurgeEvent& event : memory.events) {
    if (event.kind != Kind::kMoved) continue;
    const auto from = static_cast<std::uint32_t>(event.from);
    const auto to = static_cast<std::uint32_t>(event.to);
    // The first one starts from a delay that is not of the choice.
    CHECK(to <= 3 * from && from <= 3 * to);
  }
}

TEST(learn, "purge: what comes back later than that goes at once") {
  Memory memory(rules());
  for (int i = 0; i < 20; ++i) memory.burst(5 * kSecond, 8 * kMiB);
  CHECK(memory.delay() <= purge_delay_at(1) * kMs);
  CHECK(memory.saved > 0);
}

TEST(learn, "purge: what was decided wrongly is counted") {
  Memory memory(rules());
  memory.burst_at(500 * kMs, kMiB, 100 * kMs);  // 1.72 s would be the break-even
  CHECK_EQ(memory.early, kMiB);
  CHECK_EQ(memory.late, 0u);
  memory.burst_at(4 * kSecond, kMiB, 5 * kSecond);
  CHECK_EQ(memory.early, kMiB);
  CHECK_EQ(memory.late, kMiB);
  memory.burst_at(9 * kSecond, kMiB, 100 * kMs);  // right
  CHECK_EQ(memory.early + memory.late, 2 * kMiB);
}

TEST(learn, "purge: the predicted cost is that which the memory had") {
  for (const Nanos gap : {300 * kMs, 2 * kSecond, 9 * kSecond}) {
    Memory memory(rules());
    for (int i = 0; i < 10; ++i) memory.burst(gap, 4 * kMiB);
    Memory fixed(rules());
    for (int i = 0; i < 10; ++i) fixed.burst_at(gap, 4 * kMiB, purge_delay_at(5) * kMs);
    const double really = fixed.cost - memory.cost;
    CHECK(memory.saved > really - 0.02 * fixed.cost && memory.saved < really + 0.02 * fixed.cost);
  }
}

TEST(learn, "purge: a day whose idle times change costs less than with any fixed delay") {
  const auto day = [](auto burst) {
    for (int hour = 0; hour < 24; ++hour) {
      const bool is_night = hour < 8;
      for (int i = 0; i < 30; ++i) burst((is_night ? 6000 : 400) * kMs, (is_night ? 8 : 64) * kMiB);
    }
  };
  Memory learned(rules());
  day([&](Nanos gap, ByteCount bytes) { learned.burst(gap, bytes); });
  double best = std::numeric_limits<double>::infinity();
  for (const Nanos fixed : {0, 30, 100, 300, 1000, 3000, 10000, 30000}) {
    Memory other(rules());
    day([&](Nanos gap, ByteCount bytes) { other.burst_at(gap, bytes, fixed * kMs); });
    best = std::min(best, other.cost);
  }
  CHECK(learned.cost < best);
}

TEST(learn, "purge: other idle times than before are seen, and their delay is taken at once") {
  Memory memory(rules());
  for (int i = 0; i < 40; ++i) memory.burst(6 * kSecond, 8 * kMiB);
  memory.events.clear();
  for (int i = 0; i < 4; ++i) memory.burst(300 * kMs, 8 * kMiB);
  CHECK(memory.has(Kind::kJumped));
  CHECK(memory.delay() >= 300 * kMs);
}

TEST(learn, "purge: after 60 windows without a change it freezes, until idle times change") {
  Memory memory(rules());
  for (int i = 0; i < 90; ++i) memory.burst(6 * kSecond, 8 * kMiB);
  CHECK(memory.has(Kind::kFrozen));
  CHECK(memory.controller.state(IdleBand::kSlabs) == PurgeController::State::kFrozen);
  for (int i = 0; i < 4; ++i) memory.burst(300 * kMs, 8 * kMiB);
  CHECK(memory.controller.state(IdleBand::kSlabs) == PurgeController::State::kWatching);
  CHECK(memory.delay() >= 300 * kMs);
}

TEST(learn, "purge: less than a MiB tells nothing, and adds up") {
  Memory memory(rules());
  for (int i = 0; i < 3; ++i) memory.burst(6 * kSecond, 256 * kKiB);
  CHECK(memory.events.empty());
  for (int i = 0; i < 3; ++i) memory.burst(6 * kSecond, 256 * kKiB);
  CHECK(memory.has(Kind::kMoved));
}

TEST(learn, "purge: a value that is set by hand never changes") {
  PurgeRules by_hand = rules();
  by_hand.bands[0].is_set = true;
  Memory memory(by_hand);
  for (int i = 0; i < 20; ++i) memory.burst(6 * kSecond, 8 * kMiB);
  CHECK(memory.decision.delays == PurgeDelays{});
  CHECK(memory.events.empty());
}

TEST(learn,
     "purge: a clock that goes back, a late tick, counts that fall and numbers that are none") {
  struct Fault {
    Cause cause;
    void (*make)(Memory&);
  };
  const Fault faults[] = {
      {Cause::kClock, [](Memory& m) { m.now -= 50 * kSecond; }},
      {Cause::kLate, [](Memory& m) { m.now += 3600 * kSecond; }},
      {Cause::kCounts, [](Memory& m) { m.times = IdleTimes{}; }},
      {Cause::kNumber,
       [](Memory& m) {
         PurgeFaults::break_numbers(m.controller);
         (void)m.times.note_used(IdleBand::kSlabs, 8 * kMiB, m.now - 6 * kSecond, m.now, m.now);
       }},
  };
  for (const Fault& fault : faults) {
    Memory memory(rules());
    for (int i = 0; i < 20; ++i) memory.burst(6 * kSecond, 8 * kMiB);
    CHECK(memory.decision.delays != PurgeDelays{});
    memory.events.clear();
    fault.make(memory);
    memory.now += kMs;
    memory.tick();
    CHECK(memory.decision.delays == PurgeDelays{});
    CHECK_EQ(memory.events.size(), std::size_t{1});
    CHECK(memory.events[0].kind == Kind::kFellBack && memory.events[0].cause == fault.cause);
    // And begins anew.
    memory.times.set_break_even(break_even(rules()));
    for (int i = 0; i < 20; ++i) memory.burst(6 * kSecond, 8 * kMiB);
    CHECK(memory.decision.delays != PurgeDelays{});
  }
}

TEST(learn, "purge: who rests is not late") {
  Memory memory(rules());
  for (int i = 0; i < 20; ++i) memory.burst(6 * kSecond, 8 * kMiB);
  memory.controller.rest();
  memory.now += 3600 * kSecond;
  memory.tick();
  CHECK(!memory.has(Kind::kFellBack));
  CHECK(memory.decision.delays != PurgeDelays{});
}

TEST(learn, "purge: what is remembered of purged memory is bounded, and then idle for ever") {
  IdleTimes times;
  IdleSamples samples;
  for (Nanos i = 0; i < 1000; ++i)
    (void)times.note_purged(IdleBand::kHuge, kMiB, kSecond + i * kMs, 3 * kSecond, kSecond);
  times.sample(samples, 3 * kSecond);
  const std::uint64_t forgotten = samples.bands[1].kib[kPurgeDelays] / 1024;
  CHECK(forgotten > 800 && forgotten < 1000);
  times.sample(samples, 1000 * kSecond);
  CHECK_EQ(samples.bands[1].kib[kPurgeDelays] / 1024, 1000u);
  CHECK_EQ(samples.bands[0].kib[kPurgeDelays], 0u);
}
