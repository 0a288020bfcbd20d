// Tries every fixed setting and every rule on a trace, and makes a policy of what costs least.
#pragma once

#include <string>
#include <vector>

#include "os/limits.h"
#include "os/machine.h"
#include "replay/costs.h"
#include "replay/replay.h"

namespace superslab {

/// One line of the table.
struct TunedRow {
  enum class Kind : std::uint8_t { kDefault, kProfile, kFixed, kRule, kBest };
  Kind kind;
  std::string name;  // such as "SUPERSLAB_CACHE_BLOCKS=16", "HAKMEM, hit rate 0.97"
  ReplayCounts counts;
  double cost = 0;  // ns
};

struct Tuning {
  std::vector<TunedRow> rows;  // the defaults first, the best last
  /// As text of a policy file; what differs from the defaults.
  std::string policy;
};

/// Deterministic. Takes some 70 replays.
Tuning tune(const trace::Trace& trace, const UnitCosts& unit, const MachineFacts& machine);

}  // namespace superslab
