// The free bits of a slab: the only truth about which of its blocks are free. Functions named
// `remote_` may be called by any thread, the others only by the slab's owner.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>

#include "base/bits.h"
#include "base/racy_read.h"
#include "heap/size_class.h"
#include "space/slab.h"

namespace superslab {

/// floor(offset / block_bytes) by multiplication. With offset and block_bytes below 2^22 the error
/// offset * (reciprocal * block_bytes - 2^43) stays below 2^43, so the quotient is exact.
constexpr unsigned kReciprocalShift = 43;

constexpr std::uint64_t reciprocal_of(std::uint32_t block_bytes) {
  return (std::uint64_t{1} << kReciprocalShift) / block_bytes + 1;
}

inline constexpr auto kReciprocals = [] {
  std::array<std::uint64_t, kFixedClasses> table{};
  for (std::size_t i = 0; i < kFixedClasses; ++i) table[i] = reciprocal_of(class_bytes(i));
  return table;
}();

/// Which block `p` lies in; p lies in the slab's blocks.
inline std::uint32_t block_index(const Slab& slab, const void* p) {
  const std::uint64_t offset = address_of(p) - address_of(slab.start);
  return static_cast<std::uint32_t>((offset * slab.reciprocal) >> kReciprocalShift);
}

inline std::byte* block_address(const Slab& slab, std::uint32_t index) {
  return slab.start + ByteCount{index} * slab.block_bytes;
}

inline std::atomic_ref<std::uint64_t> remote_word(const Slab& slab, std::uint32_t word) {
  return std::atomic_ref<std::uint64_t>(slab.remote_words[word]);
}

/// Prepares the entry for blocks of class `c` that start at `start`. `outline` are kMaxWords of
/// either kind for classes that need more than the entry holds.
inline void slab_init(Slab& slab, ClassIndex c, std::byte* start, std::uint64_t* outline) {
  const SizeClass& cut = size_class(c);
  slab.start = start;
  slab.reciprocal = kReciprocals[to_index(c)];
  if (cut.words <= kInlineWords) {
    slab.free_words = slab.inline_free_words;
    slab.remote_words = slab.inline_remote_words;
    for (std::size_t w = 0; w < kInlineWords; ++w) slab.free_words[w] = slab.remote_words[w] = 0;
  } else {
    slab.free_words = outline;
    // Apart by more than they need: owner and others do not write to the same line.
    slab.remote_words = outline + kMaxWords;
    for (unsigned w = 0; w < cut.words; ++w) slab.free_words[w] = slab.remote_words[w] = 0;
  }
  slab.block_bytes = cut.block_bytes;
  slab.block_count = cut.block_count;
  slab.carved = 0;
  slab.populated_bytes = 0;
  slab.words = cut.words;
  slab.size_class = c;
  slab.slices = cut.slices;
  slab.is_clean = false;
  slab.is_purged = false;
  slab.purged_kib = 0;
  slab.low_word = 0;
  slab.state = SlabState::kDrained;
  slab.next = slab.prev = nullptr;
}

/// True when there is nothing to take: no free bit of the owner's and nothing left to carve.
inline bool slab_is_drained(const Slab& slab) {
  if (slab.carved < slab.block_count) return false;
  for (unsigned w = slab.low_word; w < slab.words; ++w) {
    if (slab.free_words[w] != 0) return false;
  }
  return true;
}

/// True when every block ever handed out is free in the owner's words and no remote thread is
/// about to touch the slab: then nobody but the owner can reach it, and it may be retired.
/// The acquire pairs with the release in remote_free(): what the last remote thread did to the
/// slab happened before.
inline bool slab_is_unused(const Slab& slab) {
  for (unsigned w = 0, left = slab.carved; left > 0; ++w) {
    const unsigned in_word = std::min(left, 64u);
    if (slab.free_words[w] != low_ones(in_word)) return false;
    left -= in_word;
  }
  return slab.pending.load(std::memory_order_acquire) == 0;
}

/// True when the block is free in either kind of word. Exact only while no remote thread frees.
inline bool slab_holds(const Slab& slab, std::uint32_t index) {
  // The owner may be at other blocks of the word.
  const std::uint64_t words = racy_read(slab.free_words[index / 64]) |
                              remote_word(slab, index / 64).load(std::memory_order_acquire);
  return (words >> (index % 64)) & 1;
}

/// Takes up to `wanted` blocks, those that were freed before fresh ones, the lowest addresses
/// first. They are put before `end` as on a stack that grows downward: the first at end[-1].
inline std::size_t slab_take(Slab& slab, void** end, std::size_t wanted) {
  void** const last = end - wanted;
  void** out = end;
  const ByteCount unit = slab.block_bytes;
  for (std::uint32_t w = slab.low_word; w < slab.words && out != last; ++w) {
    slab.low_word = static_cast<std::uint8_t>(w);
    std::uint64_t bits = slab.free_words[w];
    std::byte* const first = block_address(slab, w * 64);
    while (bits != 0 && out != last) {
      *--out = first + static_cast<ByteCount>(std::countr_zero(bits)) * unit;
      bits &= bits - 1;
    }
    slab.free_words[w] = bits;
  }
  const auto fresh = std::min<std::uint32_t>(static_cast<std::uint32_t>(out - last),
                                             slab.block_count - slab.carved);
  std::byte* block = block_address(slab, slab.carved);
  for (std::uint32_t i = 0; i < fresh; ++i, block += unit) *--out = block;
  slab.carved += fresh;
  return static_cast<std::size_t>(end - out);
}

/// Marks the blocks of `mask` in word `word` free and returns those that were free already: a
/// double free, which changes nothing.
inline std::uint64_t slab_free(Slab& slab, std::uint32_t word, std::uint64_t mask) {
  const std::uint64_t before = slab.free_words[word];
  slab.free_words[word] = before | mask;
  if (word < slab.low_word) slab.low_word = static_cast<std::uint8_t>(word);
  return before & mask;
}

/// Marks every block that was ever handed out free, also those that callers hold. No remote thread
/// may touch the slab meanwhile, and what such threads freed has been collected.
inline void slab_free_all(Slab& slab) {
  for (std::uint32_t w = 0; w < slab.words; ++w) {
    const std::uint32_t below = slab.carved > w * 64 ? slab.carved - w * 64 : 0;
    slab.free_words[w] = low_ones(std::min(below, 64u));
  }
  slab.low_word = 0;
}

/// What remote_free() found.
struct RemoteFree {
  std::uint64_t already_free;  // double frees, ignored
  bool must_queue;             // the caller puts the slab on its owner's remote queue
};

/// Frees the blocks of `mask` from a thread that does not own the slab.
///
/// Two steps: set the bits, then announce them in `pending`. The owner counts what it collects
/// down. Whoever lifts `pending` above zero queues the slab, so it is queued at most once and no
/// free is forgotten; and while a thread is between the two steps `pending` differs from zero or
/// the block is not free yet, so slab_is_unused() keeps the slab from being retired under it.
inline RemoteFree remote_free(Slab& slab, std::uint32_t word, std::uint64_t mask) {
  // Release: what this thread wrote into the block comes before the owner's next use of it.
  const std::uint64_t before = remote_word(slab, word).fetch_or(mask, std::memory_order_release);
  const std::uint64_t fresh = mask & ~before;
  const auto count = static_cast<std::int32_t>(count_bits(fresh));
  if (count == 0) return {before & mask, false};
  // Release for slab_is_unused(); acquire so that the queueing thread sees the slab as it is.
  const std::int32_t prior = slab.pending.fetch_add(count, std::memory_order_acq_rel);
  return {before & mask, prior <= 0 && prior + count > 0};
}

struct Collected {
  std::uint32_t freed = 0;
  std::uint32_t already_free = 0;  // double frees that neither side could see when they were made
};

/// Moves what remote threads freed into the owner's words. Only for a slab that was popped off the
/// owner's remote queue.
inline Collected slab_collect(Slab& slab) {
  Collected result;
  std::int32_t left = 0;
  std::int32_t collected = 0;
  do {
    collected = 0;
    for (std::uint32_t w = 0; w < slab.words; ++w) {
      if (remote_word(slab, w).load(std::memory_order_relaxed) == 0) continue;
      // Acquire pairs with the release of the bits.
      const std::uint64_t bits = remote_word(slab, w).exchange(0, std::memory_order_acquire);
      const auto repeated = static_cast<std::uint32_t>(count_bits(slab.free_words[w] & bits));
      slab.free_words[w] |= bits;
      if (w < slab.low_word) slab.low_word = static_cast<std::uint8_t>(w);
      const auto count = static_cast<std::int32_t>(count_bits(bits));
      result.already_free += repeated;
      result.freed += static_cast<std::uint32_t>(count) - repeated;
      collected += count;
    }
    // Above zero: more was announced after its word was read. Acquire: go round and see those bits.
    left = slab.pending.fetch_sub(collected, std::memory_order_acq_rel) - collected;
    // Each round finds some, but for a count that a fork in the midst of it left too high.
  } while (left > 0 && collected != 0);
  return result;
}

inline ByteCount bytes_of(const Slab& slab) { return slab.slices * kSliceBytes; }

/// Bytes behind `carved` blocks that nobody has touched; 0 where it is not known.
inline ByteCount untouched_bytes(const Slab& slab, std::uint32_t carved) {
  return slab.is_clean ? bytes_of(slab) - ByteCount{carved} * slab.block_bytes : 0;
}

/// Blocks that are free in the owner's words or were never handed out.
inline std::uint32_t slab_free_blocks(const Slab& slab) {
  std::uint32_t count = slab.block_count - slab.carved;
  for (unsigned w = slab.low_word; w < slab.words; ++w) count += count_bits(slab.free_words[w]);
  return count;
}

/// Bytes of the blocks that were handed out and are free in the owner's words.
inline std::int64_t idle_bytes_of(const Slab& slab) {
  const std::uint32_t fresh = slab.block_count - slab.carved;
  return std::int64_t{slab_free_blocks(slab) - fresh} * slab.block_bytes;
}

/// Calls visit(from, to) for each range [from, to) of blocks that are free in the owner's words or
/// were never handed out.
template <class Visit>
void slab_for_each_free_range(const Slab& slab, Visit visit) {
  const auto is_free = [&](std::uint32_t i) {
    return i >= slab.carved || ((slab.free_words[i / 64] >> (i % 64)) & 1) != 0;
  };
  for (std::uint32_t i = 0; i < slab.block_count;) {
    if (!is_free(i)) {
      ++i;
      continue;
    }
    const std::uint32_t from = i;
    while (i < slab.block_count && is_free(i)) ++i;
    visit(from, i);
  }
}

/// The structural invariants; for assertions and tests while the slab is quiet.
inline bool slab_is_valid(const Slab& slab) {
  if (slab.carved > slab.block_count || slab.words != div_up(slab.block_count, 64)) return false;
  for (std::uint32_t w = 0; w < slab.words; ++w) {
    const std::uint32_t below = slab.carved > w * 64 ? slab.carved - w * 64 : 0;
    const std::uint64_t remote = remote_word(slab, w).load(std::memory_order_relaxed);
    if ((slab.free_words[w] & remote) != 0) return false;
    if (((slab.free_words[w] | remote) & ~low_ones(std::min(below, 64u))) != 0) return false;
  }
  return true;
}

}  // namespace superslab
