#include "replay/rules.h"

#include <algorithm>
#include <cmath>

namespace superslab {
namespace {

/// Of the controller, whatever the trace's own time is.
constexpr Nanos kTick = 1'000'000'000;

std::uint32_t block_bytes(std::size_t c) { return kSizeClasses[c].block_bytes; }

std::uint64_t slow_calls(const Interval& interval, std::size_t c) {
  return interval.misses[c] + interval.spills[c];
}

double hit_rate(const Interval& interval, std::size_t c) {
  const auto all = static_cast<double>(interval.allocations[c]);
  return all == 0 ? 1 : 1 - static_cast<double>(interval.misses[c]) / all;
}

std::uint8_t more(std::uint8_t capacity, std::uint32_t step) {
  return static_cast<std::uint8_t>(std::min(capacity + step, kMaxCapacity));
}
std::uint8_t fewer(std::uint8_t capacity, std::uint32_t step) {
  return static_cast<std::uint8_t>(capacity > step ? capacity - step : 1);
}

/// Takes blocks of the class with the most hits until all fit.
void fit(MagazineBlocks& capacities, ByteCount budget, const Interval& interval,
         std::uint32_t step) {
  while (bytes_of(capacities) > budget) {
    std::size_t victim = kFirstLargeClass;
    for (std::size_t c = 0; c < kFirstLargeClass; ++c) {
      if (capacities[c] <= 1) continue;
      if (victim == kFirstLargeClass || hit_rate(interval, c) > hit_rate(interval, victim) ||
          (hit_rate(interval, c) == hit_rate(interval, victim) &&
           capacities[c] * block_bytes(c) > capacities[victim] * block_bytes(victim)))
        victim = c;
    }
    if (victim == kFirstLargeClass) return;
    capacities[victim] = fewer(capacities[victim], step);
  }
}

}  // namespace

ByteCount bytes_of(const MagazineBlocks& capacities) {
  ByteCount bytes = 0;
  for (std::size_t c = 0; c < kFirstLargeClass; ++c)
    if (capacities[c] > 1) bytes += ByteCount{capacities[c]} * block_bytes(c);
  return bytes;
}

void set_capacities(const MagazineBlocks& capacities, HeapSnapshot& policy) {
  for (std::size_t c = 0; c < kFirstLargeClass; ++c) policy.class_blocks[c] = capacities[c];
}

MagazineBlocks even_capacities(ByteCount bytes, const std::array<bool, kFirstLargeClass>& classes) {
  const auto count = static_cast<ByteCount>(std::count(classes.begin(), classes.end(), true));
  MagazineBlocks out;
  for (std::size_t c = 0; c < kFirstLargeClass; ++c) {
    const ByteCount fair = count == 0 || !classes[c] ? 1 : bytes / count / block_bytes(c);
    out[c] = static_cast<std::uint8_t>(std::clamp<ByteCount>(fair, 1, kMaxCapacity));
  }
  return out;
}

void HitRateRule::begin(const HeapSnapshot&, Heap*) { now_ = start_; }

bool HitRateRule::step(const Interval& interval, HeapSnapshot& policy) {
  const MagazineBlocks before = now_;
  for (std::size_t c = 0; c < kFirstLargeClass; ++c) {
    if (interval.allocations[c] == 0) continue;
    now_[c] = hit_rate(interval, c) < target_ ? more(now_[c], step_) : fewer(now_[c], step_);
  }
  fit(now_, budget_, interval, step_);
  set_capacities(now_, policy);
  return now_ != before;
}

void StealingRule::begin(const HeapSnapshot&, Heap*) { now_ = start_; }

bool StealingRule::step(const Interval& interval, HeapSnapshot& policy) {
  const auto density = [&](std::size_t c) {
    return static_cast<double>(slow_calls(interval, c)) / (now_[c] * block_bytes(c));
  };
  std::size_t thief = kFirstLargeClass;
  for (std::size_t c = 0; c < kFirstLargeClass; ++c) {
    if (now_[c] >= kMaxCapacity || interval.misses[c] == 0) continue;
    if (thief == kFirstLargeClass || slow_calls(interval, c) > slow_calls(interval, thief))
      thief = c;
  }
  if (thief == kFirstLargeClass) return false;
  const MagazineBlocks before = now_;
  now_[thief] = more(now_[thief], step_);
  while (bytes_of(now_) > budget_) {
    std::size_t victim = kFirstLargeClass;
    for (std::size_t c = 0; c < kFirstLargeClass; ++c) {
      if (c == thief || now_[c] <= 1) continue;
      if (victim == kFirstLargeClass || density(c) < density(victim)) victim = c;
    }
    // Nobody has anything that the thief could take.
    if (victim == kFirstLargeClass) {
      now_ = before;
      return false;
    }
    now_[victim] = fewer(now_[victim], step_);
  }
  set_capacities(now_, policy);
  return now_ != before;
}

void UcbRule::begin(const HeapSnapshot&, Heap*) {
  rewards_ = {};
  pulls_ = {};
  all_pulls_ = 0;
  arm_ = 0;
  classes_ = {};
}

std::size_t UcbRule::best_arm() const {
  std::size_t best = 0;
  double best_bound = -1;
  for (std::size_t i = 0; i < kArms; ++i) {
    if (pulls_[i] == 0) return i;
    const auto pulls = static_cast<double>(pulls_[i]);
    const double bound =
        rewards_[i] / pulls + std::sqrt(2 * std::log(static_cast<double>(all_pulls_)) / pulls);
    if (bound > best_bound) best = i, best_bound = bound;
  }
  return best;
}

bool UcbRule::step(const Interval& interval, HeapSnapshot& policy) {
  std::uint64_t all = 0;
  std::uint64_t misses = 0;
  for (std::size_t c = 0; c < kFirstLargeClass; ++c) {
    all += interval.allocations[c];
    misses += interval.misses[c];
    classes_[c] |= interval.allocations[c] != 0;
  }
  rewards_[arm_] += all == 0 ? 1 : 1 - static_cast<double>(misses) / static_cast<double>(all);
  ++pulls_[arm_];
  ++all_pulls_;
  arm_ = best_arm();
  set_capacities(even_capacities(budget_ >> (kArms - 1 - arm_), classes_), policy);
  return true;
}

void LearnedRule::begin(const HeapSnapshot& policy, Heap* heap) {
  CapacityRules rules = capacity_rules(policy, kMaxCapacity);
  rules.tick = kTick;
  // Whatever the policy's mode is: who replays this rule wants to see what it does.
  rules.is_adopting = true;
  rules.budget_mid = budget_;
  controller_.emplace(rules);
  now_ = {};
  std::copy(start_.begin(), start_.end(), now_.blocks.begin());
  controller_->start_from(now_);
  acquires_ = {};
  // It counts runs from its first look on.
  heap->sample(samples_, 0);
}

bool LearnedRule::step(const Interval& interval, HeapSnapshot& policy) {
  interval.heap->sample(samples_, 0);
  // What malloc does not count, and pools do: the same that other rules are told.
  for (std::size_t c = 0; c < kFixedClasses; ++c)
    samples_.classes[c].acquires = acquires_[c] += interval.allocations[c];
  const Capacities before = now_;
  now_ = controller_->step(samples_, (interval.number + 1) * kTick).capacities;
  policy.class_blocks = now_.blocks;
  policy.trial_blocks = now_.trial_blocks;
  policy.trial_arms = now_.trial_arms;
  return now_ != before;
}

void ContestRule::begin(const HeapSnapshot&, Heap*) {
  contest_.emplace(policies_.size(), kTick);
  now_ = 0;
  sample_ = {};
  (void)contest_->step(sample_, 0);
}

bool ContestRule::step(const Interval& interval, HeapSnapshot& policy) {
  sample_.cost = cost_of(interval.so_far, unit_);
  for (std::size_t c = 0; c < kFixedClasses; ++c) sample_.demand[c] += interval.allocations[c];
  const std::size_t before = now_;
  now_ = contest_->step(sample_, (interval.number + 1) * kTick).policy;
  if (now_ != before) policy = policies_[now_];
  return now_ != before;
}

}  // namespace superslab
