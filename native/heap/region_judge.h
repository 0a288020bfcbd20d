// Which memory should move to another node. Pure: from what was counted to a decision, on whatever
// time the caller has.
#pragma once

#include "space/region_use.h"

namespace superslab {

/// Intervals in a row in which too much of a region's use must be remote.
constexpr std::uint32_t kRemoteIntervals = 3;

/// Ends an interval in which a region was used as `use` says. Returns the node to move it to, or
/// kNoNode.
///
/// It is due to move once more than `share` percent of its use was remote in kRemoteIntervals in a
/// row, and in all of them together one other node used it more than its own did: to anywhere else
/// the move would make more of its use remote, not less. An interval without any use ends the row.
constexpr NodeOrdinal end_interval(RegionHistory& history, const RegionUse& use,
                                   std::uint32_t share) {
  if (std::uint64_t{use.remote} * 100 <= std::uint64_t{use.total()} * share) {
    history = {};
    return kNoNode;
  }
  history.use.add(use);
  if (++history.intervals < kRemoteIntervals) return kNoNode;
  if (history.use.lead <= history.use.local) {
    // Who uses it most may change: what was long ago weighs less.
    history.use.halve();
    history.intervals = kRemoteIntervals - 1;
    return kNoNode;
  }
  const NodeOrdinal to = history.use.candidate;
  history = {};
  return to;
}

}  // namespace superslab
