// What the native functions of all kinds share, and the list of the kinds. Each group's functions
// are declared for JavaScript in lib/addon/binding.ts.
//
// Nothing in them throws for what a user did: results are numbers, and the facade makes the errors.
//
// A thread can be told to stop at any moment, and then a native call runs on while every call of
// Node-API that could run JavaScript fails: coercions, properties, functions, new ArrayBuffers.
// What node-addon-api returns for those is empty, and the next use of it ends the process. So
// arguments are only ever read as what they are (the facade passes the right types), and the rest
// is looked at before it is used.
#pragma once

#include <napi.h>

#include <cstdint>
#include <string>

#include "binding/environment.h"

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

/// What N-API keeps for an environment.
struct EnvironmentSlot {
  Environment* environment = nullptr;  // deletes itself when the environment ends
};

inline Environment& environment_of(const CallbackInfo& info) {
  return *info.Env().GetInstanceData<EnvironmentSlot>()->environment;
}

inline std::uint32_t uint_at(const CallbackInfo& info, std::size_t i) {
  return info[i].As<Napi::Number>().Uint32Value();
}

inline double number_at(const CallbackInfo& info, std::size_t i) {
  return info[i].As<Napi::Number>().DoubleValue();
}

inline bool bool_at(const CallbackInfo& info, std::size_t i) {
  return info[i].As<Napi::Boolean>().Value();
}

inline std::string text_at(const CallbackInfo& info, std::size_t i) {
  return info[i].As<Napi::String>().Utf8Value();
}

/// The cache of the pool that argument 0 names; nullptr once it is closed and everything is home.
inline LeaseCache* cache_at(const CallbackInfo& info) {
  return environment_of(info).cache(uint_at(info, 0));
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

template <auto function>
void export_function(Napi::Object& exports, const char* name) {
  exports.Set(name, Napi::Function::New<function>(exports.Env(), name));
}

}  // namespace superslab
