// A histogram of powers of two that any thread adds to and any thread reads.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "base/counter.h"

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

}  // namespace superslab
