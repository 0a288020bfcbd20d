// The windows that JavaScript has in one environment, and which of them no longer fit.
#pragma once

#include <cassert>
#include <cstdint>
#include <span>
#include <vector>

#include "pools/buffer/block_number.h"
#include "pools/buffer/window.h"

namespace superslab {

/// From the environment's own thread. Slabs dissolve, and their slices are cut anew. A window of
/// the former cut would show a part of a block, or of a neighbour, so that JavaScript forgets it
/// before it leases a block of the new one.
class ShownWindows {
 public:
  explicit ShownWindows(const Space& space) : space_(space) {}

  /// JavaScript gets a window of `slice` as it is cut now; of a slice that was part of a slab.
  WindowCut show(SliceIndex slice);

  /// Whether JavaScript has a window of `slice` that shows a former cut.
  bool is_recut(SliceIndex slice) const;

  /// Looks at the slices of `blocks`, which JavaScript is about to lease. Whether recut() has any.
  bool note_recut(std::span<const BlockNumber> blocks);

  /// The slices whose windows JavaScript is to forget. Each stays here until it is shown again, so
  /// that JavaScript may be cut off at any point.
  const std::vector<SliceIndex>& recut() const { return recut_; }

  /// Calls drop(slice) for each window whose superslab is in no pool any more, or whose slice was
  /// cut anew, and forgets it.
  template <class Drop>
  void drop_stale(Drop drop) {
    assert(is_valid());
    for (std::size_t i = 0; i < shown_.size(); ++i) {
      const auto slice = static_cast<SliceIndex>(i);
      if (shown_[i] == WindowCut() || (is_in_slabs(slice) && !is_recut(slice))) continue;
      forget(slice);
      drop(slice);
    }
  }

  /// Whether each window lies in its superslab, and the recut ones are shown, each once.
  bool is_valid() const;

 private:
  bool is_in_slabs(SliceIndex slice) const;
  void forget(SliceIndex slice);

  const Space& space_;
  // By slice. WindowCut() is none: no slice starts with a single granule.
  std::vector<WindowCut> shown_;
  std::vector<SliceIndex> recut_;
};

}  // namespace superslab
