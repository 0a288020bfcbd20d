#include "binding/loop_timer.h"

#include <new>

#include "binding/libuv.h"

namespace superslab {

namespace {

// In C each handle begins with a uv_handle_t.
uv_handle_s* as_handle(uv_timer_s* timer) { return reinterpret_cast<uv_handle_s*>(timer); }

LoopTimer* owner_of(uv_handle_s* handle) {
  return static_cast<LoopTimer*>(uv_handle_get_data(handle));
}

}  // namespace

LoopTimer* LoopTimer::make(napi_env env, Ring ring, void* context) {
  uv_loop_s* loop = nullptr;
  if (napi_get_uv_event_loop(env, &loop) != napi_ok) return nullptr;
  auto* self = new (std::nothrow) LoopTimer(ring, context);
  auto* timer = static_cast<uv_timer_s*>(::operator new(uv_handle_size(kUvTimer), std::nothrow));
  // An asynchronous hook: the loop must turn once more before the handle's memory may go.
  if (self == nullptr || timer == nullptr ||
      napi_add_async_cleanup_hook(env, on_cleanup, self, &self->hook_) != napi_ok) {
    ::operator delete(timer);
    delete self;
    return nullptr;
  }
  uv_timer_init(loop, timer);
  uv_unref(as_handle(timer));
  uv_handle_set_data(as_handle(timer), self);
  self->timer_ = timer;
  return self;
}

void LoopTimer::ring_within(std::uint64_t ms) {
  uv_loop_s* const loop = uv_handle_get_loop(as_handle(timer_));
  uv_update_time(loop);  // it may have stood still for as long as JavaScript runs
  const std::uint64_t due = uv_now(loop) + ms;
  if (due >= due_) return;
  due_ = due;
  uv_timer_start(
      timer_, [](uv_timer_s* rung) { owner_of(as_handle(rung))->rang(); }, ms, 0);
}

void LoopTimer::rang() {
  due_ = kNever;
  if (ring_ != nullptr) ring_(context_);
}

void LoopTimer::on_cleanup(napi_async_cleanup_hook_handle, void* timer) {
  auto* self = static_cast<LoopTimer*>(timer);
  self->silence();
  uv_close(as_handle(self->timer_), [](uv_handle_s* closed) {
    LoopTimer* own = owner_of(closed);
    napi_remove_async_cleanup_hook(own->hook_);
    ::operator delete(own->timer_);
    delete own;
  });
}

}  // namespace superslab
