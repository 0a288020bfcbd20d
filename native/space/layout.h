// What two builds must agree on to share a Space: its objects lie in memory that both work with.
#pragma once

#include <cstdint>

#include "space/space.h"

namespace superslab {

/// Raised when the meaning of a field changes and its place does not, and when Os gets another
/// function: whoever takes a space calls its Os, too.
constexpr std::uint64_t kSpaceAbi = 8;

namespace detail {

constexpr std::uint64_t mix(std::uint64_t hash, std::uint64_t value) {
  return (hash ^ value) * 0x100000001b3;  // FNV-1a
}

}  // namespace detail

inline constexpr std::uint64_t kSpaceLayout = [] {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const std::uint64_t value :
       {kSpaceAbi, std::uint64_t{sizeof(Space)}, std::uint64_t{sizeof(Arena)},
        std::uint64_t{sizeof(Superslab)}, std::uint64_t{sizeof(Slab)}, std::uint64_t{sizeof(Mutex)},
        std::uint64_t{kMaxArenas}})
    hash = detail::mix(hash, value);
  return hash;
}();

}  // namespace superslab
