// Chooses among whole policies that were saved, by phase of traffic: they are rated as players are,
// by Elo's rule (A. E. Elo, "The Rating of Chessplayers, Past and Present", 1978), and drawn with
// softmax probabilities of their ratings.
//
//   phase    Traffic whose shares of the size classes differ by less than half. Each has ratings of
//            its own; the one that was seen longest ago makes way for a fifth.
//   bout     A policy holds for two intervals at least. The first one after a change has costs that
//            the policy before left behind, and is not rated.
//   exit     The interval in which another phase begins is on the bill of the policy that was in
//            force: what it cost beyond the usual counts as if each interval of a visit to the
//            phase that ends had its part. Where phases are short, one that suits the next one too
//            is better.
//   match    What the last intervals cost for each block that was asked for, some eight of them,
//            against what those of the others did in this phase. A policy that is 5 % cheaper has
//            69 % of the match, one that is 20 % cheaper 97 %; the farther they lie apart, the more
//            it counts. What was measured once counts in a few matches only, so that one bad
//            interval does not shut a policy out.
//   choice   Those that have not played in this phase come first. After that a policy which is 200
//            points behind comes up once where the best does 55 times, and none counts as more than
//            400 behind.
//   drift    The best costs twice what it did, for three intervals in a row: the ratings of the
//            phase are brought together, so that others get their turn again.
//
// Where it cannot go on, for a clock or figures that make no sense, it goes back to the first
// policy, forgets all ratings and says so.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/types.h"

namespace superslab {

/// Counts since the beginning, which never fall.
struct ContestSample {
  double cost = 0;  // ns
  /// Blocks that were asked for, by class.
  std::array<std::uint64_t, kClassSlots> demand{};
};

struct ContestDecision {
  enum class Cause : std::uint8_t { kNone, kClock, kLate, kCounts, kNumber };

  /// The policy of the next interval, by its place in the list.
  std::size_t policy = 0;
  /// Traffic changed to another phase, known or not.
  bool has_new_phase = false;
  /// Why it went back to the first policy, if it did.
  Cause fell_back = Cause::kNone;
};

class PolicyContest {
 public:
  static constexpr std::size_t kMaxPolicies = 8;
  static constexpr std::size_t kMaxPhases = 4;

  /// `policies`: 1 to kMaxPolicies. `tick`: the usual length of an interval.
  PolicyContest(std::size_t policies, Nanos tick) : policies_(policies), tick_(tick) {}

  /// An interval has passed. Calls come from one thread at a time. Allocates nothing.
  ContestDecision step(const ContestSample& sample, Nanos now);

  /// Of the policy `i` in the present phase; 0 is the middle.
  double rating(std::size_t i) const { return phases_[phase_].players[i].rating; }

 private:
  struct Player {
    double rating = 0;
    double rate = 0;              // what a block that is asked for costs; aged
    double usual = 0;             // the same, but for what may be drift
    double exit = 0;              // what it costs beyond that while another phase begins
    std::uint32_t intervals = 0;  // that were rated
    std::uint32_t matches = 0;    // that the last of them may still count in

    bool has_played() const { return intervals != 0; }
  };
  struct Phase {
    std::array<double, kClassSlots> shares{};  // aged
    std::array<Player, kMaxPolicies> players{};
    std::uint64_t seen = 0;        // step in which it was last seen; 0: never
    std::uint32_t visit = 0;       // intervals since it began
    double visit_length = 0;       // of the visits before; 0: there were none
    std::uint32_t dear_steps = 0;  // in a row

    /// What a block costs, with exits.
    double value(const Player& player) const {
      return visit_length == 0 ? player.rate : player.rate + player.exit / visit_length;
    }
  };
  using Shares = std::array<double, kClassSlots>;

  ContestDecision::Cause look(const ContestSample& sample, Nanos now) const;
  ContestDecision fall_back(ContestDecision::Cause cause);
  double take_shares(const ContestSample& sample, Shares& shares) const;
  bool enter_phase(const Shares& shares);
  void note_exit(Phase& phase, double cost_of_block) const;
  void rate(double cost_of_block);
  static void play(Phase& phase, Player& one, Player& other);
  void watch_drift(double cost_of_block);
  std::size_t best() const;
  std::size_t choose();
  double draw();

  const std::size_t policies_;
  const Nanos tick_;
  std::array<Phase, kMaxPhases> phases_{};
  std::size_t phase_ = 0;
  std::size_t chosen_ = 0;
  std::uint32_t held_ = 0;   // intervals since `chosen_` came into force
  std::uint64_t steps_ = 0;  // that had some demand
  std::uint32_t random_ = 0x9e3779b9;
  bool has_before_ = false;
  Nanos before_at_ = 0;
  ContestSample before_{};
};

}  // namespace superslab
