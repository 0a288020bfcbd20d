// What JavaScript calls the things of one environment.
#pragma once

#include <cstdint>

namespace superslab {

/// Names a pool within its environment.
enum class PoolId : std::uint32_t {};
/// JavaScript keeps a pool's number beside a tag of 8 bits (lib/pool/magazines.ts).
constexpr std::uint32_t kMaxPools = (std::uint32_t{1} << 24) - 1;

/// Names an evaluation of the package within its environment. Test runners evaluate modules anew
/// for each file of tests, in one environment: each evaluation has its pools and windows, and when
/// it can be reached no more, what it had is given back.
enum class EvaluationId : std::uint32_t {};
constexpr EvaluationId kNoEvaluation{0};
/// JavaScript makes window keys of it: 53 bits less 32.
constexpr EvaluationId kLastEvaluation{(std::uint32_t{1} << 21) - 1};

/// The memory of an ArrayBuffer over a single block; never used again for another. Its upper half
/// is the evaluation that made it.
enum class WindowKey : std::uint64_t {};
constexpr EvaluationId evaluation_of(WindowKey key) {
  return EvaluationId{static_cast<std::uint32_t>(static_cast<std::uint64_t>(key) >> 32)};
}

}  // namespace superslab
