// How large leases are and how long they last, over all threads of a heap. Only leases that
// somebody samples get here; each stands for `weight` of them.
#pragma once

#include <cstdint>

#include "base/counter.h"
#include "base/histogram.h"
#include "base/types.h"

namespace superslab {

class LeaseHistograms {
 public:
  /// A lease of `size` bytes in a block of `capacity`, whatever those are: JavaScript tells them.
  /// Any thread.
  void add_size(ByteCount size, ByteCount capacity, std::uint64_t weight) {
    sizes.add(size, weight);
    size_bytes_.shared_add(size * weight);
    capacity_bytes_.shared_add(capacity * weight);
  }

  /// Sum of the sizes that were asked for, and of the blocks that served them.
  ByteCount size_bytes() const { return size_bytes_.get(); }
  ByteCount capacity_bytes() const { return capacity_bytes_.get(); }

#define HISTOGRAM_STAT(field, json, unit, meaning) Histogram field;
#include "heap/stats.def"

 private:
  Counter size_bytes_;
  Counter capacity_bytes_;
};

}  // namespace superslab
