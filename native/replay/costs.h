// What a replay counts, and what that costs. The unit costs were measured, and docs/TUNING.md says
// how and on which machine. They are part of the version, so that a trace has the same costs
// everywhere.
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
  std::uint64_t huge_hits = 0;
  std::uint64_t huge_misses = 0;
  std::uint64_t commits = 0;
  std::uint64_t purges = 0;
  std::uint64_t purged_pages = 0;
  std::uint64_t faults = 0;
  std::uint64_t refaults = 0;
  ByteCount peak_bytes = 0;         // most in memory at once; the sum over processes
  double resident_mib_seconds = 0;  // memory by time

  std::uint64_t slow_calls() const { return refills + spills; }

  ReplayCounts& operator+=(const ReplayCounts& more) {
    change_each(more, [](auto& sum, auto one) { sum += one; });
    peak_bytes += more.peak_bytes;
    return *this;
  }
  /// What came after `before`; the peak is that of all the time.
  ReplayCounts since(const ReplayCounts& before) const {
    ReplayCounts rest = *this;
    rest.change_each(before, [](auto& sum, auto one) { sum -= one; });
    return rest;
  }

 private:
  template <class Change>
  void change_each(const ReplayCounts& other, Change change) {
    change(allocations, other.allocations);
    change(failed, other.failed);
    change(refills, other.refills);
    change(refilled_blocks, other.refilled_blocks);
    change(spills, other.spills);
    change(spilled_blocks, other.spilled_blocks);
    change(remote_frees, other.remote_frees);
    change(huge_hits, other.huge_hits);
    change(huge_misses, other.huge_misses);
    change(commits, other.commits);
    change(purges, other.purges);
    change(purged_pages, other.purged_pages);
    change(faults, other.faults);
    change(refaults, other.refaults);
    change(resident_mib_seconds, other.resident_mib_seconds);
  }
};

/// Unit costs in ns.
struct UnitCosts {
  double refill = 18;
  double spill = 18;
  double moved_block = 1.2;  // by a refill or a spill
  double huge = 135;         // a block beyond 2 MiB, there and back
  double commit = 980;
  double purge = 170;
  double purged_page = 218;
  double fault = 1460;
  /// Of a MiB that is in memory for a second: what a machine of 4 GiB a processor has for it.
  double mib_second = 250'000;
};

/// In ns.
constexpr double cost_of(const ReplayCounts& n, const UnitCosts& unit) {
  const auto times = [](std::uint64_t count, double cost) {
    return static_cast<double>(count) * cost;
  };
  return times(n.refills, unit.refill) + times(n.spills, unit.spill) +
         times(n.refilled_blocks + n.spilled_blocks, unit.moved_block) +
         times(n.huge_hits + n.huge_misses, unit.huge) + times(n.commits, unit.commit) +
         times(n.purges, unit.purge) + times(n.purged_pages, unit.purged_page) +
         times(n.faults, unit.fault) + n.resident_mib_seconds * unit.mib_second;
}

}  // namespace superslab
