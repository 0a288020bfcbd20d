// The division of a budget, against every other one.
#include <array>
#include <vector>

#include "check.h"
#include "heap_fixture.h"
#include "learn/capacity_knapsack.h"

using namespace superslab;
using namespace superslab_test;

namespace {

RunLengthCurve::Costs random_costs(Random& random) {
  RunCounts now;
  for (std::size_t w = 1; w < kManySwings; ++w)
    now.runs[w] = random.below(3) == 0 ? static_cast<std::uint32_t>(random.below(50)) : 0;
  RunLengthCurve curve;
  curve.add(RunCounts{}, now);
  RunLengthCurve::Costs costs;
  curve.costs(costs);
  return costs;
}

double cost_of(const std::vector<CapacityChoice>& classes) {
  double sum = 0;
  for (const CapacityChoice& one : classes) sum += (*one.costs)[one.chosen];
  return sum;
}

ByteCount bytes_of(const std::vector<CapacityChoice>& classes) {
  ByteCount sum = 0;
  for (const CapacityChoice& one : classes) sum += one.chosen * one.block_bytes;
  return sum;
}

double best_by_trying_all(std::vector<CapacityChoice> classes, ByteCount budget, std::size_t at) {
  if (at == classes.size()) return bytes_of(classes) <= budget ? cost_of(classes) : 1e300;
  double best = 1e300;
  for (std::uint32_t blocks = classes[at].least; blocks <= classes[at].most; ++blocks) {
    classes[at].chosen = static_cast<std::uint8_t>(blocks);
    best = std::min(best, best_by_trying_all(classes, budget, at + 1));
  }
  return best;
}

}  // namespace

TEST(learn, "knapsack: with blocks of one size no other division costs less") {
  Random random(17);
  for (int round = 0; round < 60; ++round) {
    std::array<RunLengthCurve::Costs, 3> costs;
    std::vector<CapacityChoice> classes;
    for (auto& one : costs) {
      one = random_costs(random);
      classes.push_back({.costs = &one, .block_bytes = 64, .least = 2, .most = 20, .current = 2});
    }
    const ByteCount budget = 64 * (6 + random.below(50));
    choose_capacities(classes, budget);
    CHECK(bytes_of(classes) <= budget);
    CHECK(cost_of(classes) <= best_by_trying_all(classes, budget, 0) + 1e-6);
  }
}

TEST(learn,
     "knapsack: with blocks of several sizes it is at most a large block's saving above the best") {
  Random random(23);
  for (int round = 0; round < 60; ++round) {
    std::array<RunLengthCurve::Costs, 3> costs;
    std::vector<CapacityChoice> classes;
    ByteCount bytes = 64;
    double most_saving = 0;
    for (auto& one : costs) {
      one = random_costs(random);
      classes.push_back(
          {.costs = &one, .block_bytes = bytes, .least = 1, .most = 16, .current = 1});
      bytes *= 2;
      most_saving = std::max(most_saving, one[1] - one[2]);
    }
    const ByteCount budget = 448 + random.below(4000);
    choose_capacities(classes, budget);
    CHECK(bytes_of(classes) <= budget);
    CHECK(cost_of(classes) <= best_by_trying_all(classes, budget, 0) + most_saving + 1e-6);
  }
}

TEST(learn,
     "knapsack: nobody loses blocks that no one else wants, and none are added for nothing") {
  RunLengthCurve::Costs idle{};
  RunLengthCurve::Costs busy{};
  for (std::uint32_t x = 1; x <= 64; ++x) busy[x] = x < 12 ? 120.0 / x - 10 : 0;
  std::vector<CapacityChoice> classes = {
      {.costs = &idle, .block_bytes = 64, .least = 8, .most = 32, .current = 16},
      {.costs = &busy, .block_bytes = 64, .least = 8, .most = 32, .current = 16}};
  choose_capacities(classes, 1u << 20);
  CHECK_EQ(int{classes[0].chosen}, 16);
  CHECK_EQ(int{classes[1].chosen}, 16);
  choose_capacities(classes, 64 * 24);
  CHECK_EQ(int{classes[0].chosen}, 12);
  CHECK_EQ(int{classes[1].chosen}, 12);
}

TEST(learn, "knapsack: each class has its least, whatever the budget is") {
  RunLengthCurve::Costs costs{};
  std::vector<CapacityChoice> classes = {
      {.costs = &costs, .block_bytes = 4096, .least = 3, .most = 9, .current = 5}};
  choose_capacities(classes, 0);
  CHECK_EQ(int{classes[0].chosen}, 3);
  choose_capacities({}, 100);
}
