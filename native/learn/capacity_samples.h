// What a heap tells of its threads' magazines to who learns their capacities. Counts never fall, or
// wrap around: of two samples the difference is what happened in between.
#pragma once

#include <array>
#include <cstdint>

#include "base/types.h"
#include "learn/rollout.h"
#include "learn/run_length_curve.h"

namespace superslab {

/// Of one class, over all threads.
struct CapacitySample {
  RunCounts runs;
  std::uint32_t block_bytes = 0;
  /// What a magazine holds by the fixed limits, in blocks; 0 for a class whose capacity is not
  /// learned, as when it was set by hand.
  std::uint8_t fixed_blocks = 0;
  bool is_large = false;            // which of the two budgets it is part of
  std::uint64_t cached_blocks = 0;  // now
  std::uint64_t refills = 0;        // slow calls that took blocks
  std::uint64_t acquires = 0;       // blocks that callers took; 0 where that is not counted
};

/// Of one half of the owners, over all classes.
struct ArmSample {
  std::uint64_t slow_calls = 0;
  std::uint64_t acquires = 0;
};

struct CapacitySamples {
  std::array<CapacitySample, kClassSlots> classes{};
  std::array<ArmSample, kArms> arms{};
};

}  // namespace superslab
