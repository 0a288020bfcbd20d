// A saved policy as text: rows of policy/knobs.def and how many blocks threads keep of single
// classes, with the machine and the version that they were found out on. docs/TUNING.md has the
// format. It is read at malloc's start, and so without allocating; it is never trusted.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "os/machine.h"
#include "policy/snapshot.h"

namespace superslab {

/// Longer ones are refused.
inline constexpr ByteCount kMaxPolicyFileBytes = 16 * kKiB;

/// What a file says.
struct PolicyFile {
  std::array<KnobCode, kKnobCount> codes{};
  std::array<bool, kKnobCount> is_set{};
  /// As HeapSnapshot::class_blocks.
  std::array<std::uint8_t, kClassSlots> class_blocks{};
};

/// Reads the text of a file, `name` for messages. False, and `error` filled in, for what is no
/// policy file, cut, damaged, of another version of superslab, or of another machine.
[[nodiscard]] bool parse_policy_file(std::string_view text, std::string_view name,
                                     const MachineFacts& machine, PolicyFile& out,
                                     PolicyError& error);

/// Writes `policy` as such a file: the rows that `rows` names, and the blocks of each class that
/// has them set. Returns the length; 0 when `out` is too small.
[[nodiscard]] std::size_t write_policy_file(const Policy& policy, std::span<const KnobId> rows,
                                            const MachineFacts& machine, std::span<char> out);

}  // namespace superslab
