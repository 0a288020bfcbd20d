#include "learn/rollout.h"

#include <algorithm>
#include <cmath>

namespace superslab {
namespace {

/// What a window's costs weigh one window later.
constexpr double kAging = 0.75;

constexpr std::size_t kEven = 0;
constexpr std::size_t kOdd = 1;

void add(ArmCost& sum, const ArmCost& one) {
  sum.cost += one.cost;
  // Where demand is not counted, the windows are.
  sum.demand += one.demand > 0 ? one.demand : 1;
}

double rate(const ArmCost& sum) { return sum.demand > 0 ? sum.cost / sum.demand : 0; }

}  // namespace

std::uint8_t Rollout::trial_arms() const {
  if (state_ != State::kTrial) return 0;
  if (sides_ == Sides::kBoth) return 1u << kOdd;
  // The windows alternate, and the one to come is on trial when an even number has passed.
  return windows_ % 2 == 0 ? (1u << kEven) | (1u << kOdd) : 0;
}

void Rollout::begin_trial() {
  state_ = State::kTrial;
  windows_ = 0;
  on_trial_ = control_ = {};
  const bool has_even = before_[kEven].cost > 0;
  const bool has_odd = before_[kOdd].cost > 0;
  sides_ = has_even == has_odd ? Sides::kBoth : has_even ? Sides::kEven : Sides::kOdd;
}

void Rollout::begin_rest(std::uint32_t windows) {
  state_ = State::kResting;
  windows_ = windows;
  confirmations_ = 0;
}

void Rollout::punish() {
  begin_rest(rest_);
  rest_ = std::min(2 * rest_, kMostRest);
  before_ = {};
}

bool Rollout::begin_phase() {
  const bool was_on_trial = state_ == State::kTrial;
  state_ = State::kWatching;
  confirmations_ = windows_ = unchanged_ = 0;
  rest_ = kFirstRest;
  before_ = {};
  return was_on_trial;
}

void Rollout::note_change() {
  unchanged_ = confirmations_ = 0;
  rest_ = kFirstRest;
  before_ = {};
}

/// What the trial gained, as a part of the cost; NaN where nothing can be said.
double Rollout::compare() const {
  if (sides_ != Sides::kBoth) {
    const std::size_t arm = sides_ == Sides::kEven ? kEven : kOdd;
    return 1 - rate(on_trial_[arm]) / rate(control_[arm]);
  }
  const double on_trial = rate(on_trial_[kOdd]) / rate(before_[kOdd]);
  const double control = rate(control_[kEven]) / rate(before_[kEven]);
  return 1 - on_trial / control;
}

Rollout::Verdict Rollout::watch(double predicted_gain) {
  if (++unchanged_ >= kWindowsToFreeze) {
    state_ = State::kFrozen;
    confirmations_ = 0;
    return Verdict::kFreeze;
  }
  // Written so that a gain that is no number is none.
  const bool is_worth_it = predicted_gain > kLeastGain;
  confirmations_ = is_worth_it ? confirmations_ + 1 : 0;
  if (confirmations_ < kConfirmations) return Verdict::kNone;
  confirmations_ = 0;
  begin_trial();
  return Verdict::kBegin;
}

Rollout::Verdict Rollout::try_on(const ArmCosts& arms) {
  const std::uint8_t on_trial = trial_arms();
  for (std::size_t i = 0; i < kArms; ++i)
    add(((on_trial >> i) & 1) != 0 ? on_trial_[i] : control_[i], arms[i]);
  if (++windows_ < kTrialWindows) return Verdict::kNone;
  const double gain = compare();
  measured_gain_ = std::isfinite(gain) ? gain : 0;
  before_ = {};
  if (measured_gain_ > 0) {
    state_ = State::kWatching;
    return Verdict::kKeep;
  }
  punish();
  return Verdict::kRollBack;
}

Rollout::Verdict Rollout::step(const ArmCosts& arms, double predicted_gain) {
  if (state_ == State::kTrial) return try_on(arms);
  for (std::size_t i = 0; i < kArms; ++i) {
    before_[i].cost *= kAging;
    before_[i].demand *= kAging;
    add(before_[i], arms[i]);
  }
  switch (state_) {
    case State::kWatching:
      return watch(predicted_gain);
    case State::kResting:
      ++unchanged_;
      if (--windows_ == 0) state_ = State::kWatching;
      return Verdict::kNone;
    default:
      return Verdict::kNone;
  }
}

}  // namespace superslab
