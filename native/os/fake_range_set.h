// For tests: a set of addresses as disjoint ranges.
#pragma once

#include <cstdint>
#include <iterator>
#include <map>

#include "base/types.h"

namespace superslab {

class FakeRangeSet {
 public:
  void add(std::uintptr_t first, ByteCount bytes) {
    if (bytes == 0) return;
    std::uintptr_t last = first + bytes;
    // Swallow what overlaps or touches.
    auto it = ranges_.upper_bound(first);
    if (it != ranges_.begin() && std::prev(it)->second >= first) --it;
    while (it != ranges_.end() && it->first <= last) {
      if (it->first < first) first = it->first;
      if (it->second > last) last = it->second;
      it = ranges_.erase(it);
    }
    ranges_[first] = last;
  }

  void remove(std::uintptr_t first, ByteCount bytes) {
    if (bytes == 0) return;
    const std::uintptr_t last = first + bytes;
    auto it = ranges_.upper_bound(first);
    if (it != ranges_.begin() && std::prev(it)->second > first) --it;
    while (it != ranges_.end() && it->first < last) {
      const std::uintptr_t old_first = it->first;
      const std::uintptr_t old_last = it->second;
      it = ranges_.erase(it);
      if (old_first < first) ranges_[old_first] = first;
      if (old_last > last) ranges_[last] = old_last;
    }
  }

  bool contains(std::uintptr_t first, ByteCount bytes) const {
    auto it = ranges_.upper_bound(first);
    return it != ranges_.begin() && std::prev(it)->second >= first + bytes;
  }

  /// Bytes of [first, first + bytes) that are in the set.
  ByteCount overlap(std::uintptr_t first, ByteCount bytes) const {
    const std::uintptr_t last = first + bytes;
    ByteCount sum = 0;
    for (const auto& [a, b] : ranges_) {
      const std::uintptr_t from = a > first ? a : first;
      const std::uintptr_t to = b < last ? b : last;
      if (from < to) sum += to - from;
    }
    return sum;
  }

  ByteCount bytes() const {
    ByteCount sum = 0;
    for (const auto& [first, last] : ranges_) sum += last - first;
    return sum;
  }

 private:
  std::map<std::uintptr_t, std::uintptr_t> ranges_;  // first to one past the last
};

}  // namespace superslab
