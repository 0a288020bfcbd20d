#include "policy/snapshot.h"

#include <algorithm>

#include "policy/service_links.h"

namespace superslab {
namespace {

struct Variable {
  std::string_view name;
  std::string_view value;
};

/// False when `entry` is no SUPERSLAB_* variable.
bool split_variable(std::string_view entry, Variable& out) {
  if (!entry.starts_with(kVariablePrefix)) return false;
  const std::size_t equals = entry.find('=');
  if (equals == std::string_view::npos) return false;
  out = {first_part(entry, equals), rest_from(entry, equals + 1)};
  return true;
}

void apply_profile(Snapshot& snapshot, const bool (&is_set)[kKnobCount]) {
  for (const ProfileDefault& row : kProfileDefaults) {
    if (row.profile != snapshot.profile || is_set[static_cast<std::size_t>(row.id)]) continue;
    set_knob_code(snapshot, row.id, row.code);
  }
}

}  // namespace

void fit_to_memory(Snapshot& snapshot, ByteCount memory) {
  // Of one class; a program mostly uses some ten of them, and has several threads.
  snapshot.cache_bytes = std::min(snapshot.cache_bytes, memory / 1024);
  snapshot.big_cache_bytes = std::min(snapshot.big_cache_bytes, memory / 8);
}

KnobCode knob_code(const Snapshot& snapshot, KnobId id) {
  switch (id) {
#define KNOB(row, ...) \
  case KnobId::row:    \
    return detail::encode(snapshot.row);
#include "policy/knobs.def"
  }
  return 0;
}

void set_knob_code(Snapshot& snapshot, KnobId id, KnobCode code) {
  switch (id) {
#define KNOB(row, cxx_type, ...)                   \
  case KnobId::row:                                \
    snapshot.row = detail::decode<cxx_type>(code); \
    break;
#include "policy/knobs.def"
  }
}

std::size_t snapshot_from_environment(const char* const* environment, Snapshot& out,
                                      std::span<PolicyError> errors) {
  out = Snapshot{};
  bool is_set[kKnobCount] = {};
  bool is_seen[kKnobCount] = {};
  std::size_t wrong = 0;
  PolicyError unwanted;
  const auto next_error = [&]() -> PolicyError& {
    const std::size_t at = wrong++;
    return at < errors.size() ? errors[at] : unwanted;
  };

  for (; environment != nullptr && *environment != nullptr; ++environment) {
    Variable variable;
    if (!split_variable(*environment, variable)) continue;
    const Knob* const knob = find_variable(variable.name);
    if (knob == nullptr) {
      if (is_service_link(variable.name, variable.value)) continue;
      describe_unknown(PolicyOrigin::kEnvironment, variable.name, next_error());
      continue;
    }
    const std::size_t row = static_cast<std::size_t>(knob->id);
    if (is_seen[row]) continue;
    is_seen[row] = true;
    const Reading reading = parse_value(*knob, variable.value);
    if (reading.fault != TextFault::kNone) {
      describe_fault(PolicyOrigin::kEnvironment, *knob, variable.value, reading.fault,
                     next_error());
      continue;
    }
    set_knob_code(out, knob->id, reading.value);
    is_set[row] = true;
  }
  apply_profile(out, is_set);
  // Of values that are wrong by themselves nothing can be said.
  PolicyError& conflict = errors.empty() ? unwanted : errors[0];
  if (wrong == 0 && !check_conflicts(out, PolicyOrigin::kEnvironment,
                                     is_set[static_cast<std::size_t>(KnobId::zero)], conflict))
    ++wrong;
  return wrong;
}

bool check_conflicts(const Snapshot& snapshot, PolicyOrigin origin, bool is_zero_chosen,
                     PolicyError& error) {
  const auto refuse = [&](KnobId id, KnobId other, std::string_view advice) {
    describe_conflict(origin, knob_row(id), knob_code(snapshot, id), knob_row(other), advice,
                      error);
    return false;
  };
  if (snapshot.sensitive && is_zero_chosen && snapshot.zero != Zeroing::kRelease)
    return refuse(KnobId::zero, KnobId::sensitive,
                  "secrets are cleared at each release; leave it out or give release");
  if (snapshot.on_exhausted == OnExhausted::kFallback &&
      (snapshot.sensitive || snapshot.lock_memory))
    return refuse(KnobId::on_exhausted,
                  snapshot.sensitive ? KnobId::sensitive : KnobId::lock_memory,
                  "a plain buffer is in core dumps, forks and swap; give throw or wait");
  if (snapshot.huge_pages != HugePages::k2MiB && snapshot.huge_pages != HugePages::k1GiB)
    return true;
  if (snapshot.sensitive)
    return refuse(KnobId::huge_pages, KnobId::sensitive,
                  "explicit huge pages cannot be wiped in a forked child; give thp or off");
  if (snapshot.guard_pages)
    return refuse(KnobId::huge_pages, KnobId::guard_pages,
                  "what is behind a block is on the same huge page; give thp or off");
  return true;
}

bool check_node(const Snapshot& snapshot, PolicyOrigin origin, unsigned node_count,
                PolicyError& error) {
  const NodePlacement placement = snapshot.numa;
  if (placement.kind != NodePlacement::Kind::kNode || placement.node < node_count) return true;
  describe_missing_node(origin, knob_row(KnobId::numa), placement.node, node_count, error);
  return false;
}

}  // namespace superslab
