#include "learn/policy_contest.h"

#include <algorithm>
#include <cassert>
#include <cmath>

namespace superslab {
namespace {

using Cause = ContestDecision::Cause;

/// How much of what is asked for must be of other classes than before, for another phase.
constexpr double kPhaseShift = 0.5;
/// What the shares of one interval weigh one interval later.
constexpr double kAging = 0.75;

/// Intervals for which a policy holds at least; the first of them is not rated.
constexpr std::uint32_t kBout = 2;
/// Intervals that what a policy costs is an average of.
constexpr std::uint32_t kRemembered = 8;
/// Matches that what was measured last counts in: half as many where that was one interval.
constexpr std::uint32_t kMatches = 2;

/// Points that a match moves at most, and the points that make the odds ten to one.
constexpr double kMatchPoints = 64;
constexpr double kTenfoldPoints = 400;
/// How sharply costs are told apart.
constexpr double kSharpness = 16;
/// A match moves as many times the points as one costs more doublings than the other, and one; but
/// no more than this.
constexpr double kMostByMargin = 4;
/// Of the softmax, in points.
constexpr double kTemperature = 50;
/// A policy that is further behind the best counts as if it were this far behind.
constexpr double kMostBehind = 400;

/// Drift: how much dearer, in how many intervals running, and what is left of the ratings.
constexpr double kDearer = 2;
constexpr std::uint32_t kDearSteps = 3;
constexpr double kLeftOfRating = 0.25;

/// Later than that many ticks, and what was counted is of another time.
constexpr Nanos kLateTicks = 8;

}  // namespace

Cause PolicyContest::look(const ContestSample& sample, Nanos now) const {
  if (!std::isfinite(sample.cost)) return Cause::kNumber;
  if (now < before_at_) return Cause::kClock;
  if (now - before_at_ > kLateTicks * tick_) return Cause::kLate;
  if (sample.cost < before_.cost) return Cause::kCounts;
  for (std::size_t i = 0; i < kClassSlots; ++i)
    if (sample.demand[i] < before_.demand[i]) return Cause::kCounts;
  return Cause::kNone;
}

ContestDecision PolicyContest::fall_back(Cause cause) {
  phases_ = {};
  phase_ = chosen_ = held_ = 0;
  steps_ = 0;
  has_before_ = false;
  return {.fell_back = cause};
}

/// Returns how many blocks were asked for.
double PolicyContest::take_shares(const ContestSample& sample, Shares& shares) const {
  double sum = 0;
  for (std::size_t i = 0; i < kClassSlots; ++i)
    sum += shares[i] = static_cast<double>(sample.demand[i] - before_.demand[i]);
  if (sum == 0) return 0;
  for (double& share : shares) share /= sum;
  return sum;
}

/// Whether it is another phase than before.
bool PolicyContest::enter_phase(const Shares& shares) {
  std::size_t nearest = kMaxPhases;
  std::size_t oldest = 0;
  double least = kPhaseShift;
  for (std::size_t p = 0; p < kMaxPhases; ++p) {
    if (phases_[p].seen < phases_[oldest].seen) oldest = p;
    if (phases_[p].seen == 0) continue;
    double shift = 0;
    for (std::size_t i = 0; i < kClassSlots; ++i)
      shift += std::abs(shares[i] - phases_[p].shares[i]) / 2;
    if (shift < least) nearest = p, least = shift;
  }
  const bool is_known = nearest != kMaxPhases;
  const std::size_t next = is_known ? nearest : oldest;
  Phase& phase = phases_[next];
  if (!is_known) {
    phase = {};
    phase.shares = shares;
  }
  for (std::size_t i = 0; i < kClassSlots; ++i)
    phase.shares[i] = phase.shares[i] * kAging + shares[i] * (1 - kAging);
  phase.seen = ++steps_;
  ++phase.visit;
  const bool is_other = next != phase_ && steps_ > 1;
  phase_ = next;
  return is_other;
}

/// Both have a figure of their own.
void PolicyContest::play(Phase& phase, Player& one, Player& other) {
  const double ratio = phase.value(one) / phase.value(other);
  const double expected = 1 / (1 + std::pow(10, (other.rating - one.rating) / kTenfoldPoints));
  const double score = 1 / (1 + std::pow(ratio, kSharpness));
  const double times = std::min(1 + std::abs(std::log2(ratio)), kMostByMargin);
  const double points = kMatchPoints * times * (score - expected);
  one.rating += points;
  other.rating -= points;
}

/// Another phase began: all can play against what that cost.
void PolicyContest::note_exit(Phase& phase, double cost_of_block) const {
  const double length = std::max(phase.visit, 1u);
  phase.visit_length = phase.visit_length == 0 ? length : (phase.visit_length + length) / 2;
  phase.visit = phase.dear_steps = 0;
  Player& mine = phase.players[chosen_];
  if (!mine.has_played()) return;
  const double beyond = std::max(cost_of_block - mine.rate, 0.0);
  mine.exit = mine.exit == 0 ? beyond : (mine.exit + beyond) / 2;
  for (Player& one : phase.players)
    if (one.has_played()) one.matches = kMatches;
}

/// The policy in force plays against all others of this phase that still have a match left.
void PolicyContest::rate(double cost_of_block) {
  auto& players = phases_[phase_].players;
  Player& mine = players[chosen_];
  if (mine.usual == 0) mine.usual = cost_of_block;
  // What is much dearer than that is looked at as drift.
  if (cost_of_block <= kDearer * mine.usual)
    mine.usual += (cost_of_block - mine.usual) / kRemembered;
  // Of another bout little is left.
  if (held_ == kBout) mine.intervals = std::min(mine.intervals, 1u);
  mine.intervals = std::min(mine.intervals + 1, kRemembered);
  mine.rate += (cost_of_block - mine.rate) / mine.intervals;
  mine.matches = std::min(mine.intervals, kMatches);
  for (std::size_t i = 0; i < policies_; ++i) {
    Player& other = players[i];
    if (i == chosen_ || other.matches == 0) continue;
    play(phases_[phase_], mine, other);
    --other.matches;
  }
}

void PolicyContest::watch_drift(double cost_of_block) {
  Phase& phase = phases_[phase_];
  const Player& mine = phase.players[chosen_];
  const bool is_dear = mine.usual != 0 && cost_of_block > kDearer * mine.usual;
  phase.dear_steps = is_dear ? phase.dear_steps + 1 : 0;
  if (phase.dear_steps < kDearSteps) return;
  phase.dear_steps = 0;
  // What it costs now is all that is known of it.
  phase.players[chosen_] = {.rating = mine.rating, .usual = cost_of_block};
  for (Player& one : phase.players) {
    one.rating *= kLeftOfRating;
    one.matches = 0;
  }
}

/// By its rating in the present phase.
std::size_t PolicyContest::best() const {
  const auto& players = phases_[phase_].players;
  std::size_t best = 0;
  for (std::size_t i = 1; i < policies_; ++i)
    if (players[i].rating > players[best].rating) best = i;
  return best;
}

/// From 0 up to 1; the same numbers each time. Marsaglia, "Xorshift RNGs", 2003.
double PolicyContest::draw() {
  random_ ^= random_ << 13;
  random_ ^= random_ >> 17;
  random_ ^= random_ << 5;
  return random_ / 4294967296.0;
}

std::size_t PolicyContest::choose() {
  const auto& players = phases_[phase_].players;
  // Who is in force plays first: that costs no change.
  for (std::size_t i = 0; i < policies_; ++i) {
    const std::size_t at = (chosen_ + i) % policies_;
    if (!players[at].has_played()) return at;
  }
  const std::size_t leader = best();
  std::array<double, kMaxPolicies> weights{};
  double sum = 0;
  for (std::size_t i = 0; i < policies_; ++i) {
    const double behind = std::min(players[leader].rating - players[i].rating, kMostBehind);
    sum += weights[i] = std::exp(-behind / kTemperature);
  }
  double left = draw() * sum;
  for (std::size_t i = 0; i < policies_; ++i) {
    left -= weights[i];
    if (left < 0) return i;
  }
  return leader;
}

ContestDecision PolicyContest::step(const ContestSample& sample, Nanos now) {
  assert(policies_ >= 1 && policies_ <= kMaxPolicies);
  ContestDecision out;
  if (has_before_) {
    if (const Cause cause = look(sample, now); cause != Cause::kNone) return fall_back(cause);
    Shares shares;
    const double blocks = take_shares(sample, shares);
    const double cost = sample.cost - before_.cost;
    // An interval without demand says nothing of a policy.
    if (blocks > 0 && cost > 0) {
      ++held_;
      Phase& before = phases_[phase_];
      out.has_new_phase = enter_phase(shares);
      if (out.has_new_phase) note_exit(before, cost / blocks);
      const bool is_rated = held_ >= kBout && !out.has_new_phase;
      if (is_rated) {
        watch_drift(cost / blocks);
        rate(cost / blocks);
      }
      if (is_rated || out.has_new_phase) {
        const std::size_t next = choose();
        if (next != chosen_) held_ = 0;
        chosen_ = next;
      }
    }
  } else if (!std::isfinite(sample.cost)) {
    return fall_back(Cause::kNumber);
  }
  before_ = sample;
  before_at_ = now;
  has_before_ = true;
  out.policy = chosen_;
  return out;
}

}  // namespace superslab
