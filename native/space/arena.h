// One arena: a 4 GiB-aligned window of addresses, the pieces of it that are reserved, and its
// directory. The directory is a mapping of its own, committed as superslabs are first used.
#pragma once

#include <bit>
#include <cstdint>

#include "base/bits.h"
#include "base/types.h"
#include "os/os.h"
#include "space/slab.h"
#include "space/superslab.h"

namespace superslab {

constexpr std::size_t kSlicesPerArena = kArenaBytes / kSliceBytes;

/// Out-of-line words for one slice: as many as 16-byte blocks need, for both word arrays.
constexpr std::size_t kWordsPerSlice = 2 * kMaxWords;

struct Directory {
  Superslab superslabs[kSuperslabsPerArena];
  alignas(64 * kKiB) Slab slabs[kSlicesPerArena];
  alignas(64 * kKiB) std::uint64_t words[kSlicesPerArena][kWordsPerSlice];
};

class Arena {
 public:
  /// Sets up the window that starts at `window`, with none of it spare yet. False without address
  /// space for the directory.
  bool open(Os& os, std::byte* window, std::uint32_t ordinal);

  /// Gives the directory back. Only for tests.
  void close(Os& os);

  /// Marks a reserved piece of the window as spare.
  void add_piece(std::byte* base, ByteCount bytes);

  /// The lowest run of `count` spare superslabs, starting at a multiple of `unit`, that
  /// `fits(entry-or-nullptr)` accepts one by one (nullptr: never used), and `fits_last`, which
  /// accepts no more than `fits`, the last of them; or -1. Lowest first keeps the touched part of
  /// the window short.
  template <class Fits, class FitsLast>
  int find_spare(std::uint32_t count, std::uint32_t unit, Fits fits, FitsLast fits_last) const;

  /// Whether all of [first, first + count), inside the arena, is spare and fits.
  template <class Fits>
  bool is_spare(std::uint32_t first, std::uint32_t count, Fits fits) const;

  /// Whether the directory has an entry for superslab `i`.
  bool is_ready(std::uint32_t i) const { return test(ready_, i); }
  /// The same of superslabs 64 w to 64 w + 63, a bit each.
  std::uint64_t ready_word(std::size_t w) const { return ready_[w]; }

  void set_spare(std::uint32_t first, std::uint32_t count, bool spare);

  /// Makes the directory entries of [first, first + count) usable.
  OsStatus commit_directory(Os& os, std::uint32_t first, std::uint32_t count);

  std::byte* window() const { return window_; }
  Directory& directory() const { return *directory_; }

 private:
  using Bits = std::uint64_t[kSuperslabsPerArena / 64];

  static bool test(const Bits& bits, std::uint32_t i) { return (bits[i / 64] >> (i % 64)) & 1; }
  static void set(Bits& bits, std::uint32_t i) { bits[i / 64] |= std::uint64_t{1} << (i % 64); }

  /// One superslab's entry in one of the directory's arrays.
  static OsStatus commit_entry(Os& os, void* array, ByteCount entry_bytes, Bits& committed,
                               std::uint32_t i);

  std::byte* window_ = nullptr;
  Directory* directory_ = nullptr;
  std::uint32_t ordinal_ = 0;
  Bits spare_ = {};  // in no heap
  Bits ready_ = {};  // all its entries in the directory can be used
  // Whose entries lie on committed pages, for each array of the directory. A commit may fail
  // between two arrays, and no page is committed twice.
  Bits superslabs_committed_ = {};
  Bits slabs_committed_ = {};
  Bits words_committed_ = {};
};

template <class Fits>
bool Arena::is_spare(std::uint32_t first, std::uint32_t count, Fits fits) const {
  for (std::uint32_t i = first; i < first + count; ++i) {
    if (!test(spare_, i) || !fits(test(ready_, i) ? &directory_->superslabs[i] : nullptr))
      return false;
  }
  return true;
}

template <class Fits, class FitsLast>
int Arena::find_spare(std::uint32_t count, std::uint32_t unit, Fits fits,
                      FitsLast fits_last) const {
  for (std::uint32_t i = 0; i + count <= kSuperslabsPerArena;) {
    const std::uint64_t rest = spare_[i / 64] >> (i % 64);
    if (rest == 0) {
      i = (i / 64 + 1) * 64;
      continue;
    }
    i += static_cast<std::uint32_t>(std::countr_zero(rest));
    i = static_cast<std::uint32_t>(align_up(i, unit));
    std::uint32_t end = i;
    while (end < i + count && end < kSuperslabsPerArena && is_spare(end, 1, fits)) ++end;
    if (end == i + count) {
      if (is_spare(end - 1, 1, fits_last)) return static_cast<int>(i);
      ++i;  // what cannot be the last one can stand before it
      continue;
    }
    i = end + 1;
  }
  return -1;
}

}  // namespace superslab
