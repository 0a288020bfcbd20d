// One arena: 4 GiB of a space's addresses, and which of its superslabs are reserved, spare, idle,
// or somebody else's.
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdint>

#include "base/bits.h"
#include "base/racy_read.h"
#include "base/types.h"
#include "os/os.h"

namespace superslab {

/// Spare superslabs, by whether they are idle: whether their memory holds what it held.
enum class Spare : std::uint8_t { kAny, kIdle, kNotIdle };

class Arena {
 public:
  explicit Arena(std::byte* base) : base_(base) {}

  /// The lowest span of `count` superslabs, starting at a multiple of `unit`, each of which is
  /// spare as wanted and fits(i), and the last one fits_last(i), which accepts no more than `fits`;
  /// or -1. Lowest first keeps the touched part short.
  template <class Fits, class FitsLast>
  int find_spare(Spare wanted, std::uint32_t count, std::uint32_t unit, Fits fits,
                 FitsLast fits_last) const {
    const auto among = [=, this](std::size_t w) { return spare_word(wanted, w); };
    return find_span(among, count, unit, fits, fits_last);
  }

  /// A span as above of superslabs that are open, or spare and fit.
  template <class Fits, class FitsLast>
  int find_room(Spare wanted, std::uint32_t count, std::uint32_t unit, Fits fits,
                FitsLast fits_last) const;

  /// Which of superslabs 64 w to 64 w + 63 are spare as wanted, a bit each.
  std::uint64_t spare_word(Spare wanted, std::size_t w) const {
    if (wanted == Spare::kAny) return spare_[w];
    return spare_[w] & (wanted == Spare::kIdle ? idle_[w] : ~idle_[w]);
  }

  bool is_spare(std::uint32_t i) const { return test(spare_, i); }
  bool is_reserved(std::uint32_t i) const { return test(reserved_, i); }
  /// Neither reserved nor known to be somebody else's.
  bool is_open(std::uint32_t i) const { return !test(reserved_, i) && !test(foreign_, i); }
  /// Whether the space's tables have an entry for superslab `i`. Any thread, without a lock.
  bool is_ready(std::uint32_t i) const {
    return (std::atomic_ref(ready_[i / 64]).load(std::memory_order_acquire) >> (i % 64)) & 1;
  }
  /// The same of superslabs 64 w to 64 w + 63, a bit each.
  std::uint64_t ready_word(std::size_t w) const { return ready_[w]; }
  void set_ready(std::uint32_t i);

  void set_spare(std::uint32_t first, std::uint32_t count, bool spare);

  /// Whether its memory holds what it held when it became spare. Any thread, for a look.
  bool is_idle(std::uint32_t i) const { return ((racy_read(idle_[i / 64]) >> (i % 64)) & 1) != 0; }
  void set_idle(std::uint32_t first, std::uint32_t count);
  /// Returns how many were idle.
  std::uint32_t clear_idle(std::uint32_t first, std::uint32_t count);
  /// How many are idle and spare.
  std::uint32_t count_idle() const;

  /// Reserves those of [first, first + count) that are open, and makes them spare. kTaken: others
  /// lie in the midst of it; what they have is not open any more, and the rest is spare.
  OsStatus reserve(Os& os, std::uint32_t first, std::uint32_t count);

  /// How many superslabs from `from` on are open, at most `max`.
  std::uint32_t count_open(std::uint32_t from, std::uint32_t max) const;

  ByteCount reserved_bytes() const;

  /// Gives every reservation back. Only for tests.
  void close(Os& os);

  std::byte* base() const { return base_; }

 private:
  static constexpr std::size_t kWords = kSuperslabsPerArena / 64;
  using Bits = std::uint64_t[kWords];

  /// Which of superslabs 64 w to 64 w + 63 start a span of `count`, at most 64, of those of which
  /// the bit is set in among(word).
  template <class Among>
  static std::uint64_t starts_in_word(Among among, std::uint32_t w, std::uint32_t count);

  /// A span as for find_spare(), of those of which the bit is set in among(word).
  template <class Among, class Fits, class FitsLast>
  static int find_span(Among among, std::uint32_t count, std::uint32_t unit, Fits fits,
                       FitsLast fits_last);

  static bool test(const Bits& bits, std::uint32_t i) { return (bits[i / 64] >> (i % 64)) & 1; }
  static void set(Bits& bits, std::uint32_t i) { bits[i / 64] |= std::uint64_t{1} << (i % 64); }

  std::byte* at(std::uint32_t i) const { return base_ + ByteCount{i} * kSuperslabBytes; }
  OsStatus reserve_open(Os& os, std::uint32_t first, std::uint32_t count);

  std::byte* const base_;
  Bits reserved_ = {};
  Bits foreign_ = {};        // another's mapping was seen there
  Bits spare_ = {};          // reserved, and in no heap
  Bits idle_ = {};           // holds memory that was given with it
  mutable Bits ready_ = {};  // mutable for atomic_ref: read without a lock
};

template <class Among>
std::uint64_t Arena::starts_in_word(Among among, std::uint32_t w, std::uint32_t count) {
  std::uint64_t low = among(w);
  std::uint64_t high = w + 1 < kWords ? among(w + 1) : 0;
  // Each bit says that so many are in a row from it on; twice as many with each step.
  for (std::uint32_t in_a_row = 1; in_a_row < count && low != 0;) {
    const std::uint32_t more = std::min(in_a_row, count - in_a_row);
    low &= low >> more | high << (64 - more);
    high &= high >> more;
    in_a_row += more;
  }
  return low;
}

template <class Among, class Fits, class FitsLast>
int Arena::find_span(Among among, std::uint32_t count, std::uint32_t unit, Fits fits,
                     FitsLast fits_last) {
  const auto is_in = [&](std::uint32_t i) { return ((among(i / 64) >> (i % 64)) & 1) != 0; };
  for (std::uint32_t i = 0; i + count <= kSuperslabsPerArena;) {
    const std::uint64_t starts = starts_in_word(among, i / 64, std::min(count, 64u)) >> (i % 64);
    if (starts == 0) {
      i = (i / 64 + 1) * 64;
      continue;
    }
    i += static_cast<std::uint32_t>(std::countr_zero(starts));
    if (i % unit != 0) {
      i = static_cast<std::uint32_t>(align_up(i, unit));
      continue;
    }
    std::uint32_t end = i;
    while (end < i + count && end < kSuperslabsPerArena && is_in(end) && fits(end)) ++end;
    if (end == i + count) {
      if (fits_last(end - 1)) return static_cast<int>(i);
      ++i;  // what cannot be the last one can stand before it
      continue;
    }
    i = end + 1;
  }
  return -1;
}

template <class Fits, class FitsLast>
int Arena::find_room(Spare wanted, std::uint32_t count, std::uint32_t unit, Fits fits,
                     FitsLast fits_last) const {
  const auto among = [=, this](std::size_t w) {
    return spare_word(wanted, w) | ~(reserved_[w] | foreign_[w]);
  };
  return find_span(
      among, count, unit, [&](std::uint32_t i) { return is_open(i) || fits(i); },
      [&](std::uint32_t i) { return is_open(i) || fits_last(i); });
}

}  // namespace superslab
