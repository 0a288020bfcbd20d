// Divides a budget of bytes among the magazines of all classes: a multiple-choice knapsack, where
// each class chooses one capacity.
//
// Miss curves are convex (learn/run_length_curve.h): the next block of a class never saves more
// than the one before. So the budget is filled like water, block by block, always where a byte
// saves most. That is the optimum of the relaxed problem (Sinha and Zoltners, "The Multiple-Choice
// Knapsack Problem", 1979), and at most one block short of the best whole choice.
#pragma once

#include <cstdint>
#include <span>

#include "base/types.h"
#include "learn/run_length_curve.h"

namespace superslab {

/// One class that takes part.
struct CapacityChoice {
  const RunLengthCurve::Costs* costs = nullptr;
  ByteCount block_bytes = 0;
  std::uint8_t least = 1;
  std::uint8_t most = 1;
  std::uint8_t current = 1;  // from `least` to `most`
  std::uint8_t chosen = 0;
};

/// Sets `chosen` of each. Each has its least, whatever the budget; what nobody saves a call with
/// goes to those that would have less than now. At most kClassSlots of them.
void choose_capacities(std::span<CapacityChoice> classes, ByteCount budget);

}  // namespace superslab
