// The size class table: what a request gets, how slabs are cut, and the arithmetic on blocks.

#include "check.h"
#include "heap/magazine_limits.h"
#include "heap/request_offset.h"
#include "heap/size_class.h"
#include "heap/slab_bits.h"
#include "heap/small_sizes.h"
#include "heap_fixture.h"
#include "space/space.h"

using namespace superslab;

TEST(heap, "every size maps to the smallest class that holds it") {
  std::size_t smallest = 0;
  for (ByteCount bytes = 0; bytes <= kMaxClassBytes; ++bytes) {
    while (class_bytes(smallest) < bytes) ++smallest;
    if (to_index(class_for(bytes)) != smallest) CHECK_EQ(to_index(class_for(bytes)), smallest);
  }
  CHECK_EQ(smallest, kFixedClasses - 1);
}

TEST(heap, "classes rise, are multiples of 16, and waste at most a fifth beyond 128 bytes") {
  for (std::size_t i = 0; i < kFixedClasses; ++i) {
    CHECK_EQ(kSizeClasses[i].block_bytes, class_bytes(i));
    CHECK_EQ(class_bytes(i) % kMinAlignment, 0u);
    if (i == 0) continue;
    CHECK(class_bytes(i) > class_bytes(i - 1));
    const ByteCount smallest = class_bytes(i - 1) + 1;
    if (smallest <= 128) continue;
    const ByteCount waste = class_bytes(i) - smallest;
    CHECK(waste * 5 <= class_bytes(i));
  }
}

TEST(heap, "a lease class is the smallest multiple of 64 that holds the size") {
  for (ByteCount bytes = 0; bytes <= kMaxClassBytes; bytes += bytes < 8192 ? 1 : 61) {
    const std::size_t c = to_index(lease_class_for(bytes));
    CHECK(c < kFixedClasses);
    CHECK_EQ(class_bytes(c) % kGranuleBytes, 0u);
    CHECK(class_bytes(c) >= bytes);
    for (std::size_t lower = 0; lower < c; ++lower)
      CHECK(class_bytes(lower) % kGranuleBytes != 0 || class_bytes(lower) < bytes);
  }
  CHECK_EQ(to_index(lease_class_for(kMaxClassBytes)), kFixedClasses - 1);
}

TEST(heap, "a slab's blocks fit with every colour, and its words hold a bit for each") {
  for (const SizeClass& cut : kSizeClasses) {
    const ByteCount slab_bytes = cut.slices * kSliceBytes;
    CHECK(cut.slices >= 1 && cut.slices <= kSlicesPerSuperslab);
    CHECK(cut.block_count >= 1);
    CHECK(cut.colours >= 1);
    const ByteCount last_colour = (cut.colours - 1u) * kGranuleBytes;
    CHECK(last_colour + ByteCount{cut.block_count} * cut.block_bytes <= slab_bytes);
    CHECK(last_colour < kSliceBytes);  // the slab starts in its first slice
    CHECK_EQ(cut.words, div_up(cut.block_count, 64));
    CHECK(cut.words <= kInlineWords || 2u * cut.words <= kWordsPerSlice);
    // Waste at the end of a slab, colours apart: at most a fifth.
    const ByteCount rest = slab_bytes - ByteCount{cut.block_count} * cut.block_bytes;
    CHECK(rest * 5 <= slab_bytes || cut.block_bytes > 512 * kKiB);
  }
}

TEST(heap, "block_index is exact for every offset in every class") {
  for (std::size_t c = 0; c < kFixedClasses; ++c) {
    Slab slab{};
    std::uint64_t words[kWordsPerSlice];
    alignas(64) static std::byte base[1];
    slab_init(slab, static_cast<ClassIndex>(c), base, words);
    const ByteCount bytes = ByteCount{slab.block_count} * slab.block_bytes;
    for (std::uint64_t index = 0, offset = 0; offset < bytes; ++offset) {
      if (offset == (index + 1) * slab.block_bytes) ++index;
      // The address is computed, never read.
      const std::uint64_t found = (offset * slab.reciprocal) >> kReciprocalShift;
      if (found != index) CHECK_EQ(found, index);
    }
    CHECK_EQ(block_index(slab, base), 0u);
  }
}

TEST(heap, "division by multiplication holds up to the bound that its comment gives") {
  // Every divisor that is a multiple of 16 up to a superslab, at the offsets where it is closest
  // to failing: just below and at multiples.
  for (std::uint32_t d = 16; d <= kSuperslabBytes; d += 16) {
    const std::uint64_t reciprocal = reciprocal_of(d);
    for (std::uint64_t limit : {kSuperslabBytes, ByteCount{1} << 22}) {
      const std::uint64_t k = (limit - 1) / d;
      for (const std::uint64_t offset : {k * d, k * d + d - 1, k * d == 0 ? 0 : k * d - 1}) {
        if (offset >= ByteCount{1} << 22) continue;
        const std::uint64_t found = (offset * reciprocal) >> kReciprocalShift;
        if (found != offset / d) CHECK_EQ(found, offset / d);
      }
    }
  }
}

TEST(heap, "magazines are bounded in blocks, in bytes and by the budget") {
  Policy policy;
  policy.cache_blocks = 64;
  policy.cache_bytes = kMiB;
  CHECK_EQ(magazine_limit(class_for(64), policy), 64u);
  CHECK_EQ(magazine_limit(class_for(64 * kKiB), policy), 16u);
  CHECK_EQ(magazine_limit(class_for(2 * kMiB), policy), 1u);
  policy.cache_blocks = 3;
  CHECK_EQ(magazine_limit(class_for(64), policy), 3u);
  policy.cache_blocks = 64;
  policy.max_bytes = 16 * kKiB;
  CHECK_EQ(magazine_limit(class_for(64), policy), 4u);
  CHECK_EQ(magazine_limit(class_for(4096), policy), 1u);
}

TEST(heap, "refill batches start at one and double up to half a magazine") {
  BatchSizes sizes;
  const ClassIndex c = class_for(64);
  for (const std::uint32_t expected : {1u, 2u, 4u, 8u, 16u, 32u, 32u})
    CHECK_EQ(sizes.next(c, 64), expected);
  CHECK_EQ(sizes.next(class_for(128), 64), 1u);
  sizes.reset(c);
  CHECK_EQ(sizes.next(c, 64), 1u);
  CHECK_EQ(sizes.next(c, 1), 1u);
}

TEST(heap, "the tables of small and medium sizes say what class_for() says, for every size") {
  for (ByteCount bytes = 0; bytes <= kMaxMediumBytes; ++bytes) {
    const std::size_t expected = to_index(class_for(bytes));
    if (bytes <= kMaxSmallBytes && small_class(bytes) != expected)
      CHECK_EQ(small_class(bytes), expected);
    // The table of medium sizes is asked for those beyond the small ones only.
    if (bytes > kMaxSmallBytes && medium_class(bytes) != expected)
      CHECK_EQ(medium_class(bytes), expected);
  }
  CHECK_EQ(kLastMediumClass, to_index(class_for(kMaxMediumBytes)));
  CHECK_EQ(class_bytes(kLastMediumClass), kMaxMediumBytes);
}

TEST(heap, "every block of a class that is found for an alignment has it, in every slab") {
  superslab_test::TestHeap t;
  SlabOwner* owner = t->attach();
  for (ByteCount alignment = kMinAlignment; alignment <= kSliceBytes; alignment *= 2) {
    for (std::size_t i = 0; i < kFixedClasses; ++i) {
      const ByteCount bytes = class_aligned_to(alignment, class_bytes(i));
      CHECK(bytes >= class_bytes(i));
      CHECK_EQ(class_bytes(to_index(class_for(bytes))), bytes);  // a class's own size
      if (bytes != class_bytes(i)) continue;                     // that class has its turn itself
      CHECK_EQ(bytes % alignment, 0u);
    }
  }
  // Slabs of every colour of every class: their natural alignment holds for each of their blocks.
  for (std::size_t i = 0; i < kFixedClasses; ++i) {
    const auto c = static_cast<ClassIndex>(i);
    const ByteCount natural =
        std::min<ByteCount>(class_bytes(i) & (~class_bytes(i) + 1), kSliceBytes);
    for (unsigned made = 0; made < size_class(c).colours + 1u; ++made) {
      Slab* slab = t->slabs().make_slab(c, Growth::kIfNeeded);
      CHECK(slab != nullptr);
      CHECK_EQ(address_of(slab->start) % natural, 0u);
      for (std::uint32_t block = 0; block < slab->block_count; ++block) {
        if (address_of(block_address(*slab, block)) % natural != 0)
          CHECK_EQ(address_of(block_address(*slab, block)) % natural, 0u);
      }
      // All of it lies in the slab's slices.
      const std::uintptr_t first = align_down(address_of(slab->start), kSliceBytes);
      CHECK(address_of(block_address(*slab, slab->block_count)) <=
            first + slab->slices * kSliceBytes);
      t->slabs().retire_slab(const_cast<Slab*>(slab), 0);
    }
  }
  t->detach(owner);
  t->trim(0);
  CHECK(t.ends_clean());
}

TEST(heap, "slabs of a heap without colours all begin where a slice does") {
  for (const bool has_colours : {false, true}) {
    superslab_test::TestSpace world;
    ManualClock clock;
    {
      Heap heap(*world.space, clock, superslab_test::plain_policy(), {.has_colours = has_colours});
      SlabOwner* owner = heap.attach();
      std::size_t coloured = 0;
      for (unsigned made = 0; made < 3; ++made) {
        Slab* slab = heap.slabs().make_slab(class_for(1000), Growth::kIfNeeded);
        CHECK(slab != nullptr);
        coloured += address_of(slab->start) % kSliceBytes != 0;
        heap.slabs().retire_slab(slab, 0);
      }
      CHECK_EQ(coloured != 0, has_colours);
      heap.detach(owner);
      heap.trim(0);
    }
  }
}

TEST(heap, "the class for an alignment is the smallest that has it") {
  for (ByteCount alignment = kMinAlignment; alignment <= kSliceBytes; alignment *= 2) {
    for (ByteCount bytes = 1; bytes <= kMaxClassBytes; bytes += bytes < 3000 ? 1 : 997) {
      const ByteCount found = class_aligned_to(alignment, bytes);
      CHECK(found >= bytes && found % alignment == 0);
      for (std::size_t i = to_index(class_for(bytes)); class_bytes(i) < found; ++i)
        CHECK(class_bytes(i) % alignment != 0);
    }
  }
}

TEST(heap, "slabs of one class start at different cache sets, a step apart") {
  for (const SizeClass& cut : kSizeClasses) {
    if (cut.block_bytes > 1024) continue;
    CHECK(cut.colours >= 16 || cut.colours * cut.colour_bytes >= 1024);
    CHECK_EQ(cut.colour_bytes % kGranuleBytes, 0u);
    const ByteCount natural = cut.block_bytes & (~cut.block_bytes + 1);
    CHECK_EQ(cut.colour_bytes % natural, 0u);
  }
}

TEST(heap, "a placed request fits into its block, starts at a line, and ends at the step") {
  const auto check_block = [](ByteCount block, ByteCount from) {
    const ByteCount natural = block & (~block + 1);
    const ByteCount step = std::min(natural, kSliceBytes);
    for (ByteCount bytes = from; bytes <= block;
         bytes += bytes % 64 < 3 || bytes % 64 > 61 ? 1 : 29) {
      const ByteCount offset = request_offset(bytes, block);
      const ByteCount end = offset + bytes;
      if (offset % 64 != 0) CHECK_EQ(offset % 64, 0u);
      if (end > block) CHECK(end <= block);
      // Within the line that its alignment costs.
      if (align_up(end, 64) % step != 0) CHECK_EQ(align_up(end, 64) % step, 0u);
      if (offset >= step) CHECK(offset < step);
    }
    CHECK_EQ(request_offset(block, block), 0u);
  };
  for (std::size_t i = kLastMediumClass + 1; i < kFixedClasses; ++i)
    check_block(class_bytes(i), class_bytes(i - 1) + 1);
  // Beyond the classes: whole superslabs, of which the last is used in part.
  for (const ByteCount bytes : {kSuperslabBytes + 1, 3 * kSuperslabBytes - 1, 7 * kMiB + 12'345}) {
    const ByteCount offset = request_offset(bytes, kSuperslabBytes);
    CHECK(offset < kSliceBytes && offset % 64 == 0);
    CHECK(offset + bytes <= align_up(bytes, kSuperslabBytes));
    CHECK_EQ(align_up(offset + bytes, 64) % kSliceBytes, 0u);
  }
}

TEST(heap, "a window's place and length come out of its word as they went in") {
  for (const std::uint32_t start : {0u, 1u, 1023u}) {
    for (const std::uint32_t granules : {1u, 2u, 1024u, 32'768u}) {
      const WindowCut cut(start, granules);
      CHECK_EQ(cut.start(), start);
      CHECK_EQ(cut.granules(), granules);
      CHECK(WindowCut(cut.word()) == cut);
    }
  }
}

TEST(heap, "the windows of a slab show each of its blocks once, and nothing else") {
  for (std::size_t i = 0; i < kFixedClasses; ++i) {
    if (!is_lease_class(i)) continue;
    const SizeClass& c = size_class(static_cast<ClassIndex>(i));
    for (const ByteCount colour : {ByteCount{0}, ByteCount{c.colour_bytes} * (c.colours - 1)}) {
      ByteCount end = colour;
      for (unsigned slice = 0; slice < c.slices; ++slice) {
        const WindowCut cut = window_cut(static_cast<ClassIndex>(i), colour, slice);
        if (end >= (slice + 1) * kSliceBytes || end == colour + c.block_count * c.block_bytes) {
          CHECK_EQ(cut.granules(), 1u);  // no block begins here
          continue;
        }
        CHECK_EQ(slice * kSliceBytes + cut.start() * kGranuleBytes, end);
        end += cut.granules() * kGranuleBytes;
        CHECK_EQ((end - colour) % c.block_bytes, 0u);
      }
      CHECK_EQ(end, colour + ByteCount{c.block_count} * c.block_bytes);
    }
  }
}
