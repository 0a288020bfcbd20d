#include "policy/snapshot.h"

#include <algorithm>

#include "policy/policy_file.h"
#include "policy/service_links.h"
#include "policy/size_blocks.h"

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

/// Rows that no variable has set; they are set then.
void apply_file(Policy& policy, const PolicyFile& file, bool (&is_set)[kKnobCount]) {
  for (std::size_t row = 0; row < kKnobCount; ++row) {
    if (!file.is_set[row] || is_set[row]) continue;
    set_by_hand(policy, kKnobs[row].id, file.codes[row]);
    is_set[row] = true;
  }
  policy.class_blocks = file.class_blocks;
}

void apply_profile(Policy& policy, const bool (&is_set)[kKnobCount]) {
  for (const ProfileDefault& row : kProfileDefaults) {
    if (row.profile != policy.profile || is_set[static_cast<std::size_t>(row.id)]) continue;
    set_knob_code(policy, row.id, row.code);
  }
}

/// Describes it in the first of `errors`, if there is one. Out of line: an error takes much of a
/// small stack.
[[gnu::noinline]] bool has_conflict(const Policy& policy, bool is_zero_chosen,
                                    std::span<PolicyError> errors) {
  PolicyError unwanted;
  PolicyError& error = errors.empty() ? unwanted : errors[0];
  return !check_conflicts(policy, PolicyOrigin::kEnvironment, is_zero_chosen, error);
}

}  // namespace

void fit_to_memory(HeapSnapshot& heap, ByteCount memory) {
  // Of one class; a program mostly uses some ten of them, and has several threads.
  heap.cache_bytes = std::min(heap.cache_bytes, memory / 1024);
  heap.big_cache_bytes = std::min(heap.big_cache_bytes, memory / 8);
}

void fit_to_malloc(Policy& policy, ByteCount memory) {
  // A process's memory is touched as its code sees fit: what is populated ahead of that counts in
  // its RSS without being used.
  policy.populate = Populate::kOff;
  policy.purge_delay_ms = policy.malloc_purge_delay_ms;
  policy.is_set.purge_delay = policy.is_set.malloc_purge_delay;
  policy.thp_from_bytes = policy.malloc_thp_from_bytes;
  policy.huge_pages = policy.malloc_huge_pages ? HugePages::kTransparent : HugePages::kOff;
  fit_to_memory(policy, memory);
}

KnobCode knob_code(const Policy& policy, KnobId id) {
  switch (id) {
#define KNOB(row, ...) \
  case KnobId::row:    \
    return detail::encode(policy.row);
#include "policy/knobs.def"
  }
  return 0;
}

void set_knob_code(Policy& policy, KnobId id, KnobCode code) {
  switch (id) {
#define KNOB(row, cxx_type, ...)                 \
  case KnobId::row:                              \
    policy.row = detail::decode<cxx_type>(code); \
    break;
#include "policy/knobs.def"
  }
}

void set_by_hand(Policy& policy, KnobId id, KnobCode code) {
  set_knob_code(policy, id, code);
  policy.is_set.purge_delay |= id == KnobId::purge_delay_ms;
  policy.is_set.big_cache_age |= id == KnobId::big_cache_age_ms;
  policy.is_set.malloc_purge_delay |= id == KnobId::malloc_purge_delay_ms;
}

std::size_t snapshot_from_environment(const char* const* environment, Policy& out,
                                      std::span<PolicyError> errors, const PolicyFile* file) {
  out = Policy{};
  bool is_set[kKnobCount] = {};
  bool is_seen[kKnobCount] = {};
  std::size_t wrong = 0;
  const auto note_error = [&](auto describe) {
    const std::size_t at = wrong++;
    if (at < errors.size()) describe(errors[at]);
  };

  for (; environment != nullptr && *environment != nullptr; ++environment) {
    Variable variable;
    if (!split_variable(*environment, variable) || is_file_variable(variable.name)) continue;
    const Knob* const knob = find_variable(variable.name);
    if (knob == nullptr) {
      if (is_service_link(variable.name, variable.value)) continue;
      note_error([&](PolicyError& error) {
        describe_unknown(PolicyOrigin::kEnvironment, variable.name, error);
      });
      continue;
    }
    const std::size_t row = static_cast<std::size_t>(knob->id);
    if (is_seen[row]) continue;
    is_seen[row] = true;
    SizeBlocksReading blocks;
    blocks.has_value = true;
    const bool has_sizes = knob->id == KnobId::cache_blocks;
    if (has_sizes) blocks = read_size_blocks(*knob, variable.value, out);
    const Reading reading = has_sizes ? blocks.all : parse_value(*knob, variable.value);
    if (reading.fault != TextFault::kNone) {
      note_error([&](PolicyError& error) {
        describe_fault(PolicyOrigin::kEnvironment, *knob, variable.value, reading.fault, error);
      });
      continue;
    }
    if (!blocks.has_value) continue;
    set_by_hand(out, knob->id, reading.value);
    is_set[row] = true;
  }
  if (file != nullptr) apply_file(out, *file, is_set);
  apply_profile(out, is_set);
  // Of values that are wrong by themselves nothing can be said.
  const bool is_zero_chosen = is_set[static_cast<std::size_t>(KnobId::zero)];
  if (wrong == 0 && has_conflict(out, is_zero_chosen, errors)) ++wrong;
  return wrong;
}

bool check_conflicts(const Policy& policy, PolicyOrigin origin, bool is_zero_chosen,
                     PolicyError& error) {
  const auto refuse = [&](KnobId id, KnobId other, std::string_view advice) {
    describe_conflict(origin, knob_row(id), knob_code(policy, id), knob_row(other), advice, error);
    return false;
  };
  if (policy.sensitive && is_zero_chosen && policy.zero != Zeroing::kRelease)
    return refuse(KnobId::zero, KnobId::sensitive,
                  "secrets are cleared at each release; leave it out or give release");
  if (policy.on_exhausted == OnExhausted::kFallback && (policy.sensitive || policy.lock_memory))
    return refuse(KnobId::on_exhausted, policy.sensitive ? KnobId::sensitive : KnobId::lock_memory,
                  "a plain buffer is in core dumps, forks and swap; give throw or wait");
  if (policy.huge_pages != HugePages::k2MiB && policy.huge_pages != HugePages::k1GiB) return true;
  if (policy.sensitive)
    return refuse(KnobId::huge_pages, KnobId::sensitive,
                  "explicit huge pages cannot be wiped in a forked child; give thp or off");
  if (policy.guard_pages)
    return refuse(KnobId::huge_pages, KnobId::guard_pages,
                  "what is behind a block is on the same huge page; give thp or off");
  return true;
}

bool check_node(const Policy& policy, PolicyOrigin origin, unsigned node_count,
                PolicyError& error) {
  const NodePlacement placement = policy.numa;
  if (placement.kind != NodePlacement::Kind::kNode || placement.node < node_count) return true;
  describe_missing_node(origin, knob_row(KnobId::numa), placement.node, node_count, error);
  return false;
}

}  // namespace superslab
