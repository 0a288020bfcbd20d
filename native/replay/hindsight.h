// The best that somebody who knew the whole trace would have set, once and for all.
#pragma once

#include <vector>

#include "replay/rules.h"

namespace superslab {

/// MagazineBlocks that were tried for all classes at once; classes hardly touch each other, so that
/// each class has its own curve.
inline constexpr std::uint8_t kTriedCapacities[] = {1,  2,  3,  4,  6,  8,  10, 12, 14, 16, 20,
                                                    24, 28, 32, 36, 40, 44, 48, 52, 56, 60, 62};

/// Slow calls of each class, refills and spills, at each of kTriedCapacities.
struct MissCurves {
  std::array<std::array<std::uint64_t, std::size(kTriedCapacities)>, kFirstLargeClass> calls{};
  std::array<bool, kFirstLargeClass> is_used{};
};

void measure_curves(const trace::Trace& trace, const Policy& policy, MissCurves& out);

/// The capacities with the fewest slow calls whose bytes, as of bytes_of(), keep to `budget`: a
/// multiple-choice knapsack, solved on steps of a 1,024th of the budget.
MagazineBlocks best_capacities(const MissCurves& curves, ByteCount budget);

}  // namespace superslab
