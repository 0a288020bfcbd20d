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
/// Matches that one figure counts in.
constexpr std::uint32_t kMatches = 4;

/// Points that a match moves at most, and the points that make the odds ten to one.
constexpr double kMatchPoints = 64;
constexpr double kTenfoldPoints = 400;
/// How sharply costs are told apart.
constexpr double kSharpness = 16;
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
  const bool is_other = next != phase_ && steps_ > 1;
  phase_ = next;
  return is_other;
}

/// Both have a figure of their own.
void PolicyContest::play(Player& one, Player& other) {
  const double expected = 1 / (1 + std::pow(10, (other.rating - one.rating) / kTenfoldPoints));
  const double score = 1 / (1 + std::pow(one.rate / other.rate, kSharpness));
  const double points = kMatchPoints * (score - expected);
  one.rating += points;
  other.rating -= points;
}

/// The policy in force has played against all others of this phase that still have a match left.
void PolicyContest::rate(double cost_of_block) {
  auto& players = phases_[phase_].players;
  Player& mine = players[chosen_];
  mine.rate = cost_of_block;
  if (!mine.has_played) mine.usual = cost_of_block;
  // What is much dearer than that is looked at as drift.
  if (cost_of_block <= kDearer * mine.usual)
    mine.usual = mine.usual * kAging + cost_of_block * (1 - kAging);
  mine.has_played = true;
  mine.matches = kMatches;
  for (std::size_t i = 0; i < policies_; ++i) {
    Player& other = players[i];
    if (i == chosen_ || other.matches == 0) continue;
    play(mine, other);
    --other.matches;
  }
}

void PolicyContest::watch_drift(double cost_of_block) {
  Phase& phase = phases_[phase_];
  const Player& mine = phase.players[chosen_];
  const bool is_dear = mine.has_played && cost_of_block > kDearer * mine.usual;
  phase.dear_steps = is_dear ? phase.dear_steps + 1 : 0;
  if (phase.dear_steps < kDearSteps) return;
  phase.dear_steps = 0;
  phase.players[chosen_].usual = cost_of_block;
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
    if (!players[at].has_played) return at;
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
      out.has_new_phase = enter_phase(shares);
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
