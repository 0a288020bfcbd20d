// What a heap tells of what it learns: copies, for who shows them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/types.h"
#include "learn/capacity_event.h"
#include "learn/purge_event.h"
#include "learn/rollout.h"
#include "policy/knob_types.h"
#include "policy/purge_delays.h"

namespace superslab {

struct LearningFigures {
  static constexpr std::size_t kEvents = 12;

  enum class Learner : std::uint8_t { kCapacity, kPurge };
  struct Entry {
    Learner learner = Learner::kCapacity;
    // Of the learner that it names.
    CapacityEvent event{};
    PurgeEvent purge{};
    Nanos at = 0;  // since the Unix epoch; 0 in a place without an event
  };
  /// kOff where nothing was ever learned: all else is then empty.
  LearnMode mode = LearnMode::kOff;
  Rollout::State state = Rollout::State::kWatching;
  /// Of the learner itself and of what it counts in each thread.
  ByteCount own_bytes = 0;
  /// What the present capacities differ in, by class; 0 elsewhere.
  std::array<std::uint8_t, kClassSlots> blocks{};
  /// The purge delays that were learned.
  PurgeDelays delays{};
  /// Events so far.
  std::uint64_t count = 0;
  /// The latest first.
  std::array<Entry, kEvents> events;
};

}  // namespace superslab
