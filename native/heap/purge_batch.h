// Idle memory on its way to the operating system. It is on no list meanwhile, so that the heap's
// lock is free while the system call runs.
#pragma once

#include <bit>
#include <cassert>
#include <cstdint>

#include "base/types.h"
#include "heap/superslab_list.h"
#include "space/superslab.h"

namespace superslab {

struct PurgeBatch {
  /// Small enough for the smallest stacks, together with the ranges.
  static constexpr std::size_t kMax = 16;
  static constexpr std::size_t kMaxRanges = 64;
  static constexpr std::size_t kMaxItemRanges = kSlicesPerSuperslab / 2;
  enum What : std::uint8_t {
    kSlices,  // the dirty slices of a superslab that has slabs
    kWhole,   // a superslab without slabs
    kHuge,    // a block from the big cache
  };
  struct Item {
    Superslab* superslab;
    SliceMask dirty;
    What what;
    bool failed = false;  // the operating system did not take its memory
    std::uint16_t first_range = 0;
    std::uint16_t end_range = 0;

    ByteCount bytes() const { return what == kHuge ? superslab->huge_bytes : bytes_of(dirty); }
  };
  Item items[kMax];
  std::size_t count = 0;
  std::size_t ranges = 0;  // that the items may come to
  ByteCount bytes = 0;

  bool is_full() const { return count == kMax || ranges + kMaxItemRanges > kMaxRanges; }
  /// Neighbouring slices make one range; a superslab has at most half as many as slices, and a
  /// whole one has its words as well.
  void add(Superslab* s, SliceMask dirty, What what) {
    assert(!is_full());
    const SliceMask starts = dirty & ~(dirty << 1);
    ranges += what == kSlices ? static_cast<std::size_t>(std::popcount(starts)) : 2;
    items[count] = {s, dirty, what};
    bytes += items[count++].bytes();
  }
};

}  // namespace superslab
