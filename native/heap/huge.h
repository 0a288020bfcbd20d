// Blocks beyond 2 MiB are spans of superslabs of their own: how long they are.
#pragma once

#include "base/bits.h"
#include "base/types.h"
#include "heap/size_class.h"
#include "os/os.h"

namespace superslab {

/// A block lies in one arena.
constexpr ByteCount kMaxHugeBytes = kArenaBytes;

/// Bytes that a request for `bytes` commits. Steps of 64 KiB let blocks of similar size share the
/// big cache. With transparent huge pages a last superslab that is at least half used is taken
/// whole: its memory then comes as one huge page instead of 256 small ones.
constexpr ByteCount huge_block_bytes(ByteCount bytes, HugePages pages) {
  if (pages != HugePages::kOff) {
    const ByteCount whole = align_up(bytes, kSuperslabBytes);
    if (pages != HugePages::kTransparent || whole - bytes <= kSuperslabBytes / 2) return whole;
  }
  return align_up(bytes, kSliceBytes);
}

}  // namespace superslab
