// JavaScript names a block by one 32-bit number: the index of the slice that it starts in x 1,024 +
// the 64-byte granule of the slice's window that it starts at. So 32 bits span 256 GiB, no pointer
// ever becomes a BigInt, and acquire needs no table to know where in the window a block lies.
//
// Any thread may call any function here. What is asked of a block holds for as long as the block is
// out or cached; only find_block() and is_cut() may be asked of numbers that name nothing.
#pragma once

#include <cassert>
#include <cstdint>

#include "heap/size_class.h"
#include "pools/buffer/window.h"
#include "space/space.h"

namespace superslab {

enum class BlockNumber : std::uint32_t {};

/// The number that names no block.
constexpr BlockNumber kNoBlock{0};

/// As JavaScript has it.
constexpr std::uint32_t to_word(BlockNumber n) { return static_cast<std::uint32_t>(n); }

constexpr SuperslabIndex superslab_of(BlockNumber n) {
  return kUnnumbered + to_word(n) / std::uint32_t{kGranulesPerSuperslab};
}

/// Of a block that starts where its superslab does.
constexpr BlockNumber first_number_of(SuperslabIndex superslab) {
  assert(superslab > kUnnumbered);
  return static_cast<BlockNumber>((superslab - kUnnumbered) * kGranulesPerSuperslab);
}

constexpr SliceIndex slice_of(BlockNumber n) {
  return SliceIndex{to_word(n) / std::uint32_t{kGranulesPerSlice}};
}

/// Whether a lease of this number is a block beyond 2 MiB. Of a superslab that was taken once.
inline bool is_huge(const Space& space, BlockNumber n) {
  assert(space.has_entry(superslab_of(n)));
  return space.superslab(superslab_of(n)).use.load(std::memory_order_relaxed) ==
         SuperslabUse::kHugeHead;
}

/// Granules before the window, in its slice. A block beyond 2 MiB is all that its window shows.
inline std::uint32_t window_start(const Space& space, BlockNumber n) {
  return is_huge(space, n) ? 0 : window_cut_at(space, slice_of(n)).start();
}

/// Of a block that is leased or cached.
inline BlockNumber number_of(const Space& space, const void* block) {
  assert(space.contains(block) && address_of(block) % kGranuleBytes == 0);
  const Superslab& s = space.superslab_of(block);
  const std::uintptr_t offset = address_of(block) - address_of(s.base);
  const BlockNumber granule{to_word(first_number_of(s.index)) +
                            static_cast<std::uint32_t>(offset / kGranuleBytes)};
  return BlockNumber{to_word(granule) - window_start(space, granule)};
}

/// Of a block that is leased or cached.
inline std::byte* address_of_number(const Space& space, BlockNumber n) {
  return space.superslab(superslab_of(n)).base +
         (to_word(n) % kGranulesPerSuperslab + window_start(space, n)) * kGranuleBytes;
}

/// Whether the slice is part of a slab that views may see; for any index below that of the last
/// number.
bool is_cut(const Space& space, SliceIndex slice);

/// What a number that may be wrong names.
struct NamedBlock {
  std::byte* address = nullptr;  // nullptr: no block that views may see
  ByteCount capacity = 0;
  bool is_huge = false;
  bool is_out = false;    // leased, in a thread's cache, or never handed out
  void* owner = nullptr;  // of a slab, a SlabOwner
};

/// Looks a number up that JavaScript gave, in tables that can be read whatever it is. Exact for a
/// block that the caller has; of others what comes of it may be out of date.
NamedBlock find_block(const Space& space, BlockNumber n);

/// Bytes that the leased block `n` holds.
ByteCount capacity_of(const Space& space, BlockNumber n);

/// How many blocks that start in the slice are out of their slab; a moment later it may be others.
std::uint32_t count_out_of(const Space& space, SliceIndex slice);

/// Frees a leased block from any thread, whichever heap and owner it belongs to.
void send_home(const Space& space, BlockNumber n);

}  // namespace superslab
