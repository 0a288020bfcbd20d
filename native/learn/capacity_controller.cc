#include "learn/capacity_controller.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace superslab {
namespace {

using Kind = CapacityEvent::Kind;
using Cause = CapacityEvent::Cause;

/// What a window's runs weigh one window later: half after five.
constexpr double kAging = 0.875;

/// Windows with fewer slow calls than that age it by less, as they tell less: half after 8 at
/// least.
constexpr double kManyCalls = 128;
constexpr double kSlowAging = 0.92;

/// What swings weigh one window later that the magazine of now cannot see: half after 34.
constexpr double kHiddenAging = 0.98;

/// A gain that is within so many standard deviations of the calls that it was computed from may be
/// chance. Calls are taken to be a Poisson process, so that the deviation of n is its root.
constexpr double kDeviations = 2;

/// So many times the slow calls for the same demand make a frozen learner look again.
constexpr double kThaw = 2;

/// A window with fewer slow calls tells nothing by itself. But it does count in a trial, since few
/// calls may be what the trial gained, and where demand is counted, together with those before it.
constexpr double kFewCalls = 32;
constexpr double kFewAgedCalls = 64;

/// A window with less of the usual demand is idle, and tells nothing at all.
constexpr double kIdlePart = 0.5;

/// The classes' shares of what is asked for: how much of them must be another one's than
/// before, for a change of phase.
constexpr double kPhaseShift = 0.5;

/// Later than that many ticks, and what was counted is of another time.
constexpr Nanos kLateTicks = 8;

/// More than can happen in a tick: a count that fell.
constexpr std::uint32_t kTooMany = std::uint32_t{1} << 31;

/// How near to its target a hit rate is left alone.
constexpr double kHitBand = 0.03;

/// Where a pool has a limit, all magazines of a thread together take no more than this part of it,
/// whatever the budget.
constexpr ByteCount kPartOfLimit = 8;

ByteCount within_limit(ByteCount budget, ByteCount max_bytes) {
  return max_bytes == 0 ? budget : std::min(budget, max_bytes / kPartOfLimit);
}

double sum_of(const std::array<double, kClassSlots>& demand) {
  return std::accumulate(demand.begin(), demand.end(), 0.0);
}

bool has_fallen(std::uint64_t before, std::uint64_t now) { return now < before; }

bool are_sound(const CapacitySample& before, const CapacitySample& now) {
  if (now.runs.runs[0] - before.runs.runs[0] >= kTooMany) return false;
  for (std::size_t w = now.runs.least; w < kManySwings; ++w)
    if (now.runs.runs[w] - before.runs.runs[w] >= kTooMany) return false;
  return now.runs.many_sum - before.runs.many_sum < kTooMany &&
         !has_fallen(before.refills, now.refills);
}

}  // namespace

CapacityRules capacity_rules(const HeapSnapshot& policy, std::uint32_t most_blocks) {
  return {.rule = policy.learn_rule,
          .tick = to_nanos(policy.learn_interval_ms),
          .is_adopting = policy.learn == LearnMode::kLearn,
          .budget_mid = within_limit(policy.learn_budget_mid, policy.max_bytes),
          .budget_large = within_limit(policy.learn_budget_large, policy.max_bytes),
          .target_mid = policy.learn_target_mid / 100.0,
          .target_large = policy.learn_target_large / 100.0,
          .step_mid = policy.learn_step_mid,
          .step_large = policy.learn_step_large,
          .most_blocks = most_blocks};
}

/// What is wrong with the samples, if anything.
Cause CapacityController::look(const CapacitySamples& samples, Nanos now) {
  if (now < before_at_) return Cause::kClock;
  if (now - before_at_ > kLateTicks * rules_.tick) return Cause::kLate;
  for (std::size_t i = 0; i < kClassSlots; ++i)
    if (!are_sound(before_.classes[i], samples.classes[i])) return Cause::kCounts;
  for (std::size_t i = 0; i < kArms; ++i)
    if (has_fallen(before_.arms[i].slow_calls, samples.arms[i].slow_calls)) return Cause::kCounts;
  return Cause::kNone;
}

void CapacityController::begin(const CapacitySamples& samples, Nanos now) {
  before_ = samples;
  before_at_ = now;
  has_before_ = true;
}

/// The differences to the sample before.
void CapacityController::take_window(const CapacitySamples& samples) {
  for (std::size_t i = 0; i < kClassSlots; ++i) {
    window_[i] = {};
    window_[i].add(before_.classes[i].runs, samples.classes[i].runs);
  }
  window_calls_ = 0;
  counts_acquires_ = false;
  for (std::size_t i = 0; i < kClassSlots; ++i) {
    const std::uint64_t now = samples.classes[i].acquires;
    // Other threads' leases may be told twice at once, and then fall.
    const std::uint64_t acquires = now - std::min(before_.classes[i].acquires, now);
    counts_acquires_ |= acquires != 0;
    window_demand_[i] = static_cast<double>(acquires);
  }
  if (!counts_acquires_) {
    for (std::size_t i = 0; i < kClassSlots; ++i) window_demand_[i] = window_[i].volume();
  }
  for (std::size_t i = 0; i < kArms; ++i) {
    const ArmSample& before = before_.arms[i];
    const ArmSample& arm = samples.arms[i];
    const std::uint64_t acquires = arm.acquires - std::min(before.acquires, arm.acquires);
    arms_[i] = {static_cast<double>(arm.slow_calls - before.slow_calls),
                static_cast<double>(acquires)};
    window_calls_ += arms_[i].cost;
  }
}

CapacityDecision CapacityController::step(const CapacitySamples& samples, Nanos now) {
  CapacityDecision out;
  if (!has_before_) {
    begin(samples, now);
  } else if (const Cause cause = look(samples, now); cause != Cause::kNone) {
    out.event = fall_back(cause);
    begin(samples, now);
  } else if (now - before_at_ >= rules_.tick / 2) {
    take_window(samples);
    out.saved_calls = saved_calls(samples);
    if (!is_idle()) out.event = learn(samples);
    begin(samples, now);
  }
  out.capacities.blocks = current_;
  out.capacities.trial_arms = rollout_.trial_arms();
  if (out.capacities.trial_arms != 0) out.capacities.trial_blocks = proposal_;
  return out;
}

CapacityEvent CapacityController::learn(const CapacitySamples& samples) {
  if (rules_.rule == LearnRule::kCurve) return follow_curves(samples);
  return window_calls_ < kFewCalls ? CapacityEvent{} : follow_hit_rate(samples);
}

/// Whether there are too few calls to propose anything.
bool CapacityController::is_quiet() const {
  if (window_calls_ >= kFewCalls) return false;
  return !counts_acquires_ || learned_calls_ < kFewAgedCalls;
}

/// Whether too little was asked for to say anything. Where demand is not counted, calls tell it.
bool CapacityController::is_idle() const {
  if (window_calls_ >= kFewCalls) return false;
  if (!counts_acquires_) return window_calls_ == 0 || rollout_.state() != Rollout::State::kTrial;
  const double now = sum_of(window_demand_);
  const double before = sum_of(learned_demand_);
  // Windows of the same demand d add up to d / (1 - kAging).
  return now < kIdlePart * (1 - kAging) * before;
}

CapacityEvent CapacityController::follow_curves(const CapacitySamples& samples) {
  const bool is_on_trial = rollout_.state() == Rollout::State::kTrial;
  // A magazine that became smaller shows runs that it hid before: that is no other demand.
  if ((counts_acquires_ || !is_on_trial) && is_new_phase()) return change_phase(samples);
  const bool is_thawing = rollout_.state() == Rollout::State::kFrozen && is_costlier();
  if (is_thawing) {
    rollout_.begin_phase();
    reach_ = Reach::kAnywhere;
  }
  add_window(samples);
  if (is_quiet() && !is_on_trial) return {};
  const bool must_fit = rules_.is_adopting && !is_on_trial && !is_within_budget(samples);
  double gain = 0;
  if (rollout_.wants_proposal() || must_fit) gain = propose(samples, reach_);
  if (!std::isfinite(gain)) return fall_back(Cause::kNumber);
  // Squared, as libsuperslab.so has no library of mathematics.
  if (gain < 0 || gain * gain * learned_calls_ < kDeviations * kDeviations) gain = 0;
  if (must_fit) {
    rollout_.note_change();
    predicted_gain_ = gain;
    return change(samples, Kind::kFitted, proposal_);
  }
  const Rollout::Verdict verdict = rollout_.step(arms_, gain);
  switch (verdict) {
    case Rollout::Verdict::kBegin: {
      predicted_gain_ = gain;
      const Blocks before = current_;
      const CapacityEvent event = change(samples, Kind::kTrial, proposal_);
      current_ = before;
      return event;
    }
    case Rollout::Verdict::kKeep:
    case Rollout::Verdict::kRollBack:
      return end_trial(samples, verdict);
    case Rollout::Verdict::kFreeze:
      return {.kind = Kind::kFrozen};
    case Rollout::Verdict::kNone:
      break;
  }
  return {};
}

/// Adds what the window told to what was learned, which ages.
void CapacityController::add_window(const CapacitySamples& samples) {
  const bool is_on_trial = rollout_.state() == Rollout::State::kTrial;
  const double slower = 1 - (1 - kAging) * window_calls_ / kManyCalls;
  const double aging = std::clamp(slower, kAging, kSlowAging);
  for (std::size_t i = 0; i < kClassSlots; ++i) {
    std::uint32_t blocks = blocks_of(samples, i, current_);
    if (is_on_trial) blocks = std::max(blocks, blocks_of(samples, i, proposal_));
    // It goes on, and takes no call: that hides its swings. One that takes calls shows them anew,
    // and one that nobody asked for has none.
    const bool is_hidden = window_demand_[i] > 0 && window_[i].runs() < 1;
    learned_[i].age(aging, is_hidden ? kHiddenAging : aging, blocks);
    learned_[i].add(window_[i]);
    learned_demand_[i] = learned_demand_[i] * kAging + window_demand_[i];
  }
  learned_calls_ = learned_calls_ * aging + window_calls_;
  learned_requests_ = learned_requests_ * aging + sum_of(window_demand_);
}

/// Whether the same demand costs many more calls than it did.
bool CapacityController::is_costlier() const {
  if (!counts_acquires_ || window_calls_ < kFewAgedCalls) return false;
  return window_calls_ * learned_requests_ > kThaw * learned_calls_ * sum_of(window_demand_);
}

CapacityEvent CapacityController::end_trial(const CapacitySamples& samples,
                                            Rollout::Verdict verdict) {
  const Blocks before = current_;
  const bool is_better = verdict == Rollout::Verdict::kKeep;
  reach_ = Reach::kTwofold;
  CapacityEvent event = change(samples, is_better ? Kind::kKept : Kind::kRolledBack, proposal_);
  event.measured_gain = rollout_.measured_gain();
  if (is_better && rules_.is_adopting) {
    rollout_.note_change();
    return event;
  }
  current_ = before;
  if (!is_better) return event;
  // Where nothing stays, the same would be tried again at once.
  rollout_.punish();
  event.kind = Kind::kBetter;
  return event;
}

/// Takes these over, and tells of the class that changes most.
CapacityEvent CapacityController::change(const CapacitySamples& samples, Kind kind,
                                         const Blocks& to) {
  CapacityEvent event{.kind = kind, .predicted_gain = predicted_gain_};
  ByteCount most = 0;
  for (std::size_t i = 0; i < kClassSlots; ++i) {
    const std::uint32_t from = blocks_of(samples, i, current_);
    const std::uint32_t next = blocks_of(samples, i, to);
    const ByteCount bytes =
        ByteCount{std::max(from, next) - std::min(from, next)} * samples.classes[i].block_bytes;
    if (bytes <= most) continue;
    most = bytes;
    event.size_class = static_cast<ClassIndex>(i);
    event.from = static_cast<std::uint8_t>(from);
    event.to = static_cast<std::uint8_t>(next);
  }
  current_ = to;
  return event;
}

void CapacityController::forget() {
  current_ = {};
  for (RunLengthCurve& curve : learned_) curve = {};
  learned_demand_ = {};
  learned_calls_ = learned_requests_ = 0;
  reach_ = Reach::kAnywhere;
  rollout_ = {};
  rest();
}

CapacityEvent CapacityController::fall_back(Cause cause) {
  current_ = {};
  for (RunLengthCurve& curve : learned_) curve = {};
  learned_demand_ = {};
  learned_calls_ = learned_requests_ = 0;
  rollout_.punish();
  return {.kind = Kind::kFellBack, .cause = cause};
}

/// Whether half of the blocks are asked for in other classes than before.
bool CapacityController::is_new_phase() const {
  double before = 0;
  double now = 0;
  for (std::size_t i = 0; i < kClassSlots; ++i) {
    before += learned_demand_[i];
    now += window_demand_[i];
  }
  if (!(before > 0) || !(now > 0)) return false;
  double shift = 0;
  for (std::size_t i = 0; i < kClassSlots; ++i)
    shift += std::abs(learned_demand_[i] / before - window_demand_[i] / now);
  return shift / 2 > kPhaseShift;
}

CapacityEvent CapacityController::change_phase(const CapacitySamples& samples) {
  learned_ = window_;
  learned_demand_ = window_demand_;
  learned_calls_ = window_calls_;
  learned_requests_ = sum_of(window_demand_);
  rollout_.begin_phase();
  // What takes few calls as it is needs no other capacities.
  if (!rules_.is_adopting || is_quiet()) return {};
  predicted_gain_ = propose(samples, Reach::kAnywhere);
  if (!std::isfinite(predicted_gain_)) return fall_back(Cause::kNumber);
  if (predicted_gain_ <= Rollout::kLeastGain) return {};
  rollout_.note_change();
  return change(samples, Kind::kJumped, proposal_);
}

bool CapacityController::is_in_use(const CapacitySamples& samples, std::size_t i) const {
  const CapacitySample& one = samples.classes[i];
  return one.fixed_blocks != 0 &&
         (one.cached_blocks != 0 || learned_[i].runs() >= 1 || learned_demand_[i] >= 1);
}

std::uint32_t CapacityController::blocks_of(const CapacitySamples& samples, std::size_t i,
                                            const Blocks& of) const {
  const std::uint32_t blocks = of[i] != 0 ? of[i] : samples.classes[i].fixed_blocks;
  return std::min(blocks, rules_.most_blocks);
}

ByteCount CapacityController::budget(const CapacitySamples& samples, bool is_large) const {
  const ByteCount given = is_large ? rules_.budget_large : rules_.budget_mid;
  if (given != 0) return given;
  ByteCount sum = 0;
  for (std::size_t i = 0; i < kClassSlots; ++i) {
    const CapacitySample& one = samples.classes[i];
    if (one.is_large == is_large && is_in_use(samples, i))
      sum += ByteCount{one.fixed_blocks} * one.block_bytes;
  }
  return sum;
}

/// Whether what was learned fits: the budget may be another one than it was then.
bool CapacityController::is_within_budget(const CapacitySamples& samples) const {
  for (const bool is_large : {false, true}) {
    ByteCount sum = 0;
    bool can_shrink = false;
    for (std::size_t i = 0; i < kClassSlots; ++i) {
      const CapacitySample& one = samples.classes[i];
      if (one.is_large != is_large || !is_in_use(samples, i)) continue;
      const std::uint32_t blocks = blocks_of(samples, i, current_);
      can_shrink |= blocks > 1;
      sum += ByteCount{blocks} * one.block_bytes;
    }
    if (can_shrink && sum > budget(samples, is_large)) return false;
  }
  return true;
}

double CapacityController::cost(const CapacitySamples& samples, const Curves& curves,
                                const Blocks& of) const {
  double sum = 0;
  for (std::size_t i = 0; i < kClassSlots; ++i)
    if (samples.classes[i].fixed_blocks != 0) sum += curves[i].cost(blocks_of(samples, i, of));
  return sum;
}

void CapacityController::propose_group(const CapacitySamples& samples, Reach reach, bool is_large) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < kClassSlots; ++i) {
    if (samples.classes[i].is_large != is_large || !is_in_use(samples, i)) continue;
    const std::uint32_t now = blocks_of(samples, i, current_);
    // Of a class that took no slow call it is not known what less would cost.
    const bool is_free = reach == Reach::kAnywhere && learned_[i].runs() >= 1;
    const std::uint32_t least = is_free ? 1 : (now + 1) / 2;
    const std::uint32_t most = std::min(is_free ? rules_.most_blocks : 2 * now, rules_.most_blocks);
    learned_[i].costs(costs_[i]);
    choices_[count] = {.costs = &costs_[i],
                       .block_bytes = samples.classes[i].block_bytes,
                       .least = static_cast<std::uint8_t>(least),
                       .most = static_cast<std::uint8_t>(most),
                       .current = static_cast<std::uint8_t>(now)};
    choice_classes_[count++] = static_cast<std::uint8_t>(i);
  }
  choose_capacities({choices_.data(), count}, budget(samples, is_large));
  for (std::size_t n = 0; n < count; ++n) {
    const std::size_t i = choice_classes_[n];
    // The fixed limit stays one that may change with the heap.
    const bool is_fixed = choices_[n].chosen == samples.classes[i].fixed_blocks;
    proposal_[i] = is_fixed && current_[i] == 0 ? 0 : choices_[n].chosen;
  }
}

/// Makes the best proposal within reach. Returns what it should gain, as a part of the cost.
double CapacityController::propose(const CapacitySamples& samples, Reach reach) {
  proposal_ = current_;
  propose_group(samples, reach, false);
  propose_group(samples, reach, true);
  const double now = cost(samples, learned_, current_);
  if (now == 0) return 0;
  return 1 - cost(samples, learned_, proposal_) / now;
}

double CapacityController::saved_calls(const CapacitySamples& samples) const {
  return cost(samples, window_, Blocks{}) - cost(samples, window_, current_);
}

CapacityEvent CapacityController::follow_hit_rate(const CapacitySamples& samples) {
  Blocks next = current_;
  for (std::size_t i = 0; i < kClassSlots; ++i) {
    const CapacitySample& one = samples.classes[i];
    learned_[i] = window_[i];
    if (!is_in_use(samples, i)) continue;
    const auto refills = static_cast<double>(one.refills - before_.classes[i].refills);
    // Where leases are not counted, blocks that came with refills are: at least so many.
    double requests =
        static_cast<double>(one.acquires - std::min(one.acquires, before_.classes[i].acquires));
    if (requests == 0) requests = window_[i].volume() / 4;
    if (requests == 0) continue;
    const double hits = 1 - refills / requests;
    const double target = one.is_large ? rules_.target_large : rules_.target_mid;
    const std::uint32_t by = one.is_large ? rules_.step_large : rules_.step_mid;
    const std::uint32_t now = blocks_of(samples, i, current_);
    std::uint32_t blocks = now;
    if (hits < target - kHitBand) blocks = std::min(now + by, rules_.most_blocks);
    if (hits > target + kHitBand) blocks = now > by ? now - by : 1;
    if (blocks != now) next[i] = static_cast<std::uint8_t>(blocks);
  }
  const Blocks before = current_;
  current_ = next;
  if (!is_within_budget(samples)) {
    // What grows has to wait until something else became less.
    for (std::size_t i = 0; i < kClassSlots; ++i)
      if (next[i] > blocks_of(samples, i, before)) next[i] = before[i];
  }
  current_ = before;
  if (next == before) return {};
  predicted_gain_ = 0;
  return change(samples, Kind::kKept, next);
}

}  // namespace superslab
