// The memory that JavaScript's thread cache and JavaScript share.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "heap/magazine_limits.h"
#include "pools/buffer/block_number.h"
#include "pools/file_counts.h"
#include "pools/object_counts.h"

namespace superslab {

/// What JavaScript sees. Indexed by slice tag (class + 1), so that a release needs no subtraction;
/// entries without a class stay zero and send JavaScript to the slow path.
///
/// Plain memory on purpose: one thread uses it, but for `limit`, which squeeze() may clear
/// from another thread; an aligned 32-bit store that JavaScript sees sooner or later.
struct LeaseMagazines {
  static constexpr std::size_t kTags = 256;
  /// That of blocks beyond 2 MiB (pools/buffer/huge_magazine.h): the row behind those of classes.
  static constexpr SliceTag kHuge = kClassSlots + 1;
  static_assert(kHuge < kTagHuge && kTagHuge < kTags);

  std::uint32_t depth[kTags];     // blocks in the magazine
  std::uint32_t limit[kTags];     // a release that finds depth >= limit takes the slow path
  std::uint32_t acquired[kTags];  // counts up; wraps around
  BlockNumber blocks[(kHuge + 1) * kMagazineBlocks];
  // Free blocks that JavaScript keeps outside of the magazines, each with an ArrayBuffer of its own
  // (lib/guard/pool-guard.ts). A thread's end frees them like any block that is out, but they are
  // no leaks.
  std::uint32_t parked[kTags];
  std::uint32_t parked_huge_granules;  // of blocks beyond 2 MiB; parked[kHuge] counts them
  std::uint32_t watched_blocks;        // of leases that leak detection or guards watch
  std::uint32_t watched_granules;
  std::uint32_t quarantined_blocks;  // part of the parked ones
  std::uint32_t quarantined_granules;
  std::uint32_t skipped[kTags];  // part of `acquired` that is no acquire: sampling's random steps
  // What a refill fetched. JavaScript prepares these blocks and then puts them into their magazine
  // (lib/pool/pool-core.ts), by stores that nothing interrupts. When it is cut off before, the
  // next refill, flush or trim_idle() gives them back.
  std::uint32_t staged;        // blocks
  std::uint32_t staged_tag;    // their class
  std::uint32_t staged_count;  // counts refills, so that JavaScript sees when there was another
  BlockNumber staged_blocks[kMagazineBlocks];
  // Free blocks whose buffers JavaScript keeps, to lend the same ones again
  // (lib/pools/fixed/reused-buffer.ts). Like the parked ones they are freed by a thread's end, and
  // are no leaks.
  std::uint32_t idle[kTags];
  // How much longer than the request a block beyond 2 MiB may be that serves it. Unit: percent.
  std::uint32_t huge_waste;
  // Of a pool that lends JavaScript's own objects and no blocks. Its heap holds nothing.
  ObjectCounts objects;
  // Of a pool whose blocks lie in a file. Its heap holds nothing.
  FileCounts file;
  // Of a pool of records (pools/buffer/record_shape.h), whose chunks are all idle blocks: how many
  // records they have, and how many of these are free (lib/pools/record/record-shelf.ts).
  std::uint32_t records_made;
  std::uint32_t records_idle;

  /// What follows is not for JavaScript. The cache and JavaScript's ArrayBuffer end in either
  /// order, and a closed pool's code may still look at its magazines: the last one frees them.
  std::atomic<std::uint32_t> references{1};

  void retain() { references.fetch_add(1, std::memory_order_relaxed); }
  void release() {
    if (references.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }
};

// JavaScript reads and writes block numbers as elements of a Uint32Array.
static_assert(sizeof(BlockNumber) == sizeof(std::uint32_t) &&
              alignof(BlockNumber) == alignof(std::uint32_t) &&
              std::is_trivially_copyable_v<BlockNumber>);
static_assert(std::is_standard_layout_v<LeaseMagazines>);
static_assert(offsetof(LeaseMagazines, objects) % sizeof(double) == 0 &&
                  offsetof(LeaseMagazines, file) % sizeof(double) == 0,
              "Float64Arrays");

/// The part that JavaScript maps.
constexpr ByteCount kMappedMagazineBytes = offsetof(LeaseMagazines, references);

}  // namespace superslab
