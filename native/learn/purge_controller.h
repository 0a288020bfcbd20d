// Learns how long idle memory is kept, from how long it lay idle before it served again: a ski
// rental whose distribution is known. What each delay d would have cost is
//
//   sum of min(idle, d) x price, and a fault for all that was idle for longer than d
//
// exactly, whatever the delay was meanwhile (learn/idle_times.h). So nothing has to be tried: a
// delay moves as soon as another one would have cost 3 % less, twofold with each window. When a
// delay would have cost twice as much as the best one in two windows running, demand is another
// one: what was counted before is forgotten, and the best delay is taken at once. After 60 windows
// without a change nothing moves before that. A window is as many ticks as bring a MiB back.
//
// Where it cannot go on, for a clock or counts that make no sense, it goes back to the fixed delays
// and says so. See also: Karlin et al., "Competitive randomized algorithms for nonuniform problems"
// (1990), for what a delay costs that knows nothing: twice as much as hindsight.
#pragma once

#include <array>
#include <cstdint>

#include "learn/idle_times.h"
#include "learn/purge_event.h"
#include "policy/snapshot.h"

namespace superslab {

/// What it goes by; see the LEARN rows of policy/knobs.def.
struct PurgeRules {
  Nanos tick = 0;
  double price = 0;  // µs of a MiB and second
  double fault = 0;  // µs of a MiB
  struct Band {
    Millis fixed{};
    /// Set by hand: it never changes.
    bool is_set = false;
  };
  std::array<Band, kIdleBands> bands{};
};

PurgeRules purge_rules(const HeapSnapshot& policy);

/// How long keeping memory costs less than purging it and faulting it in again.
Nanos break_even(const PurgeRules& rules);

struct PurgeDecision {
  PurgeDelays delays;
  std::array<PurgeEvent, kIdleBands> events{};
  /// What the fixed delays would have cost in this window beyond the cost that there was, in µs;
  /// negative when they would have cost less.
  double saved_us = 0;
};

class PurgeController {
 public:
  enum class State : std::uint8_t { kWatching, kFrozen };

  explicit PurgeController(const PurgeRules& rules) : rules_(rules) {}

  /// A tick. Calls come from one thread at a time. Allocates nothing.
  PurgeDecision step(const IdleSamples& samples, Nanos now);

  /// Nobody looks from now on until there is something to look at: the next step is no late one.
  void rest() { is_resting_ = true; }

  /// What was learned and counted counts no more.
  void forget();

  void set_rules(const PurgeRules& rules) { rules_ = rules; }
  State state(IdleBand band) const { return bands_[static_cast<std::size_t>(band)].state; }

 private:
  friend struct PurgeFaults;  // for tests

  static constexpr std::size_t kFixed = kPurgeDelays;  // "nothing was learned", as a delay
  struct Idle {
    std::array<double, kPurgeDelays + 1> kib{};
    std::array<double, kPurgeDelays + 1> kib_ms{};
  };
  struct Band {
    State state = State::kWatching;
    std::size_t delay = kFixed;     // in force
    std::uint32_t windows_off = 0;  // in which it cost twice as much as the best one
    std::uint32_t unchanged = 0;
    Idle idle;  // of all windows, aged
    IdleCounts before;
  };

  PurgeEvent::Cause look(const IdleSamples& samples, Nanos now) const;
  void begin(const IdleSamples& samples, Nanos now);
  PurgeEvent learn(std::size_t i, const Idle& window);
  PurgeEvent change(std::size_t i, PurgeEvent::Kind kind, std::size_t to, double gain);
  static void begin_anew(Band& band, const IdleCounts& counts);
  PurgeEvent fall_back(PurgeEvent::Cause cause);

  /// Of all delays.
  using Costs = std::array<double, kPurgeDelays>;
  Costs costs_of(const Idle& idle) const;
  std::size_t fixed_delay(std::size_t i) const;
  std::size_t delay_of(std::size_t i) const;
  Millis millis_of(std::size_t i, std::size_t delay) const;

  PurgeRules rules_;
  std::array<Band, kIdleBands> bands_{};
  bool has_before_ = false;
  bool is_resting_ = false;
  Nanos before_at_ = 0;
};

}  // namespace superslab
