// How many blocks the magazines of each class hold, where that was learned or set. Whoever chooses
// it publishes it (Heap::publish_capacities) as part of the heap's snapshot.
#pragma once

#include <array>
#include <cstdint>

#include "base/types.h"

namespace superslab {

struct Capacities {
  /// By class; 0 is what the fixed limits say.
  std::array<std::uint8_t, kClassSlots> blocks{};
  /// The same while others are tried, for those of the heap's owners that go by them: of even
  /// number where bit 0 is set, of odd number where bit 1 is.
  std::array<std::uint8_t, kClassSlots> trial_blocks{};
  std::uint8_t trial_arms = 0;

  bool operator==(const Capacities&) const = default;
};

}  // namespace superslab
