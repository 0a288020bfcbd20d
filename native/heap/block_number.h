// JavaScript names a block by one 32-bit number: superslab index x 32,768 + 64-byte granule in the
// superslab. So 32 bits span 256 GiB, and no pointer ever becomes a BigInt.
#pragma once

#include <cstdint>

#include "heap/size_class.h"
#include "space/space.h"

namespace superslab {

using BlockNumber = std::uint32_t;

constexpr SuperslabIndex superslab_of(BlockNumber n) { return n / kGranulesPerSuperslab; }

inline BlockNumber number_of(const Space& space, const void* block) {
  const Superslab& s = space.superslab_of(block);
  const std::uintptr_t offset = address_of(block) - address_of(s.base);
  return static_cast<BlockNumber>(s.index * kGranulesPerSuperslab + offset / kGranuleBytes);
}

inline std::byte* address_of_number(const Space& space, BlockNumber n) {
  return space.superslab(superslab_of(n)).base + (n % kGranulesPerSuperslab) * kGranuleBytes;
}

/// Whether a lease of this number is a block beyond 2 MiB.
inline bool is_large(const Space& space, BlockNumber n) {
  return space.superslab(superslab_of(n)).use.load(std::memory_order_relaxed) ==
         SuperslabUse::kLargeHead;
}

/// Whether superslab `index`, below kMaxSuperslabs, is one that views may see and is cut into
/// slabs.
bool is_cut(const Space& space, SuperslabIndex index);

/// What a number that may be wrong names.
struct NamedBlock {
  std::byte* address = nullptr;  // nullptr: no block that views may see
  ByteCount capacity = 0;
  bool is_large = false;
  bool is_out = false;    // leased, in a thread's cache, or never handed out
  void* owner = nullptr;  // of a slab, a SlabOwner
};

/// Looks a number up that JavaScript gave, in tables that can be read whatever it is. Exact for a
/// block that the caller has; of others what comes of it may be out of date.
NamedBlock find_block(const Space& space, BlockNumber n);

/// Bytes that the leased block `n` holds.
ByteCount capacity_of(const Space& space, BlockNumber n);

/// Frees a leased block from any thread, whichever heap and owner it belongs to.
void send_home(const Space& space, BlockNumber n);

}  // namespace superslab
