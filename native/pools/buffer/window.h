// What JavaScript sees of a slice, by its window: the blocks that start there, whole, and nothing
// else.
//
// A window belongs to a slice, not to a block, because an ArrayBuffer takes half a KiB of memory
// and microseconds to make. So small blocks share theirs with others; a block of 64 KiB and more,
// of which at most one starts in a slice, has its own. docs/BUFFERS.md says what follows for users.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstdint>

#include "base/bits.h"
#include "heap/size_class.h"
#include "space/space.h"

namespace superslab {

/// Superslabs before the first that is numbered. Numbers of blocks and slices begin with those of
/// the first arena that there is, so that JavaScript's tables by slice are as long as the space has
/// grown; and one superslab before it, so that 0 names nothing.
constexpr SuperslabIndex kUnnumbered = kFirstOrdinal * kSuperslabsPerArena - 1;

/// Counts the slices of all numbered superslabs.
enum class SliceIndex : std::uint32_t {};

constexpr std::size_t to_index(SliceIndex slice) { return static_cast<std::size_t>(slice); }

constexpr SuperslabIndex superslab_of_slice(SliceIndex slice) {
  return kUnnumbered + static_cast<std::uint32_t>(slice) / std::uint32_t{kSlicesPerSuperslab};
}

/// Which slice of its superslab it is.
constexpr unsigned place_in_superslab(SliceIndex slice) {
  return static_cast<std::uint32_t>(slice) % std::uint32_t{kSlicesPerSuperslab};
}

/// Where its memory begins.
inline std::byte* slice_start(const Space& space, SliceIndex slice) {
  return space.superslab(superslab_of_slice(slice)).base + place_in_superslab(slice) * kSliceBytes;
}

constexpr std::size_t kGranulesPerSlice = kSliceBytes / kGranuleBytes;
static_assert(kGranulesPerSlice * kSlicesPerSuperslab == kGranulesPerSuperslab);

/// Where a window lies, in granules. As one word it is stored in the slice's entry, and tells
/// whether a window that was made earlier still fits.
class WindowCut {
 public:
  constexpr WindowCut() = default;
  constexpr explicit WindowCut(std::uint32_t word) : word_(word) {}
  /// From `start` on, relative to the slice; at most 2 MiB.
  constexpr WindowCut(std::uint32_t start, std::uint32_t granules)
      : word_(start | ((granules - 1) << 16)) {
    assert(this->start() == start && this->granules() == granules && "both fit into a word");
  }

  constexpr std::uint32_t start() const { return word_ & 0xffff; }
  constexpr std::uint32_t granules() const { return (word_ >> 16) + 1; }
  constexpr std::uint32_t word() const { return word_; }
  constexpr bool operator==(const WindowCut&) const = default;

 private:
  std::uint32_t word_ = 0;
};

/// That of slice `i` of a slab of class `c` whose first block starts `colour` bytes into slice 0.
/// One granule where no block starts: nobody asks for it.
constexpr WindowCut window_cut(ClassIndex c, ByteCount colour, unsigned i) {
  const SizeClass& cut = size_class(c);
  assert(i < cut.slices);
  const ByteCount from = ByteCount{i} * kSliceBytes;
  const auto first_from = [&](ByteCount offset) {
    const ByteCount block =
        offset <= colour ? 0 : div_up(offset - colour, ByteCount{cut.block_bytes});
    return std::min(block, ByteCount{cut.block_count});
  };
  const ByteCount first = first_from(from);
  const ByteCount count = first_from(from + kSliceBytes) - first;
  if (count == 0) return WindowCut(0, 1);
  return WindowCut(
      static_cast<std::uint32_t>((colour + first * cut.block_bytes - from) / kGranuleBytes),
      static_cast<std::uint32_t>(count * cut.block_bytes / kGranuleBytes));
}

/// Of a slice that was part of a slab at least once. Any thread; of a slice in which no block is
/// out the cut may be another one a moment later.
inline WindowCut window_cut_at(const Space& space, SliceIndex slice) {
  assert(space.has_entry(superslab_of_slice(slice)));
  const Superslab& s = space.superslab(superslab_of_slice(slice));
  const Slab* entry = space.slab_at(s, place_in_superslab(slice));
  return WindowCut(entry->window.load(std::memory_order_relaxed));
}

/// Enters the windows of a slab that was just cut, under the heap's lock: see
/// HeapShape::slab_was_cut.
inline void cut_windows(const Space& space, const Superslab& s, unsigned first_slice, ClassIndex c,
                        ByteCount colour) {
  assert(first_slice + size_class(c).slices <= kSlicesPerSuperslab);
  for (unsigned i = 0; i < size_class(c).slices; ++i) {
    space.slab_at(s, first_slice + i)
        ->window.store(window_cut(c, colour, i).word(), std::memory_order_relaxed);
  }
}

}  // namespace superslab
