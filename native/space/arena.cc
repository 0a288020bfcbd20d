#include "space/arena.h"

#include <algorithm>

#include "base/program_order.h"

namespace superslab {

void Arena::set_ready(std::uint32_t i) {
  std::atomic_ref(ready_[i / 64]).fetch_or(std::uint64_t{1} << (i % 64), std::memory_order_release);
}

void Arena::set_spare(std::uint32_t first, std::uint32_t count, bool spare) {
  for (std::uint32_t i = first; i < first + count; ++i) {
    const std::uint64_t bit = std::uint64_t{1} << (i % 64);
    spare_[i / 64] = spare ? spare_[i / 64] | bit : spare_[i / 64] & ~bit;
  }
}

void Arena::set_idle(std::uint32_t first, std::uint32_t count) {
  for (std::uint32_t i = first; i < first + count; ++i) set(idle_, i);
}

std::uint32_t Arena::clear_idle(std::uint32_t first, std::uint32_t count) {
  std::uint32_t idle = 0;
  for (std::uint32_t i = first; i < first + count; ++i) {
    idle += test(idle_, i);
    idle_[i / 64] &= ~(std::uint64_t{1} << (i % 64));
  }
  return idle;
}

std::uint32_t Arena::count_idle() const {
  std::uint32_t count = 0;
  for (std::size_t w = 0; w < kWords; ++w) count += count_bits(spare_word(Spare::kIdle, w));
  return count;
}

std::uint32_t Arena::count_open(std::uint32_t from, std::uint32_t max) const {
  std::uint32_t i = from;
  while (i < kSuperslabsPerArena && i - from < max && is_open(i)) ++i;
  return i - from;
}

/// All of the range is open. Where others lie in it, looks for them by halves.
OsStatus Arena::reserve_open(Os& os, std::uint32_t first, std::uint32_t count) {
  const OsStatus status = os.reserve_at(at(first), ByteCount{count} * kSuperslabBytes);
  if (status == OsStatus::kOk) {
    for (std::uint32_t i = first; i < first + count; ++i) set(reserved_, i);
    in_program_order();
    set_spare(first, count, true);
    return status;
  }
  if (status != OsStatus::kTaken) return status;
  if (count == 1) {
    set(foreign_, first);
    return status;
  }
  const std::uint32_t half = count / 2;
  const OsStatus low = reserve_open(os, first, half);
  if (low == OsStatus::kNoMemory) return low;
  const OsStatus high = reserve_open(os, first + half, count - half);
  return high == OsStatus::kOk ? low : high;
}

OsStatus Arena::reserve(Os& os, std::uint32_t first, std::uint32_t count) {
  OsStatus worst = OsStatus::kOk;
  for (std::uint32_t i = first; i < first + count;) {
    const std::uint32_t open = count_open(i, first + count - i);
    if (open != 0) {
      const OsStatus status = reserve_open(os, i, open);
      if (status == OsStatus::kNoMemory) return status;
      if (status != OsStatus::kOk) worst = status;
    }
    i += std::max(open, 1u);
  }
  return worst;
}

ByteCount Arena::reserved_bytes() const {
  ByteCount count = 0;
  for (const std::uint64_t word : reserved_) count += count_bits(word);
  return count * kSuperslabBytes;
}

void Arena::close(Os& os) {
  for (std::uint32_t i = 0; i < kSuperslabsPerArena;) {
    std::uint32_t end = i;
    while (end < kSuperslabsPerArena && test(reserved_, end)) ++end;
    if (end != i) os.unreserve(at(i), ByteCount{end - i} * kSuperslabBytes);
    i = end + 1;
  }
}

}  // namespace superslab
