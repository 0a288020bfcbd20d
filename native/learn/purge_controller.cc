#include "learn/purge_controller.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numbers>

namespace superslab {
namespace {

using Kind = PurgeEvent::Kind;
using Cause = PurgeEvent::Cause;

/// What a window's idle times weigh one window later: half after five.
constexpr double kAging = 0.875;

/// What must have come back for a window to tell something.
constexpr double kLeastKib = 1024;

constexpr double kLeastGain = 0.03;

/// How much more than the best delay another one must cost in a window for a change of phase, and
/// in how many windows running.
constexpr double kPhaseFactor = 2;
constexpr std::uint32_t kPhaseWindows = 2;

constexpr std::uint32_t kWindowsToFreeze = 60;

/// Later than that many ticks, and the clock or the process stood still.
constexpr Nanos kLateTicks = 8;

constexpr double kMsPerSecond = 1000;

bool has_fallen(const IdleCounts& before, const IdleCounts& now) {
  for (std::size_t i = 0; i <= kPurgeDelays; ++i)
    if (now.kib[i] < before.kib[i] || now.kib_ms[i] < before.kib_ms[i]) return true;
  return false;
}

}  // namespace

PurgeRules purge_rules(const HeapSnapshot& policy) {
  return {.tick = to_nanos(policy.learn_interval_ms),
          .price = static_cast<double>(policy.learn_memory_price),
          .fault = static_cast<double>(policy.learn_fault_cost),
          .bands = {{{policy.purge_delay_ms, policy.is_set.purge_delay},
                     {policy.big_cache_age_ms, policy.is_set.big_cache_age}}}};
}

Nanos break_even(const PurgeRules& rules) {
  return static_cast<Nanos>(rules.fault / rules.price * kMsPerSecond * double{kMillisecond});
}

/// The one of the choice that is nearest to the fixed one.
std::size_t PurgeController::fixed_delay(std::size_t i) const {
  const auto fixed = static_cast<double>(rules_.bands[i].fixed);
  std::size_t nearest = 0;
  while (nearest + 1 < kPurgeDelays &&
         fixed > std::numbers::sqrt2 * static_cast<double>(purge_delay_at(nearest)))
    ++nearest;
  return nearest;
}

std::size_t PurgeController::delay_of(std::size_t i) const {
  return bands_[i].delay == kFixed ? fixed_delay(i) : bands_[i].delay;
}

Millis PurgeController::millis_of(std::size_t i, std::size_t delay) const {
  return delay == kFixed ? rules_.bands[i].fixed : Millis(purge_delay_at(delay));
}

PurgeController::Costs PurgeController::costs_of(const Idle& idle) const {
  constexpr double kKibPerMib = 1024;
  double longer = 0;  // KiB that were idle for longer than the delay
  double kept = 0;    // KiB x ms of the others
  for (std::size_t i = 0; i <= kPurgeDelays; ++i) longer += idle.kib[i];
  Costs costs;
  for (std::size_t i = 0; i < kPurgeDelays; ++i) {
    longer -= idle.kib[i];
    kept += idle.kib_ms[i];
    const double resident = kept + longer * static_cast<double>(purge_delay_at(i));
    costs[i] = (resident / kMsPerSecond * rules_.price + longer * rules_.fault) / kKibPerMib;
  }
  return costs;
}

/// What is wrong with the samples, if anything.
Cause PurgeController::look(const IdleSamples& samples, Nanos now) const {
  if (now < before_at_) return Cause::kClock;
  if (!is_resting_ && now - before_at_ > kLateTicks * rules_.tick) return Cause::kLate;
  for (std::size_t i = 0; i < kIdleBands; ++i)
    if (has_fallen(bands_[i].before, samples.bands[i])) return Cause::kCounts;
  return Cause::kNone;
}

void PurgeController::begin(const IdleSamples& samples, Nanos now) {
  for (std::size_t i = 0; i < kIdleBands; ++i) bands_[i].before = samples.bands[i];
  before_at_ = now;
  has_before_ = true;
}

PurgeDecision PurgeController::step(const IdleSamples& samples, Nanos now) {
  PurgeDecision out;
  if (!has_before_) {
    begin(samples, now);
  } else if (const Cause cause = look(samples, now); cause != Cause::kNone) {
    out.events[0] = fall_back(cause);
    begin(samples, now);
  } else {
    for (std::size_t i = 0; i < kIdleBands; ++i) {
      Band& band = bands_[i];
      Idle window;
      double kib = 0;
      for (std::size_t d = 0; d <= kPurgeDelays; ++d) {
        window.kib[d] = static_cast<double>(samples.bands[i].kib[d] - band.before.kib[d]);
        window.kib_ms[d] = static_cast<double>(samples.bands[i].kib_ms[d] - band.before.kib_ms[d]);
        kib += window.kib[d];
      }
      // What did not come back is no news either: every delay would have cost its length.
      if (kib < kLeastKib || rules_.bands[i].is_set) continue;
      band.before = samples.bands[i];
      const Costs costs = costs_of(window);
      out.saved_us += costs[fixed_delay(i)] - costs[delay_of(i)];
      const PurgeEvent event = learn(i, window);
      out.events[i] = event;
      if (event.kind == Kind::kFellBack) break;
    }
    before_at_ = now;
  }
  is_resting_ = false;
  for (std::size_t i = 0; i < kIdleBands; ++i) {
    // A value that is set by hand begins a new life when it is no more.
    if (rules_.bands[i].is_set) begin_anew(bands_[i], samples.bands[i]);
    if (bands_[i].delay != kFixed) out.delays.of[i] = millis_of(i, bands_[i].delay);
  }
  return out;
}

PurgeEvent PurgeController::learn(std::size_t i, const Idle& window) {
  Band& band = bands_[i];
  const std::size_t now = delay_of(i);
  const Costs costs_now = costs_of(window);
  const auto best_now = static_cast<std::size_t>(
      std::min_element(costs_now.begin(), costs_now.end()) - costs_now.begin());
  const bool is_off = costs_now[now] > kPhaseFactor * costs_now[best_now];
  band.windows_off = is_off ? band.windows_off + 1 : 0;
  if (band.windows_off == kPhaseWindows) {
    const double gain = 1 - costs_now[best_now] / costs_now[now];
    band.idle = window;
    return change(i, Kind::kJumped, best_now, gain);
  }
  for (std::size_t d = 0; d <= kPurgeDelays; ++d) {
    band.idle.kib[d] = band.idle.kib[d] * kAging + window.kib[d];
    band.idle.kib_ms[d] = band.idle.kib_ms[d] * kAging + window.kib_ms[d];
  }
  const Costs costs = costs_of(band.idle);
  for (const double cost : costs)
    if (!std::isfinite(cost)) return fall_back(Cause::kNumber);
  if (band.state == State::kFrozen) return {};
  const auto best =
      static_cast<std::size_t>(std::min_element(costs.begin(), costs.end()) - costs.begin());
  const double gain = costs[now] == 0 ? 0 : 1 - costs[best] / costs[now];
  if (gain > kLeastGain) return change(i, Kind::kMoved, best > now ? now + 1 : now - 1, gain);
  if (++band.unchanged < kWindowsToFreeze) return {};
  band.state = State::kFrozen;
  return {.kind = Kind::kFrozen, .band = static_cast<IdleBand>(i)};
}

PurgeEvent PurgeController::change(std::size_t i, Kind kind, std::size_t to, double gain) {
  Band& band = bands_[i];
  const PurgeEvent event{.kind = kind,
                         .predicted_gain = gain,
                         .band = static_cast<IdleBand>(i),
                         .from = millis_of(i, band.delay),
                         .to = millis_of(i, to)};
  band.delay = to;
  band.state = State::kWatching;
  band.windows_off = 0;
  band.unchanged = 0;
  return event;
}

void PurgeController::begin_anew(Band& band, const IdleCounts& counts) {
  band = {};
  band.before = counts;
}

PurgeEvent PurgeController::fall_back(Cause cause) {
  bool had_learned = false;
  for (Band& band : bands_) {
    had_learned |= band.delay != kFixed;
    begin_anew(band, IdleCounts(band.before));
  }
  // Where the fixed delays hold anyway there is nothing to tell.
  if (!had_learned) return {};
  return {.kind = Kind::kFellBack, .cause = cause};
}

void PurgeController::forget() {
  bands_ = {};
  has_before_ = is_resting_ = false;
}

}  // namespace superslab
