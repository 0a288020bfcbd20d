// How every learned value comes into force: the frame that all controllers share.
//
//   watching   A proposal counts when its predicted gain is over 3 % in two windows running.
//   trial      It then holds for half of the owners for three windows, and the costs of both halves
//              are compared in the same windows, each with its own before. Where only one half is
//              at work, the windows alternate instead: trial, control, trial.
//   resting    A proposal that was not better is rolled back, and no other one is looked at for
//   some
//              windows: twice as many each time, until one is kept.
//   frozen     After 60 windows without a change nothing is proposed any more.
//
// A change of phase ends each of them. A window is one tick with enough in it to be judged.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace superslab {

/// Halves of the owners: those of even and of odd number.
constexpr std::size_t kArms = 2;

/// What one half did in one window.
struct ArmCost {
  double cost = 0;
  /// What the cost is for, as blocks that callers were lent; 0 where that is not counted.
  double demand = 0;
};
using ArmCosts = std::array<ArmCost, kArms>;

class Rollout {
 public:
  static constexpr double kLeastGain = 0.03;
  static constexpr std::uint32_t kConfirmations = 2;
  static constexpr std::uint32_t kTrialWindows = 3;
  static constexpr std::uint32_t kFirstRest = 2;
  static constexpr std::uint32_t kMostRest = 64;
  static constexpr std::uint32_t kWindowsToFreeze = 60;

  enum class State : std::uint8_t { kWatching, kTrial, kResting, kFrozen };
  enum class Verdict : std::uint8_t { kNone, kBegin, kKeep, kRollBack, kFreeze };

  State state() const { return state_; }
  /// Whether step() wants to know what the best proposal would gain.
  bool wants_proposal() const { return state_ == State::kWatching; }
  /// The halves that go by the proposal now: bit 0 is the even one.
  std::uint8_t trial_arms() const;
  /// Of the last trial that ended: what it gained by comparison, as a part of the cost.
  double measured_gain() const { return measured_gain_; }
  /// Windows that a proposal which is rolled back now would be followed by.
  std::uint32_t rest() const { return rest_; }

  /// A window has passed. `predicted_gain`: of the best proposal, as a part of the present cost; 0
  /// when there is none. After kKeep either note_change() or punish() is called.
  Verdict step(const ArmCosts& arms, double predicted_gain);

  /// What was compared so far holds no more; whether a trial was under way, which has to be undone.
  bool begin_phase();
  /// The value was changed, after a trial or by other means.
  void note_change();
  /// A proposal was no good, or was not wanted: nothing is proposed for some windows, twice as many
  /// as the last time.
  void punish();

 private:
  enum class Sides : std::uint8_t { kBoth, kEven, kOdd };

  Verdict watch(double predicted_gain);
  Verdict try_on(const ArmCosts& arms);
  void begin_trial();
  void begin_rest(std::uint32_t windows);
  double compare() const;

  State state_ = State::kWatching;
  Sides sides_ = Sides::kBoth;
  std::uint32_t confirmations_ = 0;
  std::uint32_t windows_ = 0;    // of the trial so far, or left to rest
  std::uint32_t unchanged_ = 0;  // windows since the value changed
  std::uint32_t rest_ = kFirstRest;
  double measured_gain_ = 0;
  ArmCosts before_{};    // of windows without a trial, aged
  ArmCosts on_trial_{};  // of those of the trial, in which the arm goes by the proposal
  ArmCosts control_{};   // and in which it does not
};

}  // namespace superslab
