#include "replay/hindsight.h"

#include <algorithm>
#include <limits>

#include "base/bits.h"

namespace superslab {
namespace {

constexpr std::size_t kSteps = 1024;
constexpr std::size_t kChoices = std::size(kTriedCapacities);

/// Sees what each class cost in a replay by an unchanging policy.
class Watch final : public ReplayRule {
 public:
  void begin(const HeapSnapshot&, Heap*) override {}
  bool step(const Interval& interval, HeapSnapshot&) override {
    for (std::size_t c = 0; c < kFirstLargeClass; ++c) {
      calls[c] += interval.misses[c] + interval.spills[c];
      allocations[c] += interval.allocations[c];
    }
    return false;
  }

  std::array<std::uint64_t, kFirstLargeClass> calls{};
  std::array<std::uint64_t, kFirstLargeClass> allocations{};
};

/// Bytes of a choice, in steps of the budget, rounded up.
std::size_t steps_of(std::size_t c, std::size_t choice, ByteCount budget) {
  // One block of each class is always allowed.
  if (kTriedCapacities[choice] <= 1) return 0;
  const ByteCount bytes = ByteCount{kTriedCapacities[choice]} * kSizeClasses[c].block_bytes;
  return div_up(bytes * kSteps, std::max<ByteCount>(budget, 1));
}

}  // namespace

void measure_curves(const trace::Trace& trace, const Policy& policy, MissCurves& out) {
  out = {};
  for (std::size_t choice = 0; choice < kChoices; ++choice) {
    Policy tried = policy;
    MagazineBlocks all;
    all.fill(kTriedCapacities[choice]);
    set_capacities(all, tried);
    Watch watch;
    (void)replay(trace, tried, &watch);
    for (std::size_t c = 0; c < kFirstLargeClass; ++c) {
      out.calls[c][choice] = watch.calls[c];
      out.is_used[c] |= watch.allocations[c] != 0;
    }
  }
}

MagazineBlocks best_capacities(const MissCurves& curves, ByteCount budget) {
  constexpr std::uint64_t kNone = std::numeric_limits<std::uint64_t>::max();
  // best[b]: fewest calls of the classes so far within b steps; chosen[c][b]: how.
  std::vector<std::uint64_t> best(kSteps + 1, 0);
  std::vector<std::uint64_t> next(kSteps + 1);
  std::vector<std::array<std::uint8_t, kSteps + 1>> chosen(kFirstLargeClass);
  for (std::size_t c = 0; c < kFirstLargeClass; ++c) {
    std::fill(next.begin(), next.end(), kNone);
    for (std::size_t b = 0; b <= kSteps; ++b) {
      for (std::size_t choice = 0; choice < kChoices; ++choice) {
        const std::size_t steps = steps_of(c, choice, budget);
        if (steps > b) continue;
        const std::uint64_t calls = best[b - steps] + curves.calls[c][choice];
        if (calls >= next[b]) continue;
        next[b] = calls;
        chosen[c][b] = static_cast<std::uint8_t>(choice);
      }
    }
    best = next;
  }
  MagazineBlocks out;
  std::size_t left = kSteps;
  for (std::size_t c = kFirstLargeClass; c-- > 0;) {
    const std::uint8_t choice = chosen[c][left];
    out[c] = kTriedCapacities[choice];
    left -= steps_of(c, choice, budget);
  }
  return out;
}

}  // namespace superslab
