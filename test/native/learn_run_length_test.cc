// The miss curve, against magazines that were really as large.
#include <cmath>
#include <vector>

#include "check.h"
#include "magazine_fixture.h"

using namespace superslab;
using namespace superslab_test;

namespace {

using Call = RunLengthCounters::Call;

RunLengthCurve curve_of(const RunLengthCounters& counters) {
  RunCounts now;
  counters.add_to(now);
  RunLengthCurve curve;
  curve.add(RunCounts{}, now);
  return curve;
}

/// The same demand for each capacity.
ModelMagazine at_capacity(std::uint32_t capacity) {
  Random random(5);
  ModelMagazine magazine;
  magazine.set_capacity(capacity);
  for (int i = 0; i < 4000; ++i) magazine.wander(random, 20, 120);
  return magazine;
}

}  // namespace

TEST(learn,
     "run lengths: a run costs what it cost at its own capacity, and by the formula at others") {
  for (const std::uint32_t capacity : {1u, 2u, 5u, 16u, 40u, 64u}) {
    for (const std::uint32_t calls : {1u, 2u, 3u, 9u, 40u}) {
      RunLengthCounters counters;
      for (std::uint32_t i = 0; i < calls; ++i) counters.note(Call::kRefill, capacity);
      counters.note(Call::kSpill, capacity);
      const RunLengthCurve curve = curve_of(counters);
      CHECK_EQ(curve.runs(), 1.0);
      CHECK_EQ(curve.cost(capacity), static_cast<double>(calls));
      RunLengthCurve::Costs costs;
      curve.costs(costs);
      for (std::uint32_t x = 1; x <= 64; ++x) {
        const double expected = std::max(0.0, (calls + 1.0) * capacity / x - 1);
        CHECK(std::abs(curve.cost(x) - expected) < 1e-9);
        CHECK(std::abs(costs[x] - expected) < 1e-9);
      }
    }
  }
}

TEST(learn, "run lengths: runs of different capacities add up to one curve") {
  RunLengthCounters counters;
  counters.note(Call::kRefill, 8);
  counters.note(Call::kRefill, 8);  // w = 24
  counters.note(Call::kSpill, 8);
  counters.note(Call::kSpill, 20);  // the magazine has another capacity: w = 16, and then 40
  counters.note(Call::kRefill, 20);
  const RunLengthCurve curve = curve_of(counters);
  CHECK_EQ(curve.runs(), 3.0);
  CHECK_EQ(curve.volume(), 24.0 + 16.0 + 40.0);
  CHECK_EQ(curve.cost(10), 1.4 + 0.6 + 3.0);
  CHECK_EQ(curve.cost(32), 0.25);
}

TEST(learn, "run lengths: a thread that only frees is seen, in runs of bounded length") {
  RunLengthCounters counters;
  for (int i = 0; i < 1000; ++i) counters.note(Call::kSpill, 64);
  const RunLengthCurve curve = curve_of(counters);
  CHECK(curve.runs() >= 15);
  CHECK(std::abs(curve.cost(32) / curve.cost(64) - 2) < 0.05);
}

TEST(learn, "run lengths: counts that wrap around are differences all the same") {
  RunCounts before;
  RunCounts now;
  before.runs[7] = UINT32_MAX - 1;
  now.runs[7] = 3;
  before.runs[0] = UINT32_MAX;
  now.runs[0] = 0;
  before.many_sum = UINT32_MAX - 99;
  now.many_sum = 28;
  RunLengthCurve curve;
  curve.add(before, now);
  CHECK_EQ(curve.runs(), 6.0);
  CHECK_EQ(curve.volume(), 5 * 7.0 + 128);
}

TEST(learn, "run lengths: the curve never rises, and is convex") {
  Random random(3);
  for (int round = 0; round < 50; ++round) {
    RunCounts now;
    for (std::size_t w = 1; w < kManySwings; ++w)
      now.runs[w] = static_cast<std::uint32_t>(random.below(20));
    now.runs[0] = static_cast<std::uint32_t>(random.below(10));
    now.many_sum = now.runs[0] * 64 + static_cast<std::uint32_t>(random.below(1000));
    if (now.runs[0] == 0) now.many_sum = 0;
    RunLengthCurve curve;
    curve.add(RunCounts{}, now);
    RunLengthCurve::Costs costs;
    curve.costs(costs);
    for (std::uint32_t x = 1; x < 64; ++x) CHECK(costs[x] >= costs[x + 1] - 1e-9);
    for (std::uint32_t x = 2; x < 64; ++x)
      CHECK(costs[x - 1] - costs[x] >= costs[x] - costs[x + 1] - 1e-9);
  }
}

TEST(learn, "run lengths: what a magazine tells of others is what those cost, within a sixth") {
  const RunLengthCurve curve = curve_of(at_capacity(16).counters);
  for (const std::uint32_t capacity : {8u, 12u, 16u, 24u, 32u}) {
    const ModelMagazine real = at_capacity(capacity);
    const auto calls = static_cast<double>(real.refills + real.spills);
    CHECK(std::abs(curve.cost(capacity) / calls - 1) < 1.0 / 6);
  }
}
