// A timer of an environment's event loop that no program can replace, as test environments replace
// setTimeout(). It never keeps the process alive.
#pragma once

#include <node_api.h>

#include <cstdint>

struct uv_timer_s;  // libuv's uv_timer_t

namespace superslab {

class LoopTimer {
 public:
  /// On the environment's thread.
  using Ring = void (*)(void* context);

  /// nullptr where Node.js gives no event loop, and without memory.
  static LoopTimer* make(napi_env env, Ring ring, void* context);

  /// Rings once in `ms` from now on, or before, if that was asked for already.
  void ring_within(std::uint64_t ms);

  /// It rings no more; what it is made of is Node.js's to end, when the environment stops.
  void silence() { ring_ = nullptr; }

 private:
  LoopTimer(Ring ring, void* context) : ring_(ring), context_(context) {}
  ~LoopTimer() = default;

  void rang();
  static void on_cleanup(napi_async_cleanup_hook_handle hook, void* timer);

  Ring ring_;
  void* context_;
  uv_timer_s* timer_ = nullptr;
  napi_async_cleanup_hook_handle hook_ = nullptr;
  std::uint64_t due_ = kNever;  // of the loop's clock
  static constexpr std::uint64_t kNever = UINT64_MAX;
};

}  // namespace superslab
