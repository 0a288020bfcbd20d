// Sizes of blocks in slabs: multiples of 64 bytes up to 512, then four steps a doubling up to 16
// KiB.
#pragma once

#include <array>
#include <cstdint>

#include "pools/mapped/format.h"

namespace superslab::mapped {

constexpr std::uint32_t kClasses = 28;
constexpr std::uint32_t kMaxSmallBytes = 16 * 1024;
constexpr std::uint32_t kSlabBytes = kSlabPages * kPageBytes;

constexpr std::array<std::uint32_t, kClasses> kClassBytes = [] {
  std::array<std::uint32_t, kClasses> bytes{};
  std::uint32_t next = 0;
  std::uint32_t step = kGranuleBytes;
  for (std::uint32_t i = 0; i < kClasses; ++i) {
    next += step;
    bytes[i] = next;
    if (i >= 7 && (i - 7) % 4 == 0) step = next / 4;
  }
  return bytes;
}();
static_assert(kClassBytes.front() == 64 && kClassBytes[7] == 512 && kClassBytes[8] == 640);
static_assert(kClassBytes[11] == 1024 && kClassBytes.back() == kMaxSmallBytes);
static_assert(kClassBytes[27] - kClassBytes[26] <= kSlackMask + 1, "slack is less than a step");

/// The smallest class that has `bytes`; at most kMaxSmallBytes.
constexpr std::uint32_t class_for(ByteCount bytes) {
  std::uint32_t low = 0;
  std::uint32_t high = kClasses - 1;
  while (low < high) {
    const std::uint32_t middle = (low + high) / 2;
    if (kClassBytes[middle] >= bytes)
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}

constexpr std::uint32_t blocks_of_class(std::uint32_t c) { return kSlabBytes / kClassBytes[c]; }

/// Words that have room in the entries of the slab's pages 2 to 15.
constexpr std::uint32_t kInlineWords = (kSlabPages - 2) * kEntryWords;

}  // namespace superslab::mapped
