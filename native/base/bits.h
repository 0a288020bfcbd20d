// Arithmetic on bits and addresses.
#pragma once

#include <bit>
#include <cstdint>

#include "base/types.h"

namespace superslab {

constexpr bool is_power_of_two(std::uint64_t x) { return std::has_single_bit(x); }

/// The smallest multiple of `unit` (a power of two) that is >= x. The caller rules out overflow.
constexpr std::uint64_t align_up(std::uint64_t x, std::uint64_t unit) {
  return (x + unit - 1) & ~(unit - 1);
}

constexpr std::uint64_t align_down(std::uint64_t x, std::uint64_t unit) { return x & ~(unit - 1); }

constexpr std::uint64_t div_up(std::uint64_t x, std::uint64_t unit) {
  return (x + unit - 1) / unit;
}

/// `count` ones from bit 0 up; count in [0, 64].
constexpr std::uint64_t low_ones(unsigned count) {
  return count >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << count) - 1;
}

/// std::popcount without a call: the baseline of x86-64 lacks the instruction, and compilers then
/// call a function. Sums of 2, 4 and 8 neighbours side by side; the product's top byte adds them
/// up.
constexpr unsigned count_bits(std::uint64_t x) {
  x -= (x >> 1) & 0x5555555555555555;
  x = (x & 0x3333333333333333) + ((x >> 2) & 0x3333333333333333);
  x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0f;
  return static_cast<unsigned>((x * 0x0101010101010101) >> 56);
}

inline std::uintptr_t address_of(const void* p) { return reinterpret_cast<std::uintptr_t>(p); }

}  // namespace superslab
