#include "binding/loop_timer.h"

#include <uv.h>

#include <new>

namespace superslab {

struct LoopTimer::Handle {
  uv_timer_t timer;
};

LoopTimer* LoopTimer::make(napi_env env, Ring ring, void* context) {
  uv_loop_t* loop = nullptr;
  if (napi_get_uv_event_loop(env, &loop) != napi_ok) return nullptr;
  auto* self = new (std::nothrow) LoopTimer(ring, context);
  auto* handle = new (std::nothrow) Handle;
  // An asynchronous hook: the loop must turn once more before the handle's memory may go.
  if (self == nullptr || handle == nullptr ||
      napi_add_async_cleanup_hook(env, on_cleanup, self, &self->hook_) != napi_ok) {
    delete handle;
    delete self;
    return nullptr;
  }
  uv_timer_init(loop, &handle->timer);
  uv_unref(reinterpret_cast<uv_handle_t*>(&handle->timer));
  handle->timer.data = self;
  self->handle_ = handle;
  return self;
}

void LoopTimer::ring_within(std::uint64_t ms) {
  uv_timer_t* const timer = &handle_->timer;
  uv_update_time(timer->loop);  // it may have stood still for as long as JavaScript runs
  const std::uint64_t due = uv_now(timer->loop) + ms;
  if (due >= due_) return;
  due_ = due;
  uv_timer_start(
      timer, [](uv_timer_t* rung) { static_cast<LoopTimer*>(rung->data)->rang(); }, ms, 0);
}

void LoopTimer::rang() {
  due_ = kNever;
  if (ring_ != nullptr) ring_(context_);
}

void LoopTimer::on_cleanup(napi_async_cleanup_hook_handle, void* timer) {
  auto* self = static_cast<LoopTimer*>(timer);
  self->silence();
  uv_close(reinterpret_cast<uv_handle_t*>(&self->handle_->timer), [](uv_handle_t* closed) {
    auto* own = static_cast<LoopTimer*>(closed->data);
    napi_remove_async_cleanup_hook(own->hook_);
    delete own->handle_;
    delete own;
  });
}

}  // namespace superslab
