// What a replay counts, and what that costs. The unit costs are measured by `npm run bench -- learn
// costs`, and docs/TUNING.md says on which machine; they are part of the version, so that the same
// trace has the same costs everywhere.
#pragma once

#include <cstdint>

#include "base/types.h"

namespace superslab {

/// Of all processes of a trace together.
struct ReplayCounts {
  std::uint64_t allocations = 0;
  std::uint64_t failed = 0;   // for which this machine had no addresses
  std::uint64_t refills = 0;  // magazines that were empty
  std::uint64_t refilled_blocks = 0;
  std::uint64_t spills = 0;  // magazines that were full, or given back
  std::uint64_t spilled_blocks = 0;
  std::uint64_t remote_frees = 0;
  std::uint64_t slabs_made = 0;
  std::uint64_t huge_hits = 0;
  std::uint64_t huge_misses = 0;
  std::uint64_t commits = 0;
  std::uint64_t purges = 0;
  std::uint64_t purged_pages = 0;
  std::uint64_t faults = 0;
  std::uint64_t refaults = 0;
  ByteCount peak_bytes = 0;         // most in memory at once; the sum over processes
  double resident_mib_seconds = 0;  // memory by time
  /// What lay in magazines, by time.
  double cached_mib_seconds = 0;

  std::uint64_t slow_calls() const { return refills + spills; }
};

/// Unit costs in ns.
struct UnitCosts {
  double refill = 55;
  double refilled_block = 4;
  double spill = 60;
  double spilled_block = 5;
  double remote_free = 12;
  double slab = 250;
  double huge_hit = 150;
  double commit = 900;
  double purge = 600;
  double purged_page = 45;
  double fault = 500;
  /// Of a MiB that is in memory for a second.
  double mib_second = 2000;
};

/// In ns.
constexpr double cost_of(const ReplayCounts& n, const UnitCosts& unit) {
  const auto times = [](std::uint64_t count, double cost) {
    return static_cast<double>(count) * cost;
  };
  return times(n.refills, unit.refill) + times(n.refilled_blocks, unit.refilled_block) +
         times(n.spills, unit.spill) + times(n.spilled_blocks, unit.spilled_block) +
         times(n.remote_frees, unit.remote_free) + times(n.slabs_made, unit.slab) +
         times(n.huge_hits + n.huge_misses, unit.huge_hit) + times(n.commits, unit.commit) +
         times(n.purges, unit.purge) + times(n.purged_pages, unit.purged_page) +
         times(n.faults, unit.fault) + n.resident_mib_seconds * unit.mib_second;
}

}  // namespace superslab
