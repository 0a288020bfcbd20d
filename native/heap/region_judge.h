// Which memory should move to another node. Pure: from what was counted to a decision, on whatever
// time the caller has.
#pragma once

#include "space/region_use.h"

namespace superslab {

/// Intervals in a row in which too much of a region's use must be remote.
constexpr std::uint8_t kRemoteIntervals = 3;

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
  history.local += use.local;
  history.vote.add(use.vote.candidate, use.vote.lead);
  if (++history.intervals < kRemoteIntervals) return kNoNode;
  if (history.vote.lead <= history.local) {
    // Who uses it most may change: what was long ago weighs less.
    history.local /= 2;
    history.vote.lead /= 2;
    history.intervals = kRemoteIntervals - 1;
    return kNoNode;
  }
  const NodeOrdinal to = history.vote.candidate;
  history = {};
  return to;
}

}  // namespace superslab
