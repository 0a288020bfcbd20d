// The class of a request by table, for the sizes that malloc serves without a computation.
#pragma once

#include <array>
#include <cstdint>

#include "heap/size_class.h"

namespace superslab {

/// Up to here classes are multiples of 16, and the table has one entry for each 16 bytes.
constexpr ByteCount kMaxSmallBytes = 1024;
// From there to kMaxMediumBytes they are multiples of 256.

namespace detail {

template <ByteCount max, ByteCount step>
constexpr auto make_class_table() {
  std::array<std::uint8_t, max / step + 1> table{};
  for (std::size_t i = 0; i < table.size(); ++i)
    table[i] = static_cast<std::uint8_t>(to_index(class_for(i * step)));
  return table;
}

inline constexpr auto kSmallClasses = make_class_table<kMaxSmallBytes, 16>();
inline constexpr auto kMediumClasses = make_class_table<kMaxMediumBytes, 256>();

}  // namespace detail

inline std::size_t small_class(ByteCount bytes) { return detail::kSmallClasses[(bytes + 15) / 16]; }
inline std::size_t medium_class(ByteCount bytes) {
  return detail::kMediumClasses[(bytes + 255) / 256];
}

}  // namespace superslab
