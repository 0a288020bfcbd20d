// Policy values: a snapshot for the process, one for each heap, one for each pool. They are built
// together, from the environment and then from a pool's options. The process's stays as it is;
// those of heaps and pools are published (policy/published.h), and whoever has newer values
// publishes others.
//
// A value is decided by the first of: the option, the environment variable, the policy file, the
// profile, the default.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>

#include "base/types.h"
#include "os/os.h"
#include "policy/knob.h"
#include "policy/knob_types.h"
#include "policy/policy_error.h"
#include "policy/purge_delays.h"

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

// One field for each row of policy/knobs.def, which says what each means.
#define FIELD(id, cxx_type, ...) cxx_type id = detail::decode<cxx_type>(kDefaultCode<KnobId::id>);

/// What a process starts with.
struct ProcessSnapshot {
#define PROCESS_KNOB(...) FIELD(__VA_ARGS__)
#include "policy/knobs.def"
};

/// Most free blocks that a thread keeps of the class that serves requests of so many bytes.
struct SizeBlocks {
  std::uint32_t bytes = 0;
  std::uint8_t blocks = 0;  // 0: nothing is set
};

/// What a heap goes by.
struct HeapSnapshot {
#define HEAP_KNOB(...) FIELD(__VA_ARGS__)
#include "policy/knobs.def"
  /// Most free blocks that a thread keeps of each class, by its index; 0 is what cache_blocks and
  /// cache_bytes say.
  std::array<std::uint8_t, kClassSlots> class_blocks{};
  /// The same while others are tried: see Capacities.
  std::array<std::uint8_t, kClassSlots> trial_blocks{};
  std::uint8_t trial_arms = 0;
  /// What SUPERSLAB_CACHE_BLOCKS says of single classes, which nothing else changes.
  std::array<SizeBlocks, 16> size_blocks{};
  /// What was learned of the delays; those below hold instead.
  PurgeDelays learned_delays{};
  /// Delays that an option, a variable or a policy file sets, which nothing else changes.
  struct {
    bool purge_delay = false;
    bool big_cache_age = false;
    bool malloc_purge_delay = false;
  } is_set{};
};

/// How long idle memory is kept: what was set, or learned, or else what the profile says.
constexpr Millis purge_delay_of(const HeapSnapshot& heap) {
  const Millis learned = heap.learned_delays.of[0];
  return heap.is_set.purge_delay || learned == Millis{} ? heap.purge_delay_ms : learned;
}
constexpr Millis big_cache_age_of(const HeapSnapshot& heap) {
  const Millis learned = heap.learned_delays.of[1];
  return heap.is_set.big_cache_age || learned == Millis{} ? heap.big_cache_age_ms : learned;
}

/// What a pool does with its buffers.
struct PoolSnapshot {
#define POOL_KNOB(...) FIELD(__VA_ARGS__)
#include "policy/knobs.def"
};

#undef FIELD

/// All of them, as they are read and checked together.
struct Policy : ProcessSnapshot, HeapSnapshot, PoolSnapshot {};

static_assert(std::is_trivially_copyable_v<Policy>);

/// When bytes are cleared: those of secrets always at release.
constexpr Zeroing zeroing_of(const PoolSnapshot& pool) {
  return pool.sensitive ? Zeroing::kRelease : pool.zero;
}

/// What a pool's memory is kept from.
constexpr Secrecy secrecy_of(const PoolSnapshot& pool) {
  Secrecy secrecy = Secrecy::kNone;
  if (pool.sensitive) secrecy = secrecy | Secrecy::kNoDump | Secrecy::kWipeOnFork;
  if (pool.lock_memory) secrecy = secrecy | Secrecy::kLocked;
  return secrecy;
}

/// Whether blocks beyond 2 MiB end in a guard. Canaries bring them along, where pages allow it.
constexpr bool has_guard_pages(const Policy& policy) {
  return policy.guard_pages || (policy.guard >= Guard::kCanary && is_purgeable(policy.huge_pages));
}

/// Where there are `memory` bytes at most for all heaps: bounds what threads and pools cache by a
/// part of that, whatever was asked for.
void fit_to_memory(HeapSnapshot& heap, ByteCount memory);

/// What malloc's heap makes of a policy, where memory is limited to `memory` bytes.
void fit_to_malloc(Policy& policy, ByteCount memory);

/// A field by its row, for tables and reports; see format_value.
KnobCode knob_code(const Policy& policy, KnobId id);
void set_knob_code(Policy& policy, KnobId id, KnobCode code);
/// The same, by somebody's hand: what is learned leaves it alone.
void set_by_hand(Policy& policy, KnobId id, KnobCode code);

/// What a file said; see policy/policy_file.h.
struct PolicyFile;

/// Reads every SUPERSLAB_* variable of `environment` (like environ: "NAME=value" each, a null
/// pointer at the end; nullptr is none), but for those of a service of that name. Of a variable
/// that is there twice the first counts, as for getenv. Returns how many are wrong and describes
/// the first of those in `errors`; their rows keep the profile's or the default value, so `out` can
/// be used all the same. What no variable says is as in `file`, if there is one. Allocates nothing.
[[nodiscard]] std::size_t snapshot_from_environment(const char* const* environment, Policy& out,
                                                    std::span<PolicyError> errors,
                                                    const PolicyFile* file = nullptr);

/// Sets one option of BufferPoolOptions. False, and `error` filled in, when there is none of this
/// name or the value is wrong; `policy` is then unchanged. `name` of the pool is no policy value:
/// the caller takes it out first.
[[nodiscard]] bool apply_option(Policy& policy, std::string_view option, std::string_view value,
                                PolicyError& error);
[[nodiscard]] bool apply_option(Policy& policy, std::string_view option, double value,
                                PolicyError& error);

/// Whether the values of `policy` can be together. `origin` is where the last of them came from,
/// `is_zero_chosen` whether `zero` was among those. False, and `error` filled in, when not.
[[nodiscard]] bool check_conflicts(const Policy& policy, PolicyOrigin origin, bool is_zero_chosen,
                                   PolicyError& error);

/// Whether this machine has the memory node that `policy` names, if it names one. `origin` is
/// where the last of its values came from. False, and `error` filled in, when not.
[[nodiscard]] bool check_node(const Policy& policy, PolicyOrigin origin, unsigned node_count,
                              PolicyError& error);

}  // namespace superslab
