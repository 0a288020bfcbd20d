// Bytes that are all zero.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/types.h"

namespace superslab::mapped {

inline bool is_zero(const std::uint8_t* from, ByteCount bytes) {
  return std::all_of(from, from + bytes, [](std::uint8_t byte) { return byte == 0; });
}

}  // namespace superslab::mapped
