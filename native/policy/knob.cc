#include "policy/knob.h"

#include <charconv>
#include <cmath>

#include "policy/nearest_name.h"

namespace superslab {
namespace {

// Options of BufferPoolOptions that are no policy values.
constexpr std::string_view kOtherOptions[] = {"name", "align"};

std::string_view without_prefix(std::string_view variable) {
  if (variable.starts_with(kVariablePrefix)) variable.remove_prefix(kVariablePrefix.size());
  return variable;
}

std::string_view print_number(std::uint64_t number, char suffix,
                              std::span<char, kValueTextBytes> buffer) {
  char* const first = buffer.data();
  // 20 digits at most, so there is room.
  char* last = std::to_chars(first, first + buffer.size() - 2, number).ptr;
  if (suffix != '\0') *last++ = suffix;
  *last = '\0';
  return {first, static_cast<std::size_t>(last - first)};
}

std::string_view print_size(std::uint64_t bytes, std::span<char, kValueTextBytes> buffer) {
  constexpr char kSuffixes[] = {'\0', 'k', 'm', 'g', 't'};
  std::size_t unit = 0;
  while (bytes != 0 && bytes % 1024 == 0 && unit + 1 < std::size(kSuffixes)) {
    bytes /= 1024;
    ++unit;
  }
  return print_number(bytes, kSuffixes[unit], buffer);
}

}  // namespace

Reading parse_value(const Knob& knob, double number) {
  if (knob.type == KnobType::choice || std::isnan(number)) return {0, TextFault::kMalformed};
  // Infinity is its own floor, so it falls through to the range.
  if (std::floor(number) != number) return {0, TextFault::kFraction};
  const std::uint64_t max = knob.type == KnobType::flag ? 1 : knob.max;
  // Limits lie far below 2^53, so they are exact as doubles, and so is a number between them.
  if (number < static_cast<double>(knob.min) || number > static_cast<double>(max)) {
    return {0, TextFault::kOutOfRange};
  }
  const KnobCode code = static_cast<KnobCode>(number);
  const bool is_node = knob.type == KnobType::placement;
  return {is_node ? code + word_count(knob.words) : code, TextFault::kNone};
}

const Knob* find_variable(std::string_view variable) {
  for (const Knob& knob : kKnobs) {
    if (knob.variable == variable) return &knob;
  }
  return nullptr;
}

const Knob* find_option(std::string_view option) {
  for (const Knob& knob : kKnobs) {
    if (knob.is_option() && knob.option == option) return &knob;
  }
  return nullptr;
}

std::string_view nearest_variable(std::string_view wrong) {
  NearestName nearest(without_prefix(wrong));
  for (const Knob& knob : kKnobs) nearest.offer(knob.variable, without_prefix(knob.variable));
  return nearest.name();
}

std::string_view nearest_option(std::string_view wrong) {
  NearestName nearest(wrong);
  for (const Knob& knob : kKnobs) {
    if (knob.is_option()) nearest.offer(knob.option);
  }
  for (const std::string_view option : kOtherOptions) nearest.offer(option);
  return nearest.name();
}

const Knob* find_environment_only(std::string_view option) {
  for (const Knob& knob : kKnobs) {
    if (!knob.is_option() && name_distance(option, knob.field) == 0) return &knob;
  }
  return nullptr;
}

std::string_view format_value(const Knob& knob, KnobCode code,
                              std::span<char, kValueTextBytes> buffer) {
  switch (knob.type) {
    case KnobType::bytes:
      return print_size(code, buffer);
    case KnobType::choice:
      return word_at(knob.words, code);
    case KnobType::placement: {
      const std::size_t words = word_count(knob.words);
      if (code < words) return word_at(knob.words, code);
      return print_number(code - words, '\0', buffer);
    }
    case KnobType::milliseconds:
    case KnobType::count:
    case KnobType::flag:
      break;
  }
  return print_number(code, '\0', buffer);
}

}  // namespace superslab
