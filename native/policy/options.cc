// Options of a pool. Apart from the variables of the environment, whose reading is part of every
// process that only has our malloc: numbers of JavaScript need the C++ library.
#include <charconv>
#include <cmath>

#include "policy/snapshot.h"

namespace superslab {
namespace {

void describe_any(const Knob& knob, std::string_view value, TextFault fault, PolicyError& error) {
  describe_fault(PolicyOrigin::kOption, knob, value, fault, error);
}

void describe_any(const Knob& knob, double value, TextFault fault, PolicyError& error) {
  // JavaScript's spelling where the two differ.
  if (std::isnan(value)) return describe_number_fault(knob, "NaN", fault, error);
  if (std::isinf(value))
    return describe_number_fault(knob, value < 0 ? "-Infinity" : "Infinity", fault, error);
  char spelled[32];
  const char* const end = std::to_chars(spelled, spelled + sizeof(spelled), value).ptr;
  describe_number_fault(knob, {spelled, static_cast<std::size_t>(end - spelled)}, fault, error);
}

// `Value` is std::string_view or double.
template <typename Value>
bool apply_any(Policy& policy, std::string_view option, Value value, PolicyError& error) {
  const Knob* const knob = find_option(option);
  if (knob == nullptr) {
    describe_unknown(PolicyOrigin::kOption, option, error);
    return false;
  }
  const Reading reading = parse_value(*knob, value);
  if (reading.fault != TextFault::kNone) {
    describe_any(*knob, value, reading.fault, error);
    return false;
  }
  set_by_hand(policy, knob->id, reading.value);
  return true;
}

}  // namespace

bool apply_option(Policy& policy, std::string_view option, std::string_view value,
                  PolicyError& error) {
  return apply_any(policy, option, value, error);
}

bool apply_option(Policy& policy, std::string_view option, double value, PolicyError& error) {
  return apply_any(policy, option, value, error);
}

}  // namespace superslab
