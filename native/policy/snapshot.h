// One set of policy values. Built from the environment and then from a pool's options; once it is
// published (policy/published.h) nobody changes it.
//
// A value is decided by the first of: the option, the environment variable, the profile, the
// default.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <type_traits>

#include "base/types.h"
#include "os/os.h"
#include "policy/knob.h"
#include "policy/knob_types.h"
#include "policy/policy_error.h"

namespace superslab {

namespace detail {

/// Words of the placement row that come before the nodes in its codes.
inline constexpr KnobCode kFirstNodeCode = word_count(knob_row(KnobId::numa).words);

template <typename T>
constexpr T decode(KnobCode code) {
  if constexpr (std::is_same_v<T, NodePlacement>) {
    if (code < kFirstNodeCode) return {static_cast<NodePlacement::Kind>(code), 0};
    return {NodePlacement::Kind::kNode, static_cast<std::uint16_t>(code - kFirstNodeCode)};
  } else {
    return static_cast<T>(code);
  }
}

template <typename T>
constexpr KnobCode encode(T value) {
  if constexpr (std::is_same_v<T, NodePlacement>) {
    if (value.kind == NodePlacement::Kind::kNode) return kFirstNodeCode + value.node;
    return static_cast<KnobCode>(value.kind);
  } else {
    return static_cast<KnobCode>(value);
  }
}

}  // namespace detail

/// One field for each row of policy/knobs.def, which says what each means.
struct Snapshot {
#define KNOB(id, cxx_type, ...) cxx_type id = detail::decode<cxx_type>(kDefaultCode<KnobId::id>);
#include "policy/knobs.def"
};

static_assert(std::is_trivially_copyable_v<Snapshot>);

/// When bytes are cleared: those of secrets always at release.
constexpr Zeroing zeroing_of(const Snapshot& snapshot) {
  return snapshot.sensitive ? Zeroing::kRelease : snapshot.zero;
}

/// Whether blocks beyond 2 MiB end in a guard. Canaries bring them along, where pages allow it.
constexpr bool has_guard_pages(const Snapshot& snapshot) {
  return snapshot.guard_pages ||
         (snapshot.guard >= Guard::kCanary && is_purgeable(snapshot.huge_pages));
}

/// Where there are `memory` bytes at most for all heaps: bounds what threads and pools cache by a
/// part of that, whatever was asked for.
void fit_to_memory(Snapshot& snapshot, ByteCount memory);

/// A field by its row, for tables and reports; see format_value.
KnobCode knob_code(const Snapshot& snapshot, KnobId id);
void set_knob_code(Snapshot& snapshot, KnobId id, KnobCode code);

/// Reads every SUPERSLAB_* variable of `environment` (like environ: "NAME=value" each, a null
/// pointer at the end; nullptr is none), but for those of a service of that name. Of a variable
/// that is there twice the first counts, as for getenv. Returns how many are wrong and describes
/// the first of those in `errors`; their rows keep the profile's or the default value, so `out` can
/// be used all the same. Allocates nothing.
[[nodiscard]] std::size_t snapshot_from_environment(const char* const* environment, Snapshot& out,
                                                    std::span<PolicyError> errors);

/// Sets one option of BufferPoolOptions. False, and `error` filled in, when there is none of this
/// name or the value is wrong; `snapshot` is then unchanged. `name` of the pool is no policy value:
/// the caller takes it out first.
[[nodiscard]] bool apply_option(Snapshot& snapshot, std::string_view option, std::string_view value,
                                PolicyError& error);
[[nodiscard]] bool apply_option(Snapshot& snapshot, std::string_view option, double value,
                                PolicyError& error);

/// Whether the values of `snapshot` can be together. `origin` is where the last of them came from,
/// `is_zero_chosen` whether `zero` was among those. False, and `error` filled in, when not.
[[nodiscard]] bool check_conflicts(const Snapshot& snapshot, PolicyOrigin origin,
                                   bool is_zero_chosen, PolicyError& error);

/// Whether this machine has the memory node that `snapshot` names, if it names one. `origin` is
/// where the last of its values came from. False, and `error` filled in, when not.
[[nodiscard]] bool check_node(const Snapshot& snapshot, PolicyOrigin origin, unsigned node_count,
                              PolicyError& error);

}  // namespace superslab
