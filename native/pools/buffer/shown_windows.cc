#include "pools/buffer/shown_windows.h"

#include <algorithm>
#include <cassert>
#include <cstdint>

namespace superslab {

WindowCut ShownWindows::show(SliceIndex slice) {
  const std::size_t i = to_index(slice);
  if (shown_.size() <= i) shown_.resize(i + 1);
  forget(slice);
  shown_[i] = window_cut_at(space_, slice);
  assert(!is_recut(slice));
  return shown_[i];
}

bool ShownWindows::is_recut(SliceIndex slice) const {
  const std::size_t i = to_index(slice);
  return i < shown_.size() && shown_[i] != WindowCut() && shown_[i] != window_cut_at(space_, slice);
}

bool ShownWindows::note_recut(std::span<const BlockNumber> blocks) {
  SliceIndex last{UINT32_MAX};  // that of no block
  for (const BlockNumber block : blocks) {
    const SliceIndex slice = slice_of(block);
    if (slice == last) continue;  // most blocks of a batch are neighbours
    last = slice;
    if (!is_recut(slice)) continue;
    std::erase(recut_, slice);
    recut_.push_back(slice);
  }
  assert(is_valid());
  return !recut_.empty();
}

bool ShownWindows::is_valid() const {
  for (std::size_t i = 0; i < shown_.size(); ++i) {
    if (shown_[i] == WindowCut()) continue;
    const std::size_t start = shown_[i].start();
    const std::size_t before = place_in_superslab(static_cast<SliceIndex>(i)) * kGranulesPerSlice;
    if (start >= kGranulesPerSlice || before + start + shown_[i].granules() > kGranulesPerSuperslab)
      return false;
  }
  for (auto at = recut_.begin(); at != recut_.end(); ++at) {
    const std::size_t i = to_index(*at);
    if (i >= shown_.size() || shown_[i] == WindowCut() || std::find(recut_.begin(), at, *at) != at)
      return false;
  }
  return true;
}

bool ShownWindows::is_in_slabs(SliceIndex slice) const {
  return space_.superslab(superslab_of_slice(slice)).use.load(std::memory_order_relaxed) ==
         SuperslabUse::kSlabs;
}

void ShownWindows::forget(SliceIndex slice) {
  shown_[to_index(slice)] = WindowCut();
  std::erase(recut_, slice);
}

}  // namespace superslab
