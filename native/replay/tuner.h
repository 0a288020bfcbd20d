// Tries every fixed setting and every rule on a trace, and makes a policy of what costs least.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "os/limits.h"
#include "os/machine.h"
#include "replay/costs.h"
#include "replay/replay.h"

namespace superslab {

/// One line of the table.
struct TunedRow {
  enum class Kind : std::uint8_t { kDefault, kProfile, kFixed, kRule, kSaved, kContest, kBest };
  Kind kind;
  std::string name;  // such as "SUPERSLAB_CACHE_BLOCKS=16", "HAKMEM, hit rate 0.97"
  ReplayCounts counts;
  double cost = 0;  // ns
  /// What of it came after the first kContestIntervals; of kSaved and kContest only.
  double later_cost = 0;
};

/// Intervals in which a contest of saved policies should have found the best.
constexpr std::uint64_t kContestIntervals = 40;

struct SavedPolicy {
  std::string name;  // of its file
  Policy policy;
};

/// Reads the text of a policy file for a replay. False, and `error` filled in, when it cannot be
/// used here.
[[nodiscard]] bool read_saved_policy(std::string_view text, std::string_view name,
                                     const MachineFacts& machine, SavedPolicy& out,
                                     PolicyError& error);

struct Tuning {
  std::vector<TunedRow> rows;  // the defaults first, the best last
  /// As text of a policy file; what differs from the defaults.
  std::string policy;
};

/// Deterministic. Takes some 70 replays, and two for each of `saved`, which also compete:
/// PolicyContest::kMaxPolicies at most.
Tuning tune(const trace::Trace& trace, const UnitCosts& unit, const MachineFacts& machine,
            std::span<const SavedPolicy> saved = {});

}  // namespace superslab
