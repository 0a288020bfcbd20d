// Work on a thread of libuv's pool.
#pragma once

#include <node_api.h>

namespace superslab {

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

/// At the end of a finish(): deletes `work` and resolves the promise that waits for it, to
/// undefined. While the environment is being stopped nobody hears of it any more.
inline void end_work(napi_env env, napi_async_work work, napi_deferred promise) {
  napi_handle_scope scope;
  if (napi_open_handle_scope(env, &scope) != napi_ok) return;
  napi_value result = nullptr;
  napi_get_undefined(env, &result);
  napi_resolve_deferred(env, promise, result);
  napi_delete_async_work(env, work);
  napi_close_handle_scope(env, scope);
}

}  // namespace superslab
