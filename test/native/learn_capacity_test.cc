// Capacities that are learned, on synthetic time: gains, budgets, phases, faults, and where the
// loop stops.
#include <cmath>
#include <limits>

#include "check.h"
#include "magazine_fixture.h"

namespace superslab {

/// Breaks a controller from inside.
struct CapacityFaults {
  static void spoil_curve(CapacityController& controller) {
    for (RunLengthCurve& curve : controller.learned_)
      curve.age(std::numeric_limits<double>::quiet_NaN());
  }
};

}  // namespace superslab

using namespace superslab;
using namespace superslab_test;

namespace {

using Kind = CapacityEvent::Kind;
using Cause = CapacityEvent::Cause;

/// Two large classes. The first one's demand swings far, the other's hardly.
std::vector<ModelClass> two_classes() { return {{64 * kKiB, 16}, {80 * kKiB, 12}}; }

void work(ModelHeap& heap, Random& random, std::uint32_t busy = 0) {
  for (std::size_t t = 0; t < heap.threads(); ++t) {
    for (int i = 0; i < 200; ++i) {
      heap.magazine(t, busy).wander(random, 14, 25);
      heap.magazine(t, 1 - busy).wander(random, 1, 4);
    }
  }
}

/// Slow calls of `windows` windows.
std::uint64_t run(ModelHeap& heap, std::uint64_t seed, int windows, std::uint32_t busy = 0) {
  Random random(seed);
  const std::uint64_t before = heap.slow_calls();
  for (int i = 0; i < windows; ++i) {
    work(heap, random, busy);
    heap.tick();
  }
  return heap.slow_calls() - before;
}

int windows_until(ModelHeap& heap, Random& random, Kind kind, int most = 100) {
  for (int i = 1; i <= most; ++i) {
    work(heap, random);
    if (heap.tick().event.kind == kind) return i;
  }
  return -1;
}

}  // namespace

TEST(learn, "capacity: it moves bytes to the class that saves calls, within the same bytes") {
  for (const std::size_t threads : {1u, 2u, 5u}) {
    ModelHeap learning(two_classes(), threads);
    ModelHeap fixed(two_classes(), threads);
    fixed.follows = false;
    run(learning, 1, 20);
    run(fixed, 1, 20);
    CHECK(learning.blocks(0) > 16);
    CHECK(learning.blocks(1) < 12);
    for (std::size_t t = 0; t < threads; ++t) CHECK(learning.bytes(t) <= fixed.bytes(t));
    const auto learned_calls = static_cast<double>(run(learning, 2, 50));
    const auto fixed_calls = static_cast<double>(run(fixed, 2, 50));
    CHECK(learned_calls < 0.8 * fixed_calls);
    CHECK(learning.saved_calls > 0);
  }
}

TEST(learn, "capacity: it comes near to the best fixed division of the same bytes") {
  ModelHeap learning(two_classes(), 1);
  run(learning, 1, 30);
  const auto learned_calls = static_cast<double>(run(learning, 2, 50));
  const ByteCount budget = 16 * 64 * kKiB + 12 * 80 * kKiB;
  double best = 1e300;
  for (std::uint32_t blocks = 1; blocks <= 29; ++blocks) {
    const auto rest = static_cast<std::uint8_t>((budget - blocks * 64 * kKiB) / (80 * kKiB));
    ModelHeap fixed({{64 * kKiB, static_cast<std::uint8_t>(blocks)}, {80 * kKiB, rest}}, 1);
    fixed.follows = false;
    run(fixed, 1, 30);
    best = std::min(best, static_cast<double>(run(fixed, 2, 50)));
  }
  CHECK(learned_calls < 1.2 * best);
}

TEST(learn, "capacity: a move takes five windows, and is told") {
  ModelHeap heap(two_classes(), 2);
  Random random(3);
  heap.tick();  // from here on it is counted
  CHECK_EQ(windows_until(heap, random, Kind::kTrial), 2);
  const CapacityDecision trial = heap.last();
  CHECK_EQ(int{trial.capacities.trial_arms}, 2);
  CHECK_EQ(int{trial.capacities.blocks[0]}, 0);
  CHECK(trial.capacities.trial_blocks[0] > 16);
  CHECK(trial.capacities.trial_blocks[1] < 12);
  CHECK(trial.event.predicted_gain > 0.03);
  CHECK_EQ(windows_until(heap, random, Kind::kKept), 3);
  const CapacityDecision kept = heap.last();
  CHECK_EQ(int{kept.capacities.trial_arms}, 0);
  CHECK_EQ(int{kept.capacities.blocks[0]}, int{trial.capacities.trial_blocks[0]});
  CHECK(kept.event.measured_gain > 0);
  CHECK(kept.event.from != kept.event.to);
}

TEST(learn, "capacity: the first trial may be of any capacity, the next ones are twofold at most") {
  ModelHeap heap({{64 * kKiB, 4}, {80 * kKiB, 4}}, 1,
                 {.tick = ModelHeap::kTick, .budget_large = 60 * 64 * kKiB});
  Random random(3);
  int trials = 0;
  for (int window = 0; window < 60; ++window) {
    // The swings of the first class grow after a while.
    const std::uint32_t far = window < 20 ? 25 : 60;
    for (int i = 0; i < 100; ++i) {
      heap.magazine(0, 0).wander(random, far / 2, far);
      heap.magazine(0, 1).wander(random, 1, 4);
    }
    const std::uint32_t before = heap.blocks(0);
    if (heap.tick().event.kind != Kind::kTrial) continue;
    const std::uint32_t tried = heap.last().capacities.trial_blocks[0];
    if (++trials == 1) CHECK(tried > 2 * before);
    if (trials > 1 && tried != 0) CHECK(tried <= 2 * before && 2 * tried >= before);
  }
  CHECK(trials > 1);
}

TEST(learn, "capacity: a proposal that is worse in truth is rolled back within four windows") {
  ModelHeap heap(two_classes(), 2);
  // The other class takes no slow call, for its swings are just what its magazine holds: that half
  // of it would cost a lot is to be seen only in a trial.
  Random random(7);
  const auto window = [&] {
    for (std::size_t t = 0; t < 2; ++t) {
      for (int i = 0; i < 100; ++i) heap.magazine(t, 0).wander(random, 14, 25);
      for (int i = 0; i < 400; ++i) heap.magazine(t, 1).swing(12);
    }
    return heap.tick().event;
  };
  int before = 0;
  while (window().kind != Kind::kTrial && before < 20) ++before;
  CHECK(heap.last().event.kind == Kind::kTrial);
  int windows = 1;
  while (window().kind == Kind::kNone && windows < 20) ++windows;
  CHECK(heap.last().event.kind == Kind::kRolledBack);
  CHECK(windows <= 4);
  CHECK(heap.last().event.measured_gain < 0);
  CHECK(heap.last().capacities == Capacities{});
  CHECK(heap.controller().state() == Rollout::State::kResting);
}

TEST(learn, "capacity: budgets of their own allow more, and bound each of the two groups") {
  ModelHeap heap(
      {{8 * kKiB, 8}, {64 * kKiB, 8}}, 1,
      {.tick = ModelHeap::kTick, .budget_mid = 20 * 8 * kKiB, .budget_large = 30 * 64 * kKiB});
  Random random(5);
  for (int window = 0; window < 60; ++window) {
    for (int i = 0; i < 100; ++i) {
      heap.magazine(0, 0).wander(random, 30, 90);
      heap.magazine(0, 1).wander(random, 30, 90);
    }
    heap.tick();
  }
  CHECK_EQ(heap.blocks(0), 20u);
  CHECK_EQ(heap.blocks(1), 30u);
}

TEST(learn, "capacity: a budget is at most an eighth of the pool's limit") {
  HeapSnapshot policy;
  policy.learn_budget_mid = 64 * kMiB;
  policy.learn_budget_large = kMiB;
  CHECK_EQ(capacity_rules(policy, 64).budget_mid, 64 * kMiB);
  policy.max_bytes = 16 * kMiB;
  CHECK_EQ(capacity_rules(policy, 64).budget_mid, 2 * kMiB);
  CHECK_EQ(capacity_rules(policy, 64).budget_large, kMiB);
  policy.learn_budget_mid = 0;
  CHECK_EQ(capacity_rules(policy, 64).budget_mid, 0u);
}

TEST(learn, "capacity: a smaller budget is kept to at once, step by step") {
  ModelHeap heap(two_classes(), 1);
  run(heap, 1, 30);
  CHECK(heap.blocks(0) > 16);
  heap.controller().set_rules({.tick = ModelHeap::kTick, .budget_large = 12 * 64 * kKiB});
  Random random(2);
  CHECK_EQ(windows_until(heap, random, Kind::kFitted, 4), 1);
  run(heap, 3, 3);
  CHECK(heap.bytes(0) <= 12 * 64 * kKiB);
}

TEST(learn, "capacity: a change of phase is seen in one window, and its proposal is taken over") {
  ModelHeap heap(two_classes(), 1);
  run(heap, 1, 30, 0);
  const std::uint32_t before = heap.blocks(0);
  CHECK(before > 16);
  Random random(9);
  work(heap, random, 1);
  CHECK(heap.tick().event.kind == Kind::kJumped);
  CHECK(heap.blocks(1) > 12);
  CHECK(heap.blocks(0) < before);
  CHECK(heap.bytes(0) <= 16 * 64 * kKiB + 12 * 80 * kKiB);
}

TEST(learn, "capacity: the same traffic changes nothing any more, and freezes it") {
  ModelHeap heap(two_classes(), 2);
  run(heap, 1, 40);
  Random random(4);
  CHECK(windows_until(heap, random, Kind::kFrozen, 200) > 0);
  CHECK(heap.controller().state() == Rollout::State::kFrozen);
  const Capacities frozen = heap.last().capacities;
  run(heap, 5, 30);
  CHECK(heap.last().capacities == frozen);
  Random other(6);
  for (std::size_t t = 0; t < heap.threads(); ++t)
    for (int i = 0; i < 200; ++i) heap.magazine(t, 1).wander(other, 14, 25);
  CHECK(heap.tick().event.kind == Kind::kJumped);
  CHECK(heap.controller().state() == Rollout::State::kWatching);
}

TEST(learn, "capacity: what is frozen looks again when the same demand costs many more calls") {
  ModelHeap heap(two_classes(), 2);
  Random random(4);
  const auto window = [&](std::uint32_t far) {
    for (std::size_t t = 0; t < heap.threads(); ++t)
      for (int i = 0; i < 200; ++i) heap.magazine(t, 0).wander(random, 1, far);
    return heap.tick().event.kind;
  };
  int windows = 0;
  while (heap.controller().state() != Rollout::State::kFrozen && windows++ < 300) window(9);
  CHECK(heap.controller().state() == Rollout::State::kFrozen);
  for (int i = 0; i < 10; ++i) CHECK(window(9) == Kind::kNone);
  CHECK(heap.controller().state() == Rollout::State::kFrozen);
  // The blocks are asked for in the same shares as before: all of one class.
  window(60);
  CHECK(heap.controller().state() != Rollout::State::kFrozen);
}

TEST(learn, "capacity: windows with few calls say nothing") {
  ModelHeap heap(two_classes(), 1);
  for (int window = 0; window < 100; ++window) {
    heap.magazine(0, 0).swing(30);
    CHECK(heap.tick().event.kind == Kind::kNone);
  }
  CHECK(heap.controller().state() == Rollout::State::kWatching);
}

TEST(learn, "capacity: in a mode of trials alone nothing stays, and trials become rare") {
  ModelHeap heap(two_classes(), 2, {.tick = ModelHeap::kTick, .is_adopting = false});
  Random random(3);
  int trials = 0;
  int better = 0;
  for (int window = 0; window < 100; ++window) {
    work(heap, random);
    const CapacityDecision decision = heap.tick();
    trials += decision.event.kind == Kind::kTrial;
    better += decision.event.kind == Kind::kBetter;
    CHECK_EQ(int{decision.capacities.blocks[0]}, 0);
  }
  CHECK(trials >= 3 && trials <= 8);
  CHECK(better >= 3);
}

TEST(learn, "capacity: classes that are not learned are left alone") {
  ModelHeap heap({{64 * kKiB, 16}, {80 * kKiB, 0}}, 1);
  heap.magazine(0, 1).set_capacity(12);
  Random random(3);
  for (int window = 0; window < 30; ++window) {
    for (int i = 0; i < 100; ++i) heap.magazine(0, 0).wander(random, 20, 28);
    heap.tick();
    CHECK_EQ(int{heap.last().capacities.blocks[1]}, 0);
  }
}

TEST(learn, "capacity: hit rates follow their targets in steps, within the budget") {
  ModelHeap heap(two_classes(), 1,
                 {.rule = LearnRule::kHitRate,
                  .tick = ModelHeap::kTick,
                  .budget_large = 24 * 64 * kKiB + 12 * 80 * kKiB,
                  .target_mid = 0.65,
                  .target_large = 0.99,
                  .step_mid = 4,
                  .step_large = 1});
  Random random(3);
  heap.tick();
  work(heap, random);
  heap.tick();
  CHECK_EQ(heap.blocks(0), 17u);
  for (int window = 0; window < 100; ++window) {
    work(heap, random);
    heap.tick();
    CHECK(heap.bytes(0) <= 24 * 64 * kKiB + 12 * 80 * kKiB);
  }
  CHECK(heap.blocks(0) >= 20);
}

TEST(learn, "capacity: leases that nobody counts do not hinder it") {
  ModelHeap heap(two_classes(), 2);
  heap.counts_acquires = false;
  run(heap, 1, 30);
  CHECK(heap.blocks(0) > 16);
}

TEST(learn,
     "capacity: clocks, counts and numbers that make no sense lead back to the fixed limits") {
  const auto learned = [](ModelHeap& heap) {
    run(heap, 1, 30);
    CHECK(heap.blocks(0) > 16);
  };
  const auto is_fixed = [](const CapacityDecision& decision, Cause cause) {
    CHECK(decision.event.kind == Kind::kFellBack);
    CHECK(decision.event.cause == cause);
    CHECK(decision.capacities == Capacities{});
  };
  Random random(8);
  {
    ModelHeap heap(two_classes(), 2);
    learned(heap);
    work(heap, random);
    is_fixed(heap.tick(3600 * ModelHeap::kTick), Cause::kLate);
    // It goes on from there, after a rest.
    run(heap, 2, 30);
    CHECK(heap.blocks(0) > 16);
  }
  {
    ModelHeap heap(two_classes(), 2);
    learned(heap);
    work(heap, random);
    is_fixed(heap.tick_at(heap.now() - 2 * ModelHeap::kTick), Cause::kClock);
  }
  {
    ModelHeap heap(two_classes(), 2);
    learned(heap);
    work(heap, random);
    CapacitySamples samples = heap.samples();
    samples.classes[0].runs.runs[33] -= 1'000'000;
    is_fixed(heap.controller().step(samples, heap.now() + ModelHeap::kTick), Cause::kCounts);
  }
  {
    ModelHeap heap(two_classes(), 2);
    learned(heap);
    CapacitySamples samples = heap.samples();
    samples.arms[0].slow_calls = 0;
    is_fixed(heap.controller().step(samples, heap.now() + ModelHeap::kTick), Cause::kCounts);
  }
  {
    ModelHeap heap(two_classes(), 2);
    run(heap, 1, 8);
    while (heap.controller().state() != Rollout::State::kWatching) run(heap, 2, 1);
    CapacityFaults::spoil_curve(heap.controller());
    work(heap, random);
    is_fixed(heap.tick(), Cause::kNumber);
  }
}

TEST(learn, "capacity: who rested on purpose is not late") {
  ModelHeap heap(two_classes(), 2);
  run(heap, 1, 30);
  const std::uint32_t before = heap.blocks(0);
  heap.controller().rest();
  const CapacityDecision decision = heap.tick(3600 * ModelHeap::kTick);
  CHECK(decision.event.kind == Kind::kNone);
  CHECK_EQ(heap.blocks(0), before);
}

TEST(learn, "capacity: the same samples lead to the same decisions") {
  ModelHeap one(two_classes(), 3);
  ModelHeap other(two_classes(), 3);
  for (int window = 0; window < 80; ++window) {
    run(one, static_cast<std::uint64_t>(window), 1, window / 7 % 2);
    run(other, static_cast<std::uint64_t>(window), 1, window / 7 % 2);
    CHECK(one.last().capacities == other.last().capacities);
  }
}

TEST(learn,
     "capacity: whatever demand does, what is learned stays within the budget and the places") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Random random(seed);
    std::vector<ModelClass> classes;
    for (int i = 0; i < 6; ++i)
      classes.push_back({static_cast<std::uint32_t>((40 + random.below(200)) * kKiB),
                         static_cast<std::uint8_t>(1 + random.below(20))});
    ModelHeap heap(classes, 1 + random.below(3));
    ByteCount budget = 0;
    for (const ModelClass& one : classes) budget += ByteCount{one.fixed_blocks} * one.block_bytes;
    for (int window = 0; window < 60; ++window) {
      for (std::size_t t = 0; t < heap.threads(); ++t)
        for (std::size_t c = 0; c < classes.size(); ++c)
          for (std::uint64_t n = random.below(3) * random.below(60); n != 0; --n)
            heap.magazine(t, c).swing(static_cast<std::uint32_t>(random.below(80)));
      heap.tick();
      CHECK(heap.last().event.kind != Kind::kFellBack);
      for (std::size_t c = 0; c < classes.size(); ++c) CHECK(heap.blocks(c) <= kManySwings);
      CHECK(heap.bytes(0) <= budget);
    }
  }
}
