// What a learner of capacities did, for who tells of it.
#pragma once

#include <cstdint>

#include "base/types.h"

namespace superslab {

/// Something that a step did.
struct CapacityEvent {
  enum class Kind : std::uint8_t {
    kNone,
    kTrial,       // a proposal holds for half of the owners
    kMoved,       // what it would have cost is known exactly, and it was taken over without a trial
    kKept,        // and was better
    kBetter,      // and was better, in a mode in which nothing stays
    kRolledBack,  // or was not
    kJumped,      // the phase changed, and the proposal of the new one was taken over
    kFitted,      // the budget is smaller than before, and capacities follow
    kFrozen,      // nothing changed for long
    kFellBack,    // to the fixed limits
  };
  enum class Cause : std::uint8_t { kNone, kClock, kLate, kCounts, kNumber };

  Kind kind = Kind::kNone;
  Cause cause = Cause::kNone;  // of kFellBack
  // As parts of the cost.
  double predicted_gain = 0;
  double measured_gain = 0;  // of kKept, kBetter and kRolledBack
  /// The class whose magazine changes by most bytes, in blocks.
  ClassIndex size_class{};
  std::uint8_t from = 0;
  std::uint8_t to = 0;
};

}  // namespace superslab
