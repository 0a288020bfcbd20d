// The knob table: one constexpr row for each policy value, made from policy/knobs.def.
//
// A value is one 64-bit number here, its code:
//   bytes, milliseconds, count   the number itself
//   choice, placement            the index of the word
//   flag                         0 or 1
//   placement, a node            the number of words + the node's number
// policy/snapshot.h gives it its C++ type.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "policy/knob_types.h"
#include "policy/value_text.h"

namespace superslab {

/// Whose snapshot a value is in.
enum class PolicyScope : std::uint8_t { process, heap, pool };

enum class KnobType : std::uint8_t { bytes, milliseconds, count, choice, flag, placement };

/// Spelled like the fields of Policy, since both come from one list.
enum class KnobId : std::uint8_t {
#define KNOB(id, ...) id,
#include "policy/knobs.def"
};

/// A value's code; see the top of this file.
using KnobCode = std::uint64_t;

struct Knob {
  KnobId id;
  PolicyScope scope;
  KnobType type;
  std::string_view field;     // of Policy
  std::string_view option;    // of BufferPoolOptions; empty when only the environment sets it
  std::string_view variable;  // environment variable
  std::string_view unit;      // empty when there is none
  std::string_view words;     // separated by |
  std::string_view meaning;
  // Inclusive; 0 and 0 for choice and flag, the node's number for placement.
  std::uint64_t min;
  std::uint64_t max;
  std::string_view default_text;

  constexpr bool is_option() const { return !option.empty(); }
};

/// Reads `text` as a value of `knob`; the result's value is a KnobCode. Range included.
constexpr Reading parse_value(const Knob& knob, std::string_view text) {
  Reading number;
  switch (knob.type) {
    case KnobType::choice:
      return read_word(knob.words, text);
    case KnobType::flag:
      return read_flag(text);
    case KnobType::placement: {
      const Reading word = read_word(knob.words, text);
      if (word.fault == TextFault::kNone) return word;
      number = read_whole(text);
      break;
    }
    case KnobType::bytes:
      number = read_size(text);
      break;
    case KnobType::milliseconds:
    case KnobType::count:
      number = read_whole(text);
      break;
  }
  if (number.fault != TextFault::kNone) return number;
  if (number.value < knob.min || number.value > knob.max) return {0, TextFault::kOutOfRange};
  if (knob.type == KnobType::placement) number.value += word_count(knob.words);
  return number;
}

/// The same for a number, as JavaScript has it. A number is never one of `words`.
Reading parse_value(const Knob& knob, double number);

namespace detail {

// Not constexpr and nowhere defined: a row that reaches it in constant evaluation fails to compile.
void malformed_row_in_knobs_def();

consteval std::uint64_t row_limit(std::string_view text) {
  if (text.empty()) return 0;
  const Reading limit = read_size(text);
  if (limit.fault != TextFault::kNone) malformed_row_in_knobs_def();
  return limit.value;
}

constexpr KnobCode row_value(const Knob& knob, std::string_view text) {
  const Reading value = parse_value(knob, text);
  if (value.fault != TextFault::kNone) malformed_row_in_knobs_def();
  return value.value;
}

}  // namespace detail

inline constexpr Knob kKnobs[] = {
#define ROW(scope, id, cxx_type, type, option, variable, unit, min, max, default_text, words, \
            meaning)                                                                          \
  {KnobId::id,                                                                                \
   PolicyScope::scope,                                                                        \
   KnobType::type,                                                                            \
   #id,                                                                                       \
   option,                                                                                    \
   variable,                                                                                  \
   unit,                                                                                      \
   words,                                                                                     \
   meaning,                                                                                   \
   detail::row_limit(min),                                                                    \
   detail::row_limit(max),                                                                    \
   default_text},
#define PROCESS_KNOB(...) ROW(process, __VA_ARGS__)
#define HEAP_KNOB(...) ROW(heap, __VA_ARGS__)
#define POOL_KNOB(...) ROW(pool, __VA_ARGS__)
#include "policy/knobs.def"
#undef ROW
};

inline constexpr std::size_t kKnobCount = std::size(kKnobs);

constexpr const Knob& knob_row(KnobId id) { return kKnobs[static_cast<std::size_t>(id)]; }

/// The value of `id` when nothing sets it.
template <KnobId id>
inline constexpr KnobCode kDefaultCode = detail::row_value(knob_row(id), knob_row(id).default_text);

/// What a profile sets instead.
struct ProfileDefault {
  Profile profile;
  KnobId id;
  KnobCode code;
};

inline constexpr ProfileDefault kProfileDefaults[] = {
#define PROFILE(profile, id, value) \
  {Profile::profile, KnobId::id, detail::row_value(knob_row(KnobId::id), value)},
#include "policy/knobs.def"
};

/// Every environment variable that begins like this must have a row.
inline constexpr std::string_view kVariablePrefix = "SUPERSLAB_";

/// Variables without a row: they name files.
inline constexpr std::string_view kPolicyFileVariable = "SUPERSLAB_POLICY";
inline constexpr std::string_view kTraceFileVariable = "SUPERSLAB_RECORD";
constexpr bool is_file_variable(std::string_view variable) {
  return variable == kPolicyFileVariable || variable == kTraceFileVariable;
}

/// The row with exactly this name; nullptr when there is none.
const Knob* find_variable(std::string_view variable);
const Knob* find_option(std::string_view option);

/// The variable or option that `wrong` was most likely meant to be; empty when nothing is near.
/// Options are those of BufferPoolOptions, also the ones without a row.
std::string_view nearest_variable(std::string_view wrong);
std::string_view nearest_option(std::string_view wrong);

/// The row that only the environment can set and whose field `option` names, in any case and with
/// or without underscores; nullptr when there is none.
const Knob* find_environment_only(std::string_view option);

/// Room for any value's text and its terminating zero.
inline constexpr std::size_t kValueTextBytes = 32;

/// Writes what parse_value reads back as the same code: a size in its largest exact unit (64m), a
/// word, a number. Returns the text, which lies in `buffer` or in the table.
std::string_view format_value(const Knob& knob, KnobCode code,
                              std::span<char, kValueTextBytes> buffer);

}  // namespace superslab
