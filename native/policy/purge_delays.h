// How long idle memory of each band is kept, where that was learned. Whoever learns it publishes it
// (Heap::publish_purge_delays) as part of the heap's snapshot.
#pragma once

#include <array>

#include "policy/knob_types.h"

namespace superslab {

struct PurgeDelays {
  /// Of slabs, and of blocks beyond 2 MiB; 0 is what the policy says.
  std::array<Millis, 2> of{};

  bool operator==(const PurgeDelays&) const = default;
};

}  // namespace superslab
