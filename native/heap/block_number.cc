#include "heap/block_number.h"

#include <algorithm>

#include "base/secure_zero.h"
#include "heap/heap.h"
#include "heap/slab_bits.h"
#include "heap/slab_owner.h"

namespace superslab {

bool is_cut(const Space& space, SuperslabIndex index) {
  const SliceTag* const tags = space.tags() + std::size_t{index} * kSlicesPerSuperslab;
  // A superslab has an entry once one of its slices has a tag.
  if (std::all_of(tags, tags + kSlicesPerSuperslab, [](SliceTag tag) { return tag == kTagNone; }))
    return false;
  const Superslab& s = space.superslab(index);
  return s.is_exposed && s.use.load(std::memory_order_relaxed) == SuperslabUse::kSlabs;
}

NamedBlock find_block(const Space& space, BlockNumber n) {
  constexpr BlockNumber kGranulesPerSlice = kSliceBytes / kGranuleBytes;
  // Tags are there for every number.
  const SliceTag tag = space.tags()[n / kGranulesPerSlice];
  if (tag == kTagNone) return {};
  const Superslab& s = space.superslab(superslab_of(n));
  if (!s.is_exposed) return {};
  std::byte* const address = address_of_number(space, n);
  const SuperslabUse use = s.use.load(std::memory_order_relaxed);
  if (tag == kTagLarge) {
    if (use != SuperslabUse::kLargeHead || address != s.base) return {};
    return {address, s.large_bytes, true, s.charged_bytes != 0, nullptr};
  }
  if (use != SuperslabUse::kSlabs) return {};
  const Slab& slab = *space.slab_of(address);
  if (address < slab.start) return {};
  const std::uint32_t index = block_index(slab, address);
  if (index >= slab.block_count || address != block_address(slab, index)) return {};
  return {address, slab.block_bytes, false, !slab_holds(slab, index),
          slab.owner.load(std::memory_order_relaxed)};
}

ByteCount capacity_of(const Space& space, BlockNumber n) {
  const Superslab& s = space.superslab(superslab_of(n));
  if (is_large(space, n)) return s.large_bytes;
  return space.slab_of(address_of_number(space, n))->block_bytes;
}

void send_home(const Space& space, BlockNumber n) {
  Superslab& s = space.superslab(superslab_of(n));
  auto* heap = static_cast<Heap*>(s.heap);
  // The heap may be closed and wait for this block only.
  const Heap::Visit visit(*heap);
  // Here and not in the facade: the last reference may be a token, or another pool's.
  if (zeroing_of(heap->policy()) == Zeroing::kRelease)
    secure_zero(address_of_number(space, n), capacity_of(space, n));
  if (is_large(space, n)) {
    heap->give_large(&s);
    return;
  }
  void* block = address_of_number(space, n);
  SlabOwner::give_remote(*heap, block, nullptr);
}

}  // namespace superslab
