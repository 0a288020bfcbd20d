// Numbers that native calls return and take, beside those that have a type in the core.
// tables.cc gives them to JavaScript under their names.
#pragma once

#include <cstdint>

namespace superslab {

/// What refill() and takeHuge() return instead of blocks. None of these is a number of blocks or
/// of a block.
enum class NoBlocks : std::int32_t {
  kNoRoom = 0,
  kNoMemory = -1,
};

/// What refill() adds to the number of blocks when recutWindows() has some.
constexpr std::uint32_t kRecut = 256;

}  // namespace superslab
