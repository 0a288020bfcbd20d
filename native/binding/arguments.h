// What native functions read of their arguments.
//
// Nothing here trusts the facade: an argument that is missing, of another type or out of its range
// is refused by a value that the function gives otherwise for "none", and no memory is touched. A
// wrong argument from JavaScript is no reason to write outside of a block.
//
// A thread can be told to stop at any moment, and then a native call runs on while every call of
// Node-API that could run JavaScript fails: coercions, properties, functions, new ArrayBuffers.
// What node-addon-api returns for those is empty, and the next use of it ends the process. So
// arguments are only ever read as what they are, and the rest is looked at before it is used.
#pragma once

#include <napi.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "base/types.h"

namespace superslab {

using Napi::CallbackInfo;
using Napi::Value;

/// Every whole number up to here is a double of its own.
constexpr std::uint64_t kMaxWhole = (std::uint64_t{1} << 53) - 1;

/// A whole number from 0 to `max`; nothing for any other value.
inline std::optional<std::uint64_t> whole_of(napi_env env, napi_value given,
                                             std::uint64_t max = kMaxWhole) {
  double value = 0;
  if (napi_get_value_double(env, given, &value) != napi_ok) return {};
  if (!(value >= 0 && value <= static_cast<double>(max))) return {};  // NaN is neither
  const auto whole = static_cast<std::uint64_t>(value);
  if (static_cast<double>(whole) != value) return {};
  return whole;
}

inline std::optional<std::uint64_t> whole_at(const CallbackInfo& info, std::size_t i,
                                             std::uint64_t max = kMaxWhole) {
  return whole_of(info.Env(), info[i], max);
}

/// A finite number that is not negative; 0 for any other value.
inline double figure_of(napi_env env, napi_value given) {
  double value = 0;
  if (napi_get_value_double(env, given, &value) != napi_ok) return 0;
  return value >= 0 && value <= std::numeric_limits<double>::max() ? value : 0;
}

inline double figure_at(const CallbackInfo& info, std::size_t i) {
  return figure_of(info.Env(), info[i]);
}

/// False for what is no boolean.
inline bool bool_of(napi_env env, napi_value given) {
  bool value = false;
  return napi_get_value_bool(env, given, &value) == napi_ok && value;
}

inline bool bool_at(const CallbackInfo& info, std::size_t i) {
  return bool_of(info.Env(), info[i]);
}

/// The longest text that is kept of an argument: a stack.
constexpr std::size_t kMaxText = 64 * kKiB;

/// Cut after kMaxText bytes; empty for what is no string.
inline std::string text_of(napi_env env, napi_value value) {
  std::size_t length = 0;
  if (napi_get_value_string_utf8(env, value, nullptr, 0, &length) != napi_ok) return {};
  std::string text(std::min(length, kMaxText) + 1, '\0');
  if (napi_get_value_string_utf8(env, value, text.data(), text.size(), &length) != napi_ok)
    return {};
  text.resize(length);
  return text;
}

inline std::string text_at(const CallbackInfo& info, std::size_t i) {
  return text_of(info.Env(), info[i]);
}

/// An object that was given instead of many arguments. A getter or a proxy may run JavaScript when
/// a field is read, so that all fields are read before anything native is looked up.
class Fields {
 public:
  Fields(const CallbackInfo& info, std::size_t i) : env_(info.Env()), object_(info[i]) {}

  std::optional<std::uint64_t> whole(const char* name, std::uint64_t max = kMaxWhole) const {
    return whole_of(env_, get(name), max);
  }
  double figure(const char* name) const { return figure_of(env_, get(name)); }
  bool flag(const char* name) const { return bool_of(env_, get(name)); }
  std::string text(const char* name) const { return text_of(env_, get(name)); }

  /// undefined for a field that is not there or cannot be read, and of what is no object.
  napi_value get(const char* name) const;

 private:
  napi_env env_;
  napi_value object_;
};

}  // namespace superslab
