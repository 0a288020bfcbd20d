// Learns how many blocks the magazine of each class holds, from the lengths of its runs. Two rules
// can be chosen:
//
//   curve    All capacities at once, under a budget of bytes, so that there are fewest slow calls:
//            the miss curves of learn/run_length_curve.h, the knapsack of capacity_knapsack.h, and
//            the frame of rollout.h. The first proposal that is tried may be any, and each one
//            after it is twofold at most. When the shares of the classes change at once, what was
//            counted before is forgotten, and the proposal is taken over as it is.
//   hitrate  That of HAKMEM: a class whose hits are below a target gets some blocks more, one whose
//            hits are above it some less, within the budget, and nothing is compared.
//
// Where it cannot go on, for a clock or counts that make no sense, it goes back to the fixed limits
// and says so.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "base/types.h"
#include "learn/capacity_event.h"
#include "learn/capacity_knapsack.h"
#include "learn/capacity_samples.h"
#include "learn/rollout.h"
#include "policy/capacities.h"
#include "policy/snapshot.h"

namespace superslab {

/// What it goes by; see the LEARN rows of policy/knobs.def.
struct CapacityRules {
  LearnRule rule = LearnRule::kCurve;
  Nanos tick = 0;
  /// Whether proposals stay that were better in a trial.
  bool is_adopting = true;
  // Bytes of one thread; 0 is what the fixed limits of the classes in use come to.
  ByteCount budget_mid = 0;
  ByteCount budget_large = 0;
  // Of "hitrate": a part of the requests, and blocks.
  double target_mid = 0;
  double target_large = 0;
  std::uint32_t step_mid = 1;
  std::uint32_t step_large = 1;
  /// Places of a magazine.
  std::uint32_t most_blocks = kManySwings;
};

CapacityRules capacity_rules(const HeapSnapshot& policy, std::uint32_t most_blocks);

struct CapacityDecision {
  Capacities capacities;
  CapacityEvent event;
  /// By the miss curves: slow calls of this window that the fixed limits would have cost beyond
  /// those that there were; negative when they would have cost less.
  double saved_calls = 0;
};

class CapacityController {
 public:
  explicit CapacityController(const CapacityRules& rules) : rules_(rules) {}

  /// A tick. Calls come from one thread at a time. Allocates nothing.
  CapacityDecision step(const CapacitySamples& samples, Nanos now);

  /// Nobody looks from now on until there is something to look at: the next step begins anew, and
  /// keeps what was learned.
  void rest() { has_before_ = false; }

  /// What was learned and counted counts no more.
  void forget();

  /// Starts from these, such as those of a policy that was saved.
  void start_from(const Capacities& learned) { current_ = learned.blocks; }

  void set_rules(const CapacityRules& rules) { rules_ = rules; }
  Rollout::State state() const { return rollout_.state(); }

 private:
  friend struct CapacityFaults;  // for tests

  using Blocks = std::array<std::uint8_t, kClassSlots>;
  using Curves = std::array<RunLengthCurve, kClassSlots>;
  enum class Reach : std::uint8_t { kTwofold, kAnywhere };

  CapacityEvent::Cause look(const CapacitySamples& samples, Nanos now);
  void take_window(const CapacitySamples& samples);
  void begin(const CapacitySamples& samples, Nanos now);
  CapacityEvent learn(const CapacitySamples& samples);
  CapacityEvent follow_hit_rate(const CapacitySamples& samples);
  CapacityEvent follow_curves(const CapacitySamples& samples);
  CapacityEvent change_phase(const CapacitySamples& samples);
  CapacityEvent end_trial(const CapacitySamples& samples, Rollout::Verdict verdict);
  CapacityEvent fall_back(CapacityEvent::Cause cause);
  CapacityEvent change(const CapacitySamples& samples, CapacityEvent::Kind kind, const Blocks& to);

  void add_window(const CapacitySamples& samples);
  bool is_new_phase() const;
  bool is_costlier() const;
  bool is_quiet() const;
  bool is_idle() const;
  bool is_in_use(const CapacitySamples& samples, std::size_t i) const;
  std::uint32_t blocks_of(const CapacitySamples& samples, std::size_t i, const Blocks& of) const;
  ByteCount budget(const CapacitySamples& samples, bool is_large) const;
  bool is_within_budget(const CapacitySamples& samples) const;
  double cost(const CapacitySamples& samples, const Curves& curves, const Blocks& of) const;
  double propose(const CapacitySamples& samples, Reach reach);
  void propose_group(const CapacitySamples& samples, Reach reach, bool is_large);
  double saved_calls(const CapacitySamples& samples) const;

  CapacityRules rules_;
  Rollout rollout_;
  Blocks current_{};
  Blocks proposal_{};
  Reach reach_ = Reach::kAnywhere;  // of the next proposal
  double predicted_gain_ = 0;
  Curves learned_{};  // of all windows, aged
  Curves window_{};   // of the last one
  ArmCosts arms_{};   // likewise
  using Demand = std::array<double, kClassSlots>;
  Demand learned_demand_{};      // aged, too
  double learned_calls_ = 0;     // of all windows, aged as the curves are
  double learned_requests_ = 0;  // likewise
  Demand window_demand_{};
  bool counts_acquires_ = false;  // else demand is told by the runs
  double window_calls_ = 0;
  bool has_before_ = false;
  Nanos before_at_ = 0;
  CapacitySamples before_{};
  // While it proposes; here, since a thread of a program may have a small stack.
  std::array<RunLengthCurve::Costs, kClassSlots> costs_{};
  std::array<CapacityChoice, kClassSlots> choices_{};
  std::array<std::uint8_t, kClassSlots> choice_classes_{};  // whose choices those are
};

}  // namespace superslab
