// What is wrong with a policy value, in words and in parts. Plain memory of fixed size: it is made
// before there is a heap, and inside an allocator it may not allocate.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "policy/knob.h"

namespace superslab {

enum class PolicyErrorKind : std::uint8_t {
  kNone,
  kUnknownName,
  kMalformed,
  kOutOfRange,
  kConflict,
  kFile,  // a policy file that cannot be used, or a trace that cannot be written
};

/// Where a value came from. The binding makes ERR_SUPERSLAB_ENV or ERR_SUPERSLAB_OPTION of it.
enum class PolicyOrigin : std::uint8_t { kEnvironment, kOption };

/// All texts end in a zero. What the user wrote is shortened to fit (and then ends in "..."), and
/// its control characters become question marks.
struct PolicyError {
  PolicyErrorKind kind = PolicyErrorKind::kNone;
  PolicyOrigin origin = PolicyOrigin::kEnvironment;
  char name[64] = {};        // of the variable or option, as the user wrote it
  char value[64] = {};       // as the user wrote it; empty for kUnknownName
  char suggestion[64] = {};  // the nearest right name, or word for a value; empty when none is near
  char message[1792] = {};   // a sentence without an error code: what, with which value, what to do
};

/// A name that no row has.
void describe_unknown(PolicyOrigin origin, std::string_view name, PolicyError& error);

/// A value that `knob` does not take; `fault` is not kNone.
void describe_fault(PolicyOrigin origin, const Knob& knob, std::string_view value, TextFault fault,
                    PolicyError& error);

/// The same for an option that was given as a number, as `spelled` by JavaScript.
void describe_number_fault(const Knob& knob, std::string_view spelled, TextFault fault,
                           PolicyError& error);

/// A memory node that this machine does not have.
void describe_missing_node(PolicyOrigin origin, const Knob& knob, unsigned node,
                           unsigned node_count, PolicyError& error);

/// Two values that cannot both be: `knob` has code `value`, `other` is in force, and `advice` says
/// what to do.
void describe_conflict(PolicyOrigin origin, const Knob& knob, std::uint64_t value,
                       const Knob& other, std::string_view advice, PolicyError& error);

/// A trace that cannot be written; `why` is a part of a sentence about it, and says what to do.
void describe_trace_file(std::string_view file, std::string_view why, PolicyError& error);

/// A policy file that cannot be used; `why` is a part of a sentence about it, and says what to do.
void describe_policy_file(std::string_view file, std::string_view why, PolicyError& error);

/// One that was made where `what` was `theirs`, and here is `ours`.
void describe_other_machine(std::string_view file, std::string_view what, std::string_view theirs,
                            std::string_view ours, PolicyError& error);

/// One with a line that says nothing.
void describe_policy_line(std::string_view file, std::string_view line, PolicyError& error);

}  // namespace superslab
