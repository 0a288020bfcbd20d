// What a pool tells of how it adapts to its demand: copies, for who shows them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/types.h"
#include "heap/size_class.h"
#include "learn/controller.h"
#include "learn/demand_windows.h"

namespace superslab {

/// What was done last, the latest first. One after the other of the same kind and class are one.
struct AdaptationFigures {
  static constexpr std::size_t kActions = 12;

  struct Entry {
    Action action;
    Nanos at = 0;  // since the Unix epoch; 0 in a place without an action
  };
  std::array<Entry, kActions> actions;
};

/// The demand windows of a pool, from the running interval back.
struct DemandHistory {
  struct Interval {
    Nanos started = 0;  // since the Unix epoch
    std::uint32_t huge_acquires = 0;
    std::array<ClassDemand, kFixedClasses> classes;
  };
  Nanos interval = 0;  // how long each is
  std::size_t count = 0;
  std::array<Interval, DemandWindows::kIntervals> intervals;
};

}  // namespace superslab
