// What failed with a file, as JavaScript is told of it.
#pragma once

#include <napi.h>

#include "pools/mapped/fault.h"

namespace superslab {

/// { fault, status, errno, what, where }
inline Napi::Object failure_object(Napi::Env env, const mapped::Failure& failure) {
  Napi::Object out = Napi::Object::New(env);
  out["fault"] = Napi::Number::New(env, static_cast<double>(failure.fault));
  out["status"] = Napi::Number::New(env, static_cast<double>(failure.file.status));
  out["errno"] = Napi::Number::New(env, failure.file.code);
  out["what"] = Napi::String::New(env, failure.what);
  out["where"] = Napi::Number::New(env, static_cast<double>(failure.where));
  return out;
}

}  // namespace superslab
