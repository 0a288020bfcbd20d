#include "pools/buffer/block_number.h"

#include <algorithm>
#include <cassert>

#include "base/racy_read.h"
#include "base/secure_zero.h"
#include "heap/slab_bits.h"
#include "heap/slab_owner.h"
#include "pools/buffer/buffer_pool.h"

namespace superslab {

namespace {

/// kTagNone for slices that are none.
SliceTag tag_at(const Space& space, SliceIndex slice) {
  return space.tag_of_slice(std::size_t{kUnnumbered} * kSlicesPerSuperslab + to_index(slice));
}

}  // namespace

bool is_cut(const Space& space, SliceIndex slice) {
  const SliceTag tag = tag_at(space, slice);
  if (tag == kTagNone || tag == kTagHuge) return false;
  const Superslab& s = space.superslab(superslab_of_slice(slice));
  return s.is_exposed && s.use.load(std::memory_order_relaxed) == SuperslabUse::kSlabs;
}

NamedBlock find_block(const Space& space, BlockNumber n) {
  const SliceTag tag = tag_at(space, slice_of(n));
  if (tag == kTagNone) return {};
  const Superslab& s = space.superslab(superslab_of(n));
  if (!s.is_exposed) return {};
  std::byte* const address = address_of_number(space, n);
  const SuperslabUse use = s.use.load(std::memory_order_relaxed);
  if (tag == kTagHuge) {
    if (use != SuperslabUse::kHugeHead || address != s.base) return {};
    return {address, s.huge_bytes, true, s.charged_bytes != 0, nullptr};
  }
  if (use != SuperslabUse::kSlabs) return {};
  // In the window, and not behind it.
  if (to_word(n) % kGranulesPerSlice + window_start(space, n) >= kGranulesPerSlice) return {};
  const Slab& slab = *space.slab_of(address);
  if (address < slab.start) return {};
  const std::uint32_t index = block_index(slab, address);
  if (index >= slab.block_count || address != block_address(slab, index)) return {};
  return {address, slab.block_bytes, false, !slab_holds(slab, index),
          slab.owner.load(std::memory_order_relaxed)};
}

ByteCount capacity_of(const Space& space, BlockNumber n) {
  const Superslab& s = space.superslab(superslab_of(n));
  if (is_huge(space, n)) return s.huge_bytes;
  return space.slab_of(address_of_number(space, n))->block_bytes;
}

std::uint32_t count_out_of(const Space& space, SliceIndex slice) {
  assert(space.has_entry(superslab_of_slice(slice)));
  const std::byte* base = slice_start(space, slice);
  const SliceTag tag = space.tag_at(base);
  if (tag == kTagNone || tag == kTagHuge) return 0;
  const Slab& slab = *space.slab_of(base);
  const WindowCut cut = window_cut_at(space, slice);
  const std::uint32_t first = block_index(slab, base + cut.start() * kGranuleBytes);
  const auto count = static_cast<std::uint32_t>(cut.granules() * kGranuleBytes / slab.block_bytes);
  // The slab may be another thread's.
  const std::uint32_t end = std::min(first + count, racy_read(slab.carved));
  std::uint32_t out = 0;
  for (std::uint32_t i = first; i < end; ++i) out += slab_holds(slab, i) ? 0 : 1;
  return out;
}

void send_home(const Space& space, BlockNumber n) {
  Superslab& s = space.superslab(superslab_of(n));
  BufferPool& pool = BufferPool::of(s);
  assert(find_block(space, n).is_out && "leased until now");
  // The pool may be closed and wait for this block only.
  const Heap::Visit visit(pool);
  // Here and not in the facade: the last reference may be a token, or another pool's.
  if (pool.clears_at_release()) secure_zero(address_of_number(space, n), capacity_of(space, n));
  if (is_huge(space, n)) {
    pool.give_huge(&s);
    return;
  }
  void* block = address_of_number(space, n);
  SlabOwner::give_remote(pool.slabs(), block, nullptr);
}

}  // namespace superslab
