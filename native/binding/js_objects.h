// Plain JavaScript objects for what the core knows. lib/addon/binding.ts declares their shapes.
#pragma once

#include <napi.h>

#include <string_view>

#include "binding/environment.h"
#include "policy/policy_error.h"
#include "policy/snapshot.h"

namespace superslab {

/// list[i]. False for what is no array, and once the thread is told to stop: then elements cannot
/// be read.
bool read_element(Napi::Env env, napi_value list, std::uint32_t i, Napi::Value& out);

/// { error, message }
Napi::Object error_object(Napi::Env env, const char* error, std::string_view message);

/// An environment object, with `facts`: { evaluation, tagOfGranules, bytesOfTag, maxBlockBytes,
/// knobs, statistics, hasLz4, sharesCore, reportAtExit }, which but for the evaluation's id stay
/// the same for the whole process. undefined when the thread is told to stop.
Napi::Value environment_object(Napi::Env env, Evaluation& evaluation);

/// A pool object, with { id, heapId, magazines, ...policy values that the facade acts on }.
/// undefined when the thread is told to stop.
Napi::Value pool_object(Napi::Env env, EnvironmentPool& pool, const Policy& policy);

/// Applies [name, value] pairs. False, with the first error, when one is wrong; with none when the
/// thread is told to stop, and nobody will see it.
bool apply_options(const Napi::Array& pairs, Policy& policy, PolicyError& error);

/// An ArrayBuffer over memory that is never unmapped.
Napi::Value mapped_buffer(Napi::Env env, void* data, ByteCount bytes);

}  // namespace superslab
