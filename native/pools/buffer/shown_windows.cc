#include "pools/buffer/shown_windows.h"

namespace superslab {

WindowCut ShownWindows::show(SliceIndex slice) {
  if (shown_.size() <= slice) shown_.resize(slice + 1);
  forget(slice);
  return shown_[slice] = window_cut_at(space_, slice);
}

bool ShownWindows::is_recut(SliceIndex slice) const {
  return slice < shown_.size() && shown_[slice] != WindowCut() &&
         shown_[slice] != window_cut_at(space_, slice);
}

bool ShownWindows::note_recut(std::span<const BlockNumber> blocks) {
  SliceIndex last = ~SliceIndex{0};
  for (const BlockNumber block : blocks) {
    const SliceIndex slice = slice_of(block);
    if (slice == last) continue;  // most blocks of a batch are neighbours
    last = slice;
    if (!is_recut(slice)) continue;
    std::erase(recut_, slice);
    recut_.push_back(slice);
  }
  return !recut_.empty();
}

bool ShownWindows::is_in_slabs(SliceIndex slice) const {
  return space_.superslab(superslab_of_slice(slice)).use.load(std::memory_order_relaxed) ==
         SuperslabUse::kSlabs;
}

void ShownWindows::forget(SliceIndex slice) {
  shown_[slice] = WindowCut();
  std::erase(recut_, slice);
}

}  // namespace superslab
