// Intrusive lists of superslabs. The caller holds the lock of the heap that owns them.
#pragma once

#include <algorithm>
#include <bit>

#include "base/bits.h"
#include "space/superslab.h"

namespace superslab {

class SuperslabList {
 public:
  bool empty() const { return first_ == nullptr; }
  Superslab* first() const { return first_; }

  void push(Superslab* s) {
    s->prev = nullptr;
    s->next = first_;
    if (first_ != nullptr) first_->prev = s;
    first_ = s;
  }

  void remove(Superslab* s) {
    if (s->prev != nullptr) s->prev->next = s->next;
    if (s->next != nullptr) s->next->prev = s->prev;
    if (first_ == s) first_ = s->next;
    s->next = s->prev = nullptr;
  }

  /// Whether the links of neighbours agree. For assertions.
  bool is_valid() const {
    if (first_ != nullptr && first_->prev != nullptr) return false;
    for (const Superslab* s = first_; s != nullptr; s = s->next)
      if (s->next != nullptr && s->next->prev != s) return false;
    return true;
  }

 private:
  Superslab* first_ = nullptr;
};

/// Superslabs that are cut into slabs, by their longest range of free slices, so that one with room
/// is found without a search.
class SuperslabShelf {
 public:
  /// One with at least `slices` free slices in a row, as full as possible; nullptr when none has.
  Superslab* find(unsigned slices) const {
    const std::uint64_t ranges = ranges_ & ~low_ones(slices);
    return ranges == 0 ? nullptr : by_range_[std::countr_zero(ranges)].first();
  }

  /// The same among those that serve the threads of a node. Passes over others with as much room.
  Superslab* find_of(NodeOrdinal node, unsigned slices) const {
    for (std::uint64_t ranges = ranges_ & ~low_ones(slices); ranges != 0; ranges &= ranges - 1) {
      Superslab* s = by_range_[std::countr_zero(ranges)].first();
      while (s != nullptr && s->home_node.load(std::memory_order_relaxed) != node) s = s->next;
      if (s != nullptr) return s;
    }
    return nullptr;
  }

  void insert(Superslab* s) {
    s->free_range = static_cast<std::uint8_t>(longest_range(s->free_slices));
    by_range_[s->free_range].push(s);
    ranges_ |= std::uint64_t{1} << s->free_range;
  }

  /// Before free_slices changes.
  void remove(Superslab* s) {
    by_range_[s->free_range].remove(s);
    if (by_range_[s->free_range].empty()) ranges_ &= ~(std::uint64_t{1} << s->free_range);
  }

  /// Calls `visit` for each; it may remove or reinsert the one it is given.
  template <class Visit>
  void for_each(Visit visit) {
    for (SuperslabList& list : by_range_) {
      for (Superslab* s = list.first(); s != nullptr;) {
        Superslab* next = s->next;
        visit(s);
        s = next;
      }
    }
  }

  /// The same for those in which no slab is.
  template <class Visit>
  void for_each_whole(Visit visit) const {
    for (Superslab* s = by_range_[kSlicesPerSuperslab].first(); s != nullptr;) {
      Superslab* next = s->next;
      visit(s);
      s = next;
    }
  }

  /// Whether each list holds superslabs of its range alone, and only free slices hold memory or are
  /// known to read as zero. For assertions.
  bool is_valid() const {
    for (unsigned range = 0; range <= kSlicesPerSuperslab; ++range) {
      const SuperslabList& list = by_range_[range];
      if (!list.is_valid() || list.empty() == ((ranges_ >> range & 1) != 0)) return false;
      for (const Superslab* s = list.first(); s != nullptr; s = s->next)
        if (longest_range(s->free_slices) != range || s->free_range != range ||
            ((s->dirty_slices | s->zero_slices) & ~s->free_slices) != 0)
          return false;
    }
    return true;
  }

  static unsigned longest_range(SliceMask free) {
    unsigned range = 0;
    for (; free != 0; ++range) free &= free << 1;
    return range;
  }

  /// Where `slices` slices of a mask in a row start, a bit each.
  static SliceMask starts_of_ranges(SliceMask mask, unsigned slices) {
    // Each bit says that so many are in a row from it on; twice as many with each step.
    for (unsigned in_a_row = 1; in_a_row < slices;) {
      const unsigned more = std::min(in_a_row, slices - in_a_row);
      mask &= mask >> more;
      in_a_row += more;
    }
    return mask;
  }

 private:
  SuperslabList by_range_[kSlicesPerSuperslab + 1];
  std::uint64_t ranges_ = 0;  // a bit for each list that is not empty
};

constexpr SliceMask slice_range(unsigned first, unsigned count) {
  const SliceMask ones = count >= 32 ? kAllSlices : (SliceMask{1} << count) - 1;
  return ones << first;
}

constexpr ByteCount bytes_of(SliceMask slices) {
  return ByteCount{count_bits(slices)} * kSliceBytes;
}

}  // namespace superslab
