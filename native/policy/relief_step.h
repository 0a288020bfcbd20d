// What pools give back while memory is scarce.
#pragma once

#include <cstdint>

namespace superslab {

/// In this order; each step includes those before it. docs/PRESSURE.md says what each kind of pool
/// has of which.
enum class ReliefStep : std::uint8_t {
  kNothing,
  kCaches,  // what makes the next request fast and nothing else
  kCold,    // data that can be made smaller, or moved together
  kIdle,    // what waits to be lent again, beyond what the pool is to keep
};

}  // namespace superslab
