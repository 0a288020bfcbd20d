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

/// std::popcount for words that mostly have one bit: without the machine's own instruction, which
/// the baseline of x86-64 lacks, it is a function call.
constexpr unsigned count_few_bits(std::uint64_t x) {
  return (x & (x - 1)) == 0 ? x != 0 : static_cast<unsigned>(std::popcount(x));
}

inline std::uintptr_t address_of(const void* p) { return reinterpret_cast<std::uintptr_t>(p); }

}  // namespace superslab
