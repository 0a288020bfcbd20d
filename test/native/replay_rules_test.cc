// Rules that choose capacities, on demand of known shapes: what they cost against what somebody
// would have set who knew it.
//
// Not under ThreadSanitizer, which has no addresses for a replay's heap: a replay is of one thread.
#if !defined(__SANITIZE_THREAD__)

#include <algorithm>
#include <vector>

#include "check.h"
#include "replay/hindsight.h"
#include "replay/rules.h"

using namespace superslab;
using namespace superslab::trace;
using namespace superslab_test;

namespace {

constexpr ByteCount kBudget = kMiB;
constexpr std::uint64_t kEvents = 400'000;
constexpr std::uint64_t kWindow = kEvents / 200;

struct Swing {
  std::uint32_t bytes;
  std::uint32_t blocks;
};
constexpr Swing kPhases[2][5] = {
    {{16 * kKiB, 40}, {4 * kKiB, 4}, {8 * kKiB, 4}, {32 * kKiB, 2}, {512, 20}},
    {{16 * kKiB, 3}, {4 * kKiB, 50}, {8 * kKiB, 44}, {32 * kKiB, 8}, {512, 10}},
};
/// All of it at once: more than the budget.
constexpr Swing kScarce[5] = {
    {16 * kKiB, 40}, {4 * kKiB, 50}, {8 * kKiB, 44}, {32 * kKiB, 8}, {512, 20}};

/// The same as bench/learn/demand.ts.
/// `swings_at(window)`: what is asked for then.
template <class SwingsAt>
Trace demand_of(SwingsAt swings_at) {
  std::uint32_t state = 0x9e3779b9;
  const auto random = [&](std::uint32_t below) {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state % below;
  };
  TracedProcess process;
  process.number = process.threads = 1;
  process.blocks = 5 * 64;
  Nanos at = 0;
  while (process.ops.size() < kEvents) {
    const Swing* const swings = swings_at(process.ops.size() / kWindow);
    const std::uint32_t which = random(5);
    const std::uint32_t blocks = swings[which].blocks;
    const std::uint32_t count = std::max(1u, (blocks * (75 + random(50)) + 50) / 100);
    for (const std::uint64_t kind : {1, 2})
      for (std::uint32_t i = 0; i < count; ++i)
        process.ops.push_back({at += 500, which * 64 + i, 0, swings[which].bytes, kind});
  }
  Trace trace;
  trace.events = process.ops.size();
  trace.processes.push_back(std::move(process));
  return trace;
}

/// `windows_of_phase`: after as many the other phase begins.
Trace demand(std::uint64_t windows_of_phase) {
  return demand_of([=](std::uint64_t window) { return kPhases[window / windows_of_phase % 2]; });
}

/// Lets a rule choose, and looks whether what it chose keeps to the budget.
class Watched final : public ReplayRule {
 public:
  explicit Watched(ReplayRule& rule) : rule_(rule) {}
  void begin(const HeapSnapshot& policy, Heap* heap) override { rule_.begin(policy, heap); }
  bool step(const Interval& interval, HeapSnapshot& policy) override {
    const bool has_changed = rule_.step(interval, policy);
    keeps_to_budget &= bytes(policy.class_blocks) <= kBudget;
    if (policy.trial_arms != 0) keeps_to_budget &= bytes(policy.trial_blocks) <= kBudget;
    return has_changed;
  }
  bool keeps_to_budget = true;

 private:
  static ByteCount bytes(const std::array<std::uint8_t, kClassSlots>& blocks) {
    MagazineBlocks magazines;
    std::copy_n(blocks.begin(), kFirstLargeClass, magazines.begin());
    return bytes_of(magazines);
  }
  ReplayRule& rule_;
};

struct Costs {
  double learned = 0;
  double hindsight = 0;
  double best_other = 0;  // of the rules of others
  bool keeps_to_budget = true;
};

/// Slow calls of the rules on a demand.
Costs costs_on(const Trace& trace) {
  Policy policy;
  fit_to_malloc(policy, kNoLimit);
  MissCurves curves;
  measure_curves(trace, policy, curves);
  const MagazineBlocks even = even_capacities(kBudget, curves.is_used);
  Policy start = policy;
  set_capacities(even, start);
  const auto calls = [&](const Policy& from, ReplayRule* rule) {
    return static_cast<double>(replay(trace, from, rule).slow_calls());
  };
  Costs out;
  LearnedRule learned(even, kBudget);
  Watched watched(learned);
  out.learned = calls(start, &watched);
  out.keeps_to_budget = watched.keeps_to_budget;
  Policy hindsight = policy;
  set_capacities(best_capacities(curves, kBudget), hindsight);
  out.hindsight = calls(hindsight, nullptr);
  out.best_other = calls(start, nullptr);
  HitRateRule few_hits(even, kBudget, 0.65, 4);
  HitRateRule many_hits(even, kBudget, 0.97, 4);
  UcbRule ucb(kBudget);
  StealingRule stealing(even, kBudget, 4);
  for (ReplayRule* rule :
       {static_cast<ReplayRule*>(&few_hits), static_cast<ReplayRule*>(&many_hits),
        static_cast<ReplayRule*>(&ucb), static_cast<ReplayRule*>(&stealing)})
    out.best_other = std::min(out.best_other, calls(start, rule));
  return out;
}

}  // namespace

TEST(replay, "the learned rule comes to rest where demand stays the same") {
  const Costs costs = costs_on(demand(1000));
  CHECK(costs.keeps_to_budget);
  CHECK(costs.learned < costs.best_other);
}

TEST(replay, "the learned rule comes near to hindsight where the budget is scarce") {
  const Costs costs = costs_on(demand_of([](std::uint64_t) { return kScarce; }));
  CHECK(costs.keeps_to_budget);
  CHECK(costs.learned < costs.best_other);
  CHECK(costs.learned < 1.2 * costs.hindsight);
}

TEST(replay, "the learned rule follows shifts, ahead of other rules and of hindsight") {
  const Costs costs = costs_on(demand(40));
  CHECK(costs.keeps_to_budget);
  CHECK(costs.learned < costs.best_other);
  CHECK(costs.learned < 0.9 * costs.hindsight);
}

TEST(replay, "the learned rule follows flips, ahead of other rules and near to hindsight") {
  const Costs costs = costs_on(demand(4));
  CHECK(costs.keeps_to_budget);
  CHECK(costs.learned < costs.best_other);
  CHECK(costs.learned < 1.25 * costs.hindsight);
}

#endif
