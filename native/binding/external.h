// Who frees what an external ArrayBuffer was to free.
#pragma once

#include <napi.h>

namespace superslab {

/// Whether Node.js calls the finalizer that napi_create_external_arraybuffer() was given when it
/// returned `status`: not if it refused before it had made anything, because the host forbids
/// external buffers or the thread is told to stop. After later failures it does.
inline bool will_finalize(napi_status status) {
  return status != napi_no_external_buffers_allowed && status != napi_pending_exception &&
         status != napi_cannot_run_js && status != napi_invalid_arg;
}

}  // namespace superslab
