// Decides how many empty slabs of each class a heap keeps for bursts that come back, and what it
// populates while demand grows.
//
//   keep     As much of a class as three of the last six intervals took beside what they had
//            throughout, and gave back. A load that ends once, or a single outlier, keeps nothing.
//   shrink   Once it is a quarter less, or nothing, and not within an interval of the last change:
//            so that noise changes nothing, and memory goes soon after a burst was missed four
//            times.
//   move     All together keep no more than a quarter beyond what the heap took at once in three of
//            those intervals. Where they would, each has its share of that, so that what a new
//            class gains others lose: not within an interval of their last change, and not the last
//            empty slab of a class that is still wanted, unless nothing else makes it fit.
//   expand   A class that grew with each of the last three ticks gets memory for the next one, as
//            much as for the slowest of the three.
//
// Evidence of three intervals and the pause after a change are what memcached's automover had to
// learn (memcached issues 677, 695, 884 and 1187): bursts, starved classes, slabs that go to and
// fro.
#pragma once

#include <array>
#include <cstdint>

#include "learn/controller.h"
#include "learn/demand_windows.h"

namespace superslab {

class ReserveController final : public Controller {
 public:
  /// `windows` outlives the controller, and has noted the samples when step() gets them. `tick` is
  /// the usual time between two steps.
  ReserveController(const DemandWindows& windows, Nanos tick) : windows_(windows), tick_(tick) {}

  Decision step(const Samples& samples, Nanos now) override;

 private:
  /// Most bytes that one step populates: some 20 ms of a thread.
  static constexpr ByteCount kMostExpandBytes = 64 * kMiB;
  /// Steps that a class must grow with.
  static constexpr std::size_t kGrowingTicks = 3;

  struct ClassState {
    std::uint32_t ready = 0;  // empty slabs that are kept
    bool has_changed = false;
    Nanos changed_at = 0;
    std::uint32_t busy_before = 0;
    std::array<std::uint32_t, kGrowingTicks> growth{};  // of slabs that are busy, tick by tick
  };
  using Slabs = std::array<std::uint32_t, kClassSlots>;
  /// What classes gain in one step that none has given yet; told as the last one's.
  struct Gain {
    ClassIndex size_class{};
    ByteCount bytes = 0;
    ByteCount evidence_bytes = 0;
  };

  bool rests(const ClassState& state, Nanos now) const {
    return state.has_changed && now - state.changed_at < windows_.interval();
  }
  std::uint32_t wanted(ClassIndex c, Nanos now) const;
  void give_up(Pressure pressure, const Samples& samples, Slabs& next, Decision& out) const;
  void fit_to_peak(const Samples& samples, Nanos now, Slabs& next) const;
  std::uint32_t fair_share(std::size_t i, std::uint32_t wanted, double part, Nanos now) const;
  void change(const Samples& samples, Nanos now, const Slabs& next, Decision& out);
  void note_loss(std::size_t i, std::uint32_t slabs, const Samples& samples, Gain& gain,
                 Decision& out) const;
  ByteCount expand(const Samples& samples, Nanos now, Decision& out);
  void fill_reserve(const Samples& samples, Decision& out) const;

  const DemandWindows& windows_;
  const Nanos tick_;
  Nanos stepped_at_ = 0;
  std::array<ClassState, kClassSlots> classes_{};
};

}  // namespace superslab
