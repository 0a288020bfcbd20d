// What a learner of purge delays did, for who tells of it.
#pragma once

#include "learn/capacity_event.h"
#include "learn/idle_times.h"
#include "policy/knob_types.h"

namespace superslab {

/// Something that a step did to the delay of a band.
struct PurgeEvent {
  using Kind = CapacityEvent::Kind;
  using Cause = CapacityEvent::Cause;

  Kind kind = Kind::kNone;
  Cause cause = Cause::kNone;  // of kFellBack
  double predicted_gain = 0;   // as a part of the cost
  IdleBand band = IdleBand::kSlabs;
  Millis from{};
  Millis to{};
};

}  // namespace superslab
