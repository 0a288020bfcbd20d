// The directory's entry for one slab: everything known about its blocks, apart from the blocks.
//
// Invariants (slab_is_valid in heap/slab_bits.h checks the first two):
//   - a block with index >= carved was never handed out and is in no free word;
//   - a block is free in at most one of the two word arrays;
//   - pending == blocks whose remote bit was set and announced - blocks collected from remote bits.
//     It may dip below zero while a remote thread stands between the two steps.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/types.h"

namespace superslab {

/// Words of each kind that fit into the entry itself.
constexpr std::size_t kInlineWords = 2;

/// Words of each kind that a slab of the smallest blocks needs.
constexpr std::size_t kMaxWords = kSliceBytes / kMinAlignment / 64;

/// What its owner has in a slab.
enum class SlabState : std::uint8_t {
  kDrained,  // nothing: every block is out
  kPartial,  // some blocks, while others are out
  kUnused,   // every block; it can be dissolved
};
constexpr std::size_t kSlabStates = 3;

struct alignas(kCacheLinePair) Slab {
  // First line: the owner's alone. It writes here whenever it takes or frees a block, so no other
  // thread should have to read here.
  std::uint64_t* free_words;  // the owner's free bits
  std::uint32_t block_bytes;
  std::uint32_t block_count;
  std::uint32_t carved;           // blocks handed out at least once; the others were never touched
  std::uint32_t populated_bytes;  // from `start`, populated ahead of use
  std::uint16_t purged_kib;       // of free blocks, whose memory went back and was not taken again
  std::uint8_t words;             // 64-bit words of one kind
  ClassIndex size_class;
  std::uint8_t slices;    // 0: no slab starts at this slice
  SlabState state;        // which of its owner's lists it is in
  bool is_clean : 1;      // blocks that were never handed out read as zero
  bool is_purged : 1;     // no block was freed since its free pages were purged
  std::uint8_t low_word;  // no free word below this one has a bit
  Slab* next;
  Slab* prev;
  std::uint64_t inline_free_words[kInlineWords];

  // Second line: all that other threads need to free a block.
  alignas(64) std::byte* start;  // first block
  std::uint64_t reciprocal;      // see block_index() in heap/slab_bits.h
  std::uint64_t* remote_words;   // bits of the blocks that other threads freed
  std::atomic<void*> owner;      // a SlabOwner; opaque in this layer
  Slab* next_remote;             // in the owner's remote queue
  std::atomic<std::int32_t> pending;
  // In the entry of each slice that a slab was cut from, not only of its first;
  // pools/buffer/window.h.
  std::atomic<std::uint32_t> window;
  std::uint64_t inline_remote_words[kInlineWords];
};
static_assert(sizeof(Slab) == kCacheLinePair);

}  // namespace superslab
