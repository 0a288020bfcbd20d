// How large leases are and how long they last, over all threads of a heap. Only leases that
// somebody samples get here; each stands for `weight` of them.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "base/types.h"
#include "heap/counter.h"

namespace superslab {

/// Buckets are powers of two: bucket i counts values from 2^i up to, not including, 2^(i+1); the
/// first one also zero, the last one everything above.
class Histogram {
 public:
  static constexpr std::size_t kBuckets = 32;

  void add(std::uint64_t value, std::uint64_t weight) {
    const auto bucket = static_cast<std::size_t>(std::bit_width(value | 1) - 1);
    buckets_[std::min(bucket, kBuckets - 1)].shared_add(weight);
    samples_.shared_add(1);
  }

  std::uint64_t bucket(std::size_t i) const { return buckets_[i].get(); }
  /// Values added, whatever their weight.
  std::uint64_t samples() const { return samples_.get(); }

 private:
  Counter buckets_[kBuckets];
  Counter samples_;
};

class LeaseHistograms {
 public:
  /// A lease of `size` bytes in a block of `capacity`. Any thread.
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
