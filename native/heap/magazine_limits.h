// How much a thread may cache of one class, and how much it fetches at a time.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "heap/size_class.h"
#include "policy/snapshot.h"

namespace superslab {

/// Places in a magazine; knob cache_blocks cannot exceed it.
constexpr std::uint32_t kMagazineBlocks = 64;

/// What was set by hand for class `c`; 0 where nothing was.
inline std::uint32_t chosen_magazine_limit(ClassIndex c, const HeapSnapshot& policy) {
  for (const SizeBlocks& one : policy.size_blocks)
    if (one.blocks != 0 && class_for(one.bytes) == c) return one.blocks;
  return 0;
}

/// Most blocks of class `c` that a thread keeps where nothing was learned: bounded in number and in
/// bytes, and so that a budget is not used up by what a single class caches. `share` is what the
/// thread's part of a large heap allows beyond the policy's bytes.
inline std::uint32_t fixed_magazine_limit(ClassIndex c, const HeapSnapshot& policy,
                                          ByteCount share = 0) {
  ByteCount bytes = std::max(policy.cache_bytes, share);
  if (policy.max_bytes != 0) bytes = std::min(bytes, policy.max_bytes / 64);
  const ByteCount by_bytes = bytes / size_class(c).block_bytes;
  return static_cast<std::uint32_t>(
      std::clamp<ByteCount>(by_bytes, 1, std::min(policy.cache_blocks, kMagazineBlocks)));
}

/// Most blocks of class `c` that a thread keeps: what was set for it, or learned, or else the fixed
/// limit. `owner`: the thread's number in its heap, for trials.
inline std::uint32_t magazine_limit(ClassIndex c, const HeapSnapshot& policy, ByteCount share = 0,
                                    std::uint32_t owner = 0) {
  if (const std::uint32_t chosen = chosen_magazine_limit(c, policy); chosen != 0) return chosen;
  const bool is_on_trial = ((policy.trial_arms >> (owner % 2)) & 1) != 0;
  const auto& learned = is_on_trial ? policy.trial_blocks : policy.class_blocks;
  if (const std::uint32_t blocks = learned[to_index(c)]; blocks != 0)
    return std::min(blocks, kMagazineBlocks);
  return fixed_magazine_limit(c, policy, share);
}

/// Batches start small and double with each refill, up to half a magazine: a class that is used
/// once does not carve a whole magazine's worth of memory.
class BatchSizes {
 public:
  std::uint32_t next(ClassIndex c, std::uint32_t limit) {
    std::uint8_t& size = sizes_[to_index(c)];
    const std::uint32_t max = std::max(limit / 2, 1u);
    size = static_cast<std::uint8_t>(std::clamp<std::uint32_t>(size * 2u, 1, max));
    return size;
  }
  void reset(ClassIndex c) { sizes_[to_index(c)] = 0; }

 private:
  std::array<std::uint8_t, kClassSlots> sizes_{};
};

}  // namespace superslab
