// Rules that choose how many free blocks of each class a thread keeps: our own, and for comparison
// those of others. All of them keep to a budget: the bytes of all classes' magazines of one thread
// when they are full.
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "learn/capacity_controller.h"
#include "learn/policy_contest.h"
#include "replay/replay.h"

namespace superslab {

/// Most blocks of each class that a thread keeps, by its index; large classes have no magazine.
using MagazineBlocks = std::array<std::uint8_t, kFirstLargeClass>;

/// Places that a magazine has: see ThreadCache.
constexpr std::uint32_t kMaxCapacity = 62;

ByteCount bytes_of(const MagazineBlocks& capacities);
void set_capacities(const MagazineBlocks& capacities, HeapSnapshot& policy);
/// As many blocks of each class as fit `bytes` in all, the same bytes for each of `classes`.
MagazineBlocks even_capacities(ByteCount bytes, const std::array<bool, kFirstLargeClass>& classes);

/// HAKMEM's: a class whose hit rate is below the target gets `step` more blocks, one above it as
/// many fewer; at the budget those that hit most give first.
class HitRateRule final : public ReplayRule {
 public:
  HitRateRule(const MagazineBlocks& start, ByteCount budget, double target, std::uint32_t step)
      : start_(start), budget_(budget), target_(target), step_(step) {}
  void begin(const HeapSnapshot& policy, Heap* heap) override;
  bool step(const Interval& interval, HeapSnapshot& policy) override;

 private:
  const MagazineBlocks start_;
  const ByteCount budget_;
  const double target_;
  const std::uint32_t step_;
  MagazineBlocks now_{};
};

/// Hit-rate stealing, as in tcmalloc and memcached: the class that misses most takes the bytes of a
/// step from the one that misses least for its bytes.
class StealingRule final : public ReplayRule {
 public:
  StealingRule(const MagazineBlocks& start, ByteCount budget, std::uint32_t step)
      : start_(start), budget_(budget), step_(step) {}
  void begin(const HeapSnapshot& policy, Heap* heap) override;
  bool step(const Interval& interval, HeapSnapshot& policy) override;

 private:
  const MagazineBlocks start_;
  const ByteCount budget_;
  const std::uint32_t step_;
  MagazineBlocks now_{};
};

/// HAKMEM's other one: UCB1 over a few candidates, here parts of the budget for the classes in use;
/// the reward is the hit rate.
class UcbRule final : public ReplayRule {
 public:
  static constexpr std::size_t kArms = 4;
  explicit UcbRule(ByteCount budget) : budget_(budget) {}
  void begin(const HeapSnapshot& policy, Heap* heap) override;
  bool step(const Interval& interval, HeapSnapshot& policy) override;

 private:
  std::size_t best_arm() const;
  const ByteCount budget_;
  std::array<double, kArms> rewards_{};
  std::array<std::uint64_t, kArms> pulls_{};
  std::uint64_t all_pulls_ = 0;
  std::size_t arm_ = 0;
  std::array<bool, kFirstLargeClass> classes_{};
};

/// Our own: learn/capacity_controller.h, with an interval as its tick.
class LearnedRule final : public ReplayRule {
 public:
  LearnedRule(const MagazineBlocks& start, ByteCount budget) : start_(start), budget_(budget) {}
  void begin(const HeapSnapshot& policy, Heap* heap) override;
  bool step(const Interval& interval, HeapSnapshot& policy) override;

 private:
  const MagazineBlocks start_;
  const ByteCount budget_;
  std::optional<CapacityController> controller_;
  CapacitySamples samples_;
  std::array<std::uint64_t, kFixedClasses> acquires_{};
  Capacities now_;
};

/// Saved policies that compete: learn/policy_contest.h, with an interval as its tick.
class ContestRule final : public ReplayRule {
 public:
  ContestRule(std::vector<Policy> policies, const UnitCosts& unit)
      : policies_(std::move(policies)), unit_(unit) {}
  void begin(const HeapSnapshot& policy, Heap* heap) override;
  bool step(const Interval& interval, HeapSnapshot& policy) override;

 private:
  const std::vector<Policy> policies_;
  const UnitCosts unit_;
  std::optional<PolicyContest> contest_;
  std::size_t now_ = 0;
  ContestSample sample_;
};

}  // namespace superslab
