// Saved policies in a contest, on synthetic time and synthetic costs.
#include <cmath>
#include <limits>

#include "check.h"
#include "learn/policy_contest.h"

using namespace superslab;

namespace {

constexpr Nanos kTick = 1'000'000'000;
using Cause = ContestDecision::Cause;
using Costs = std::array<double, PolicyContest::kMaxPolicies>;

/// A program whose blocks cost what the policy in force says, in phases of different classes.
class Program {
 public:
  explicit Program(std::size_t policies) : contest_(policies, kTick) { (void)step(); }

  /// An interval of a phase: each of 1,000 blocks costs what `costs` says of the policy in force,
  /// give or take `noise`. Returns which policy that was.
  std::size_t run(const Costs& costs, std::size_t phase = 0, double noise = 0) {
    const std::size_t used = policy_;
    random_ = random_ * 1664525 + 1013904223;
    const double swing = 1 + noise * (random_ / 2147483648.0 - 1);
    sample_.cost += 1000 * costs[used] * swing;
    sample_.demand[phase] += 1000;
    spent_ += 1000 * costs[used] * swing;
    now_ += kTick;
    last_ = step();
    return used;
  }
  ContestDecision step() {
    const ContestDecision decision = contest_.step(sample_, now_);
    policy_ = decision.policy;
    return decision;
  }
  /// What was spent since the last call.
  double take_spent() {
    const double spent = spent_;
    spent_ = 0;
    return spent;
  }

  PolicyContest contest_;
  ContestSample sample_;
  ContestDecision last_;
  std::size_t policy_ = 0;
  Nanos now_ = 5 * kTick;

 private:
  double spent_ = 0;
  std::uint32_t random_ = 1;
};

constexpr Costs kFour = {100, 60, 80, 300};

}  // namespace

TEST(learn, "contest: after 40 intervals it costs 1.05 times the best at most") {
  for (std::size_t best = 0; best < 4; ++best) {
    Program program(4);
    Costs costs{};
    for (std::size_t i = 0; i < 4; ++i) costs[i] = kFour[(i + 5 - best) % 4];
    for (int i = 0; i < 40; ++i) (void)program.run(costs, 0, 0.2);
    (void)program.take_spent();
    for (int i = 0; i < 160; ++i) (void)program.run(costs, 0, 0.2);
    CHECK(program.take_spent() < 1.05 * 160 * 1000 * 60);
    CHECK(program.contest_.rating(best) > program.contest_.rating((best + 1) % 4));
  }
}

TEST(learn, "contest: eight policies of which one is a tenth cheaper") {
  Program program(8);
  const Costs costs = {100, 100, 100, 100, 100, 90, 100, 100};
  for (int i = 0; i < 40; ++i) (void)program.run(costs, 0, 0.05);
  (void)program.take_spent();
  for (int i = 0; i < 200; ++i) (void)program.run(costs, 0, 0.05);
  CHECK(program.take_spent() < 1.05 * 200 * 1000 * 90);
}

TEST(learn, "contest: a phase that comes again has its best policy at once") {
  Program program(2);
  const Costs one = {50, 100};
  const Costs other = {100, 50};
  for (int round = 0; round < 6; ++round)
    for (int i = 0; i < 20; ++i) (void)program.run(round % 2 == 0 ? one : other, round % 2);
  // It is told at the end of the first interval of a phase.
  (void)program.run(one, 0);
  CHECK(program.last_.has_new_phase);
  CHECK_EQ(program.policy_, std::size_t{0});
  for (int i = 0; i < 20; ++i) (void)program.run(one, 0);
  (void)program.run(other, 1);
  CHECK(program.last_.has_new_phase);
  CHECK_EQ(program.policy_, std::size_t{1});
}

TEST(learn, "contest: the best policy becomes dear in the same phase, and another takes over") {
  Program program(3);
  for (int i = 0; i < 60; ++i) (void)program.run({50, 100, 120}, 0, 0.1);
  CHECK_EQ(program.policy_, std::size_t{0});
  int intervals = 0;
  int others = 0;
  for (; intervals < 200; ++intervals) others += program.run({400, 100, 120}, 0, 0.1) != 0;
  CHECK(others > 150);
}

TEST(learn, "contest: one bad interval shuts no policy out") {
  Program program(2);
  // The better one pays for something else when it plays for the first time.
  for (int i = 0; i < 4; ++i) (void)program.run({100, 200});
  int used = 0;
  for (int i = 0; i < 400; ++i) used += program.run({100, 50}, 0, 0.05) == 1;
  CHECK(used > 200);
}

TEST(learn, "contest: the interval after a change is not rated") {
  Program program(2);
  // Who comes to the second one, which is cheaper, pays for what the first one left behind.
  std::size_t before = 0;
  int used = 0;
  for (int i = 0; i < 60; ++i) {
    const std::size_t now = program.policy_;
    (void)program.run({100, now == before ? 50.0 : 500.0});
    before = now;
    if (i >= 10) used += now == 1;
  }
  CHECK(used > 40);
}

TEST(learn, "contest: where phases are short, what the next one begins with counts") {
  const Costs first = {10, 20};
  const Costs second = {100, 10};
  for (const bool is_short : {true, false}) {
    Program program(2);
    const int visit = is_short ? 4 : 60;
    int used = 0;
    for (int i = 0; i < 20 * visit; ++i) {
      const bool is_second = i / visit % 2 != 0;
      const std::size_t policy = program.run(is_second ? second : first, is_second);
      if (i >= 10 * visit && !is_second) used += policy == 0;
    }
    // Of 5 visits to the first phase.
    CHECK(is_short ? used < visit : used > 4 * visit);
  }
}

TEST(learn, "contest: an interval without demand or cost changes nothing") {
  Program program(2);
  for (int i = 0; i < 20; ++i) (void)program.run({100, 50});
  const double rating = program.contest_.rating(1);
  for (int i = 0; i < 20; ++i) {
    program.now_ += kTick;
    (void)program.step();
  }
  CHECK(program.contest_.rating(1) == rating);
}

TEST(learn, "contest: figures that make no sense bring the first policy back, and are told") {
  struct Fault {
    Cause cause;
    void (*spoil)(Program& program);
  };
  const Fault faults[] = {
      {Cause::kClock, [](Program& p) { p.now_ -= 2 * kTick; }},
      {Cause::kLate, [](Program& p) { p.now_ += 3600 * kTick; }},
      {Cause::kCounts, [](Program& p) { p.sample_.cost -= 1; }},
      {Cause::kCounts, [](Program& p) { --p.sample_.demand[0]; }},
      {Cause::kNumber,
       [](Program& p) { p.sample_.cost = std::numeric_limits<double>::quiet_NaN(); }},
      {Cause::kNumber,
       [](Program& p) { p.sample_.cost = std::numeric_limits<double>::infinity(); }},
  };
  for (const Fault& fault : faults) {
    Program program(3);
    for (int i = 0; i < 30; ++i) (void)program.run({100, 50, 70});
    CHECK_EQ(program.policy_, std::size_t{1});
    const ContestSample sound = program.sample_;
    fault.spoil(program);
    const ContestDecision decision = program.step();
    CHECK(decision.fell_back == fault.cause);
    CHECK_EQ(decision.policy, std::size_t{0});
    // It goes on from there.
    program.sample_ = sound;
    (void)program.step();
    for (int i = 0; i < 40; ++i) (void)program.run({100, 50, 70});
    CHECK(program.contest_.rating(1) > program.contest_.rating(0));
  }
}

TEST(learn, "contest: costs of any size stay numbers") {
  Program program(2);
  for (int i = 0; i < 20; ++i) (void)program.run({1e-300, 1e290});
  CHECK(std::isfinite(program.contest_.rating(0)));
  CHECK(program.contest_.rating(0) > program.contest_.rating(1));
}
