#include "binding/loop_poll.h"

#include <new>

#include "binding/libuv.h"

namespace superslab {
namespace {

// In C each handle begins with a uv_handle_t.
uv_handle_s* as_handle(uv_poll_s* poll) { return reinterpret_cast<uv_handle_s*>(poll); }

}  // namespace

/// What libuv and Node.js have, which lasts until the loop has turned once more.
struct LoopPoll::Handle {
  LoopPoll* owner;  // nullptr once it was stopped
  Ready ready;
  void* context;
  uv_poll_s* poll = nullptr;
  napi_async_cleanup_hook_handle hook = nullptr;

  static Handle* of(uv_handle_s* handle) {
    return static_cast<Handle*>(uv_handle_get_data(handle));
  }

  static void on_ready(uv_poll_s* poll, int, int) {
    const Handle* const own = of(as_handle(poll));
    if (own->owner != nullptr) own->ready(own->context);
  }

  void close() {
    uv_close(as_handle(poll), [](uv_handle_s* closed) {
      Handle* const own = of(closed);
      napi_remove_async_cleanup_hook(own->hook);
      ::operator delete(own->poll);
      delete own;
    });
  }
};

bool LoopPoll::start(napi_env env, int descriptor, Ready ready, void* context) {
  stop();
  uv_loop_s* loop = nullptr;
  if (napi_get_uv_event_loop(env, &loop) != napi_ok) return false;
  auto* made = new (std::nothrow) Handle{this, ready, context};
  auto* poll = static_cast<uv_poll_s*>(::operator new(uv_handle_size(kUvPoll), std::nothrow));
  if (made == nullptr || poll == nullptr || uv_poll_init(loop, poll, descriptor) != 0) {
    ::operator delete(poll);
    delete made;
    return false;
  }
  made->poll = poll;
  uv_handle_set_data(as_handle(poll), made);
  uv_unref(as_handle(poll));
  if (napi_add_async_cleanup_hook(env, on_cleanup, made, &made->hook) == napi_ok &&
      uv_poll_start(poll, kUvReadable, Handle::on_ready) == 0) {
    handle_ = made;
    return true;
  }
  made->owner = nullptr;
  made->close();
  return false;
}

void LoopPoll::stop() {
  if (handle_ == nullptr) return;
  handle_->owner = nullptr;
  handle_->close();
  handle_ = nullptr;
}

/// One that was stopped is being closed already.
void LoopPoll::on_cleanup(napi_async_cleanup_hook_handle, void* handle) {
  LoopPoll* const owner = static_cast<Handle*>(handle)->owner;
  if (owner != nullptr) owner->stop();
}

}  // namespace superslab
