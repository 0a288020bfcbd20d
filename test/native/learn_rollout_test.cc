// The frame of all controllers: confirmation, trial, verdict, rest, freeze.
#include "check.h"
#include "learn/rollout.h"

using namespace superslab;

namespace {

using State = Rollout::State;
using Verdict = Rollout::Verdict;

constexpr ArmCosts kBoth = {{{100, 1000}, {100, 1000}}};
constexpr ArmCosts kOne = {{{100, 1000}, {0, 0}}};

/// Brings it to a trial, and returns how many windows that took.
int reach_trial(Rollout& rollout, const ArmCosts& arms) {
  for (int windows = 1; windows < 200; ++windows)
    if (rollout.step(arms, 0.2) == Verdict::kBegin) return windows;
  return 0;
}

}  // namespace

TEST(learn, "rollout: a gain over 3 % twice running begins a trial on half of the owners") {
  Rollout rollout;
  CHECK(rollout.step(kBoth, 0.2) == Verdict::kNone);
  CHECK(rollout.step(kBoth, 0.03) == Verdict::kNone);
  CHECK(rollout.step(kBoth, 0.2) == Verdict::kNone);
  CHECK_EQ(int{rollout.trial_arms()}, 0);
  CHECK(rollout.step(kBoth, 0.031) == Verdict::kBegin);
  CHECK_EQ(int{rollout.trial_arms()}, 2);
  CHECK(!rollout.wants_proposal());
}

TEST(learn, "rollout: three windows decide, by what the halves cost in the same windows") {
  Rollout rollout;
  (void)reach_trial(rollout, kBoth);
  // Twice the traffic for both, and the half on trial takes fewer calls for it.
  const ArmCosts better = {{{200, 2000}, {150, 2000}}};
  CHECK(rollout.step(better, 0) == Verdict::kNone);
  CHECK(rollout.step(better, 0) == Verdict::kNone);
  CHECK(rollout.step(better, 0) == Verdict::kKeep);
  CHECK(rollout.measured_gain() > 0.249 && rollout.measured_gain() < 0.251);
  CHECK(rollout.state() == State::kWatching);
}

TEST(learn, "rollout: halves that differed before are compared each with itself") {
  Rollout rollout;
  const ArmCosts uneven = {{{100, 1000}, {500, 1000}}};
  (void)reach_trial(rollout, uneven);
  // The half on trial still costs more, but less than it did.
  const ArmCosts arms = {{{100, 1000}, {400, 1000}}};
  (void)rollout.step(arms, 0);
  (void)rollout.step(arms, 0);
  CHECK(rollout.step(arms, 0) == Verdict::kKeep);
}

TEST(learn, "rollout: a worse trial is rolled back, and the rest doubles until one is kept") {
  Rollout rollout;
  const auto end_trial = [&](const ArmCosts& arms) {
    (void)rollout.step(arms, 0);
    (void)rollout.step(arms, 0);
    return rollout.step(arms, 0);
  };
  for (const int rest : {0, 2, 4, 8}) {
    CHECK_EQ(reach_trial(rollout, kBoth), 2 + rest);
    CHECK(end_trial({{{100, 1000}, {130, 1000}}}) == Verdict::kRollBack);
    CHECK(rollout.state() == State::kResting);
    CHECK_EQ(int{rollout.trial_arms()}, 0);
  }
  CHECK_EQ(reach_trial(rollout, kBoth), 2 + 16);
  CHECK(end_trial({{{100, 1000}, {70, 1000}}}) == Verdict::kKeep);
  rollout.note_change();
  CHECK_EQ(reach_trial(rollout, kBoth), 2);
  CHECK(end_trial({{{100, 1000}, {130, 1000}}}) == Verdict::kRollBack);
  CHECK_EQ(reach_trial(rollout, kBoth), 2 + 2);
}

TEST(learn, "rollout: proposals that are never better freeze it, too") {
  Rollout rollout;
  const ArmCosts worse = {{{100, 1000}, {130, 1000}}};
  int windows = 0;
  while (rollout.state() != State::kFrozen && windows < 200) {
    (void)rollout.step(rollout.trial_arms() == 0 ? kBoth : worse, 0.2);
    ++windows;
  }
  CHECK(windows < 100);
}

TEST(learn, "rollout: with one half at work the windows alternate") {
  Rollout rollout;
  (void)reach_trial(rollout, kOne);
  CHECK_EQ(int{rollout.trial_arms()}, 3);
  (void)rollout.step({{{50, 1000}, {0, 0}}}, 0);
  CHECK_EQ(int{rollout.trial_arms()}, 0);
  (void)rollout.step({{{100, 1000}, {0, 0}}}, 0);
  CHECK_EQ(int{rollout.trial_arms()}, 3);
  CHECK(rollout.step({{{60, 1000}, {0, 0}}}, 0) == Verdict::kKeep);
  CHECK(rollout.measured_gain() > 0.449 && rollout.measured_gain() < 0.451);
}

TEST(learn, "rollout: where nothing can be said it is rolled back") {
  Rollout rollout;
  (void)reach_trial(rollout, kBoth);
  const ArmCosts silent = {{{0, 0}, {0, 0}}};
  (void)rollout.step(silent, 0);
  (void)rollout.step(silent, 0);
  CHECK(rollout.step(silent, 0) == Verdict::kRollBack);
  CHECK_EQ(rollout.measured_gain(), 0.0);
}

TEST(learn, "rollout: sixty windows without a change freeze it, and a new phase thaws it") {
  Rollout rollout;
  int windows = 0;
  while (rollout.step(kBoth, 0) != Verdict::kFreeze) ++windows;
  CHECK_EQ(windows, 59);
  CHECK(rollout.state() == State::kFrozen);
  CHECK(!rollout.wants_proposal());
  CHECK(rollout.step(kBoth, 0.9) == Verdict::kNone);
  CHECK(!rollout.begin_phase());
  CHECK_EQ(reach_trial(rollout, kBoth), 2);
  CHECK(rollout.begin_phase());
  CHECK(rollout.state() == State::kWatching);
}

TEST(learn, "rollout: a gain that is no number begins nothing") {
  Rollout rollout;
  for (int i = 0; i < 5; ++i) CHECK(rollout.step(kBoth, __builtin_nan("")) == Verdict::kNone);
}
