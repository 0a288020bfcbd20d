// What a heap tells to those who choose its policy: what its slow paths have counted since it was
// made, and what it has now.
//
// The heap fills it in (Heap::sample) from the counters that its statistics are made of. Counts
// never fall, so that of two samples the difference is what happened in between.
#pragma once

#include <array>
#include <cstdint>

#include "base/types.h"

namespace superslab {

/// Of one size class. While the heap's threads rest,
///   taken_blocks - given_blocks == in_use_blocks + cached_blocks.
struct ClassSample {
  std::uint64_t refills = 0;       // times that a magazine was empty and fetched a batch
  std::uint64_t taken_blocks = 0;  // that refills took out of slabs
  std::uint64_t spills = 0;        // times that a magazine gave blocks back
  std::uint64_t given_blocks = 0;  // that went back into slabs, by spills or past the magazines
  std::uint64_t slabs_made = 0;
  std::uint64_t slabs_retired = 0;
  std::uint64_t in_use_blocks = 0;  // with callers now
  std::uint64_t cached_blocks = 0;  // in threads' magazines now
  /// Blocks that callers were lent. Other threads' may be told a little later, or twice at once, so
  /// that the sum may fall for a moment.
  std::uint64_t acquires = 0;
  /// Slabs of which a block is out: now, and most and fewest at once since Heap::restart_peaks().
  /// Over several threads the sums of what each of them had most and least of.
  std::uint32_t busy_slabs = 0;
  std::uint32_t peak_busy_slabs = 0;
  std::uint32_t low_busy_slabs = 0;
  ByteCount slab_bytes = 0;  // of one slab
};

/// How scarce memory is for the process.
enum class Pressure : std::uint8_t {
  kNone,
  kSome,  // nothing should be taken ahead of need
  kFull,  // whatever can be spared should go
};

struct Samples {
  /// By index; those of no class stay zero.
  std::array<ClassSample, kClassSlots> classes{};

  ByteCount committed_bytes = 0;   // now
  std::uint64_t purged_bytes = 0;  // given back to the operating system, counted
  std::uint64_t huge_hits = 0;     // blocks beyond 2 MiB that came out of the big cache
  std::uint64_t huge_misses = 0;   // those that needed fresh superslabs
  /// What the heap has now for neither callers nor magazines: blocks free in slabs, slices in no
  /// slab that hold memory, and the big cache. Pages of free blocks that hold none are among it.
  ByteCount idle_bytes = 0;
  ByteCount free_bytes = 0;  // of those, what lies in no slab and serves any class
  Pressure pressure = Pressure::kNone;
};

}  // namespace superslab
