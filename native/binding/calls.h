// What the native functions of all kinds share, and the list of the kinds. Each group's functions
// are declared for JavaScript in lib/addon/binding.ts.
//
// Nothing in them throws for what a user did: results are numbers, and the facade makes the errors.
// Nothing in them trusts the facade either: an argument that is missing, of another type or out of
// its range is refused by a value that the function gives otherwise for "none", and no memory is
// touched. A wrong argument from JavaScript is no reason to write outside of a block.
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
#include <type_traits>

#include "base/bits.h"
#include "binding/environment.h"
#include "pools/buffer/block_number.h"

namespace superslab {

using Napi::CallbackInfo;
using Napi::Value;

void export_pool_calls(Napi::Object& exports);
void export_block_calls(Napi::Object& exports);
void export_share_calls(Napi::Object& exports);
void export_upkeep_calls(Napi::Object& exports);
void export_inspect_calls(Napi::Object& exports);
void export_stats_calls(Napi::Object& exports);
void export_secret_calls(Napi::Object& exports);
void export_guard_calls(Napi::Object& exports);
void export_table_calls(Napi::Object& exports);

/// What N-API keeps for an environment.
struct EnvironmentSlot {
  Environment* environment = nullptr;  // deletes itself when the environment ends
};

inline Environment& environment_of(const CallbackInfo& info) {
  return *info.Env().GetInstanceData<EnvironmentSlot>()->environment;
}

/// Every whole number up to here is a double of its own.
constexpr std::uint64_t kMaxWhole = (std::uint64_t{1} << 53) - 1;

/// A whole number from 0 to `max`; nothing for any other value.
inline std::optional<std::uint64_t> whole_at(const CallbackInfo& info, std::size_t i,
                                             std::uint64_t max = kMaxWhole) {
  double value = 0;
  if (napi_get_value_double(info.Env(), info[i], &value) != napi_ok) return {};
  if (!(value >= 0 && value <= static_cast<double>(max))) return {};  // NaN is neither
  const auto whole = static_cast<std::uint64_t>(value);
  if (static_cast<double>(whole) != value) return {};
  return whole;
}

/// A finite number that is not negative; 0 for any other value.
inline double figure_at(const CallbackInfo& info, std::size_t i) {
  double value = 0;
  if (napi_get_value_double(info.Env(), info[i], &value) != napi_ok) return 0;
  return value >= 0 && value <= std::numeric_limits<double>::max() ? value : 0;
}

/// False for what is no boolean.
inline bool bool_at(const CallbackInfo& info, std::size_t i) {
  bool value = false;
  return napi_get_value_bool(info.Env(), info[i], &value) == napi_ok && value;
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

/// The pool that argument `i` names; kNoPool for none that was ever opened here.
inline PoolId pool_at(const CallbackInfo& info, std::size_t i = 0) {
  const auto id = whole_at(info, i, kNoPool - 1);
  return id && environment_of(info).has_pool(static_cast<PoolId>(*id)) ? static_cast<PoolId>(*id)
                                                                       : kNoPool;
}

/// The cache of the pool that argument 0 names; nullptr for no pool, and once it is closed and
/// everything is home.
inline BufferThreadCache* cache_at(const CallbackInfo& info) {
  const PoolId id = pool_at(info);
  return id == kNoPool ? nullptr : environment_of(info).cache(id);
}

/// The evaluation that argument `i` names, if it has not ended; kNoEvaluation.
inline EvaluationId evaluation_at(const CallbackInfo& info, std::size_t i) {
  const auto id = static_cast<EvaluationId>(whole_at(info, i, kMaxEvaluations).value_or(0));
  return environment_of(info).has_evaluation(id) ? id : kNoEvaluation;
}

/// A block number; 0, which names none, for what cannot be one.
inline BlockNumber block_number_at(const CallbackInfo& info, std::size_t i) {
  return static_cast<BlockNumber>(whole_at(info, i, UINT32_MAX).value_or(0));
}

/// The block that argument `i` names; with no address unless it is out.
inline NamedBlock block_at(const CallbackInfo& info, std::size_t i) {
  const NamedBlock block =
      find_block(environment_of(info).process().space(), block_number_at(info, i));
  return block.is_out ? block : NamedBlock{};
}

/// Has run(data) called on a thread of libuv's pool and then finish(data) on this one, which
/// deletes `work`. False, with nothing begun, when Node.js cannot.
inline bool queue_work(napi_env env, const char* name, napi_async_execute_callback run,
                       napi_async_complete_callback finish, void* data, napi_async_work& work) {
  napi_value resource_name = nullptr;
  if (napi_create_string_utf8(env, name, NAPI_AUTO_LENGTH, &resource_name) != napi_ok ||
      napi_create_async_work(env, nullptr, resource_name, run, finish, data, &work) != napi_ok)
    return false;
  if (napi_queue_async_work(env, work) == napi_ok) return true;
  napi_delete_async_work(env, work);
  return false;
}

/// For functions that need nothing of attach().
template <auto function>
void export_free_function(Napi::Object& exports, const char* name) {
  exports.Set(name, Napi::Function::New<function>(exports.Env(), name));
}

/// Does nothing and returns undefined before attach().
template <auto function>
Value when_attached(const CallbackInfo& info) {
  if (info.Env().GetInstanceData<EnvironmentSlot>()->environment == nullptr)
    return info.Env().Undefined();
  if constexpr (std::is_void_v<decltype(function(info))>) {
    function(info);
    return info.Env().Undefined();
  } else {
    return function(info);
  }
}

template <auto function>
void export_function(Napi::Object& exports, const char* name) {
  export_free_function<when_attached<function>>(exports, name);
}

}  // namespace superslab
