// The size classes: multiples of 16 bytes up to 128, then four steps per doubling up to 2 MiB, so
// that a request beyond 64 bytes wastes less than a fifth of its block. JavaScript uses the classes
// that are multiples of 64 bytes: a buffer of 65 bytes wastes half of its block, one beyond 256
// bytes less than a fifth. Larger blocks are whole superslabs (heap/huge.h).
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

#include "base/bits.h"
#include "base/types.h"
#include "space/slab.h"

namespace superslab {

/// Classes whose block size is known when this is compiled.
constexpr std::size_t kFixedClasses = 64;
static_assert(kFixedClasses <= kClassSlots);
constexpr ByteCount kMaxClassBytes = kSuperslabBytes;

/// JavaScript names blocks in granules of this many bytes; its classes are multiples of it.
constexpr ByteCount kGranuleBytes = 64;
constexpr std::size_t kGranulesPerSuperslab = kSuperslabBytes / kGranuleBytes;

/// From here on blocks are dear to hold and cheap to look for: thread caches keep few of them.
constexpr ByteCount kMaxMediumBytes = 32 * kKiB;

/// How a slab of one class is cut.
struct SizeClass {
  std::uint32_t block_bytes;
  std::uint32_t block_count;
  std::uint16_t words;    // 64-bit words that hold one bit a block
  std::uint16_t colours;  // start offsets, colour_bytes apart
  std::uint16_t colour_bytes;
  std::uint8_t slices;
};

constexpr std::uint32_t class_bytes(std::size_t index) {
  if (index < 8) return static_cast<std::uint32_t>((index + 1) * 16);
  const std::uint32_t base = 128u << ((index - 8) / 4);
  return base + static_cast<std::uint32_t>((index - 8) % 4 + 1) * (base / 4);
}

/// The class for a request of `bytes` in [0, kMaxClassBytes].
constexpr ClassIndex class_for(ByteCount bytes) {
  if (bytes <= 128) return static_cast<ClassIndex>(bytes == 0 ? 0 : (bytes - 1) / 16);
  const ByteCount last = bytes - 1;
  const unsigned exponent = static_cast<unsigned>(std::bit_width(last)) - 1;
  return static_cast<ClassIndex>(8 + 4 * (exponent - 7) + ((last >> (exponent - 2)) & 3));
}

/// Whether JavaScript leases blocks of class `index`, below kFixedClasses.
constexpr bool is_lease_class(std::size_t index) { return class_bytes(index) % kGranuleBytes == 0; }

constexpr std::size_t kLastMediumClass = to_index(class_for(kMaxMediumBytes));
constexpr std::size_t kFirstLargeClass = kLastMediumClass + 1;

/// The class for a JavaScript lease of `bytes`: the smallest that is a multiple of the granule.
constexpr ClassIndex lease_class_for(ByteCount bytes) {
  const ByteCount granules = std::max<ByteCount>(div_up(bytes, kGranuleBytes), 1);
  std::size_t index = to_index(class_for(granules * kGranuleBytes));
  while (class_bytes(index) % kGranuleBytes != 0) ++index;
  return static_cast<ClassIndex>(index);
}

/// The smallest class size of at least `bytes` whose blocks all start at multiples of `alignment`
/// (a power of two up to kSliceBytes): slabs start at multiples of a slice plus their colour. 0
/// when there is none.
constexpr ByteCount class_aligned_to(ByteCount alignment, ByteCount bytes) {
  for (std::size_t i = to_index(class_for(bytes)); i < kFixedClasses; ++i) {
    if (class_bytes(i) % alignment == 0) return class_bytes(i);
  }
  return 0;
}

constexpr SizeClass cut(std::uint32_t block_bytes) {
  // Eight blocks a slab, within 64 KiB to 512 KiB: fewer would make every refill a new slab, more
  // would pin memory for classes that are rarely used.
  const ByteCount target = std::max<ByteCount>(
      std::clamp<ByteCount>(8 * ByteCount{block_bytes}, kSliceBytes, 512 * kKiB), block_bytes);
  const std::size_t min = div_up(target, kSliceBytes);
  std::size_t best = min;
  ByteCount best_waste = kSuperslabBytes;
  for (std::size_t slices = min; slices <= std::min(min + min / 2, kSlicesPerSuperslab); ++slices) {
    const ByteCount waste = (slices * kSliceBytes % block_bytes) * kSlicesPerSuperslab / slices;
    if (waste < best_waste) best = slices, best_waste = waste;
  }
  const ByteCount slab_bytes = best * kSliceBytes;
  // Slabs that all start at the same offset of a slice share the same few cache sets: small
  // classes give up to 1 KiB for sixteen different start offsets.
  const ByteCount colouring = block_bytes <= 1024 ? 15 * kGranuleBytes : 0;
  const auto count = static_cast<std::uint32_t>((slab_bytes - colouring) / block_bytes);
  const ByteCount rest = slab_bytes - ByteCount{count} * block_bytes;
  // A start that is a multiple of the largest power of two in the size keeps every block aligned to
  // it: aligned requests need no slabs of their own.
  const ByteCount natural = block_bytes & (~block_bytes + 1);
  const ByteCount step = std::max(natural, kGranuleBytes);
  const ByteCount colours = block_bytes <= 32 * kKiB ? std::min<ByteCount>(rest / step + 1, 64) : 1;
  return {block_bytes,
          count,
          static_cast<std::uint16_t>(div_up(count, 64)),
          static_cast<std::uint16_t>(colours),
          static_cast<std::uint16_t>(colours == 1 ? 0 : step),
          static_cast<std::uint8_t>(best)};
}

constexpr std::array<SizeClass, kFixedClasses> make_size_classes() {
  std::array<SizeClass, kFixedClasses> table{};
  for (std::size_t i = 0; i < kFixedClasses; ++i) table[i] = cut(class_bytes(i));
  return table;
}

inline constexpr std::array<SizeClass, kFixedClasses> kSizeClasses = make_size_classes();

constexpr const SizeClass& size_class(ClassIndex c) { return kSizeClasses[to_index(c)]; }

static_assert(class_bytes(kFixedClasses - 1) == kMaxClassBytes);
static_assert(to_index(class_for(kMaxClassBytes)) == kFixedClasses - 1);

}  // namespace superslab
