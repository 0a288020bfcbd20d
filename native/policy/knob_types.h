// The types of policy values that no lower layer has a type for. The values of each enum stand in
// the order of the row's words in policy/knobs.def.
#pragma once

#include <cstdint>

#include "base/clock.h"
#include "base/types.h"

namespace superslab {

/// A span in milliseconds.
enum class Millis : std::uint32_t {};

constexpr Nanos to_nanos(Millis span) { return static_cast<Nanos>(span) * kMillisecond; }

enum class Profile : std::uint8_t { kThroughput, kBalanced, kLowMemory };

/// When the bytes of a block are cleared.
enum class Zeroing : std::uint8_t { kNever, kAcquire, kRelease };

/// How memory is prefaulted.
enum class Populate : std::uint8_t { kOff, kDemand, kSuperslab };

/// What happens at HeapSnapshot::max_bytes.
enum class OnExhausted : std::uint8_t { kThrow, kWait, kFallback };

/// What a process lets others see from its start.
enum class Inspect : std::uint8_t { kOff, kSocket };

/// What becomes of values that are learned.
enum class LearnMode : std::uint8_t { kOff, kLearn, kTrial, kFrozen };

/// How capacities of magazines are learned.
enum class LearnRule : std::uint8_t { kCurve, kHitRate };

/// What becomes of a block of another allocator that comes to free().
enum class Foreign : std::uint8_t { kNext, kIgnore, kAbort };

/// Which leases are watched for leaks.
enum class LeakDetection : std::uint8_t { kOff, kSampled, kFull };

/// What is done to find misuse of memory; each includes those before it.
enum class Guard : std::uint8_t { kOff, kPoison, kCanary, kDetach };

}  // namespace superslab
