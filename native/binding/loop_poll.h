// Calls a function of an environment's thread whenever a descriptor is readable. It never keeps the
// process alive.
#pragma once

#include <node_api.h>

namespace superslab {

class LoopPoll {
 public:
  /// On the environment's thread, outside of JavaScript.
  using Ready = void (*)(void* context);

  LoopPoll() = default;
  ~LoopPoll() { stop(); }
  LoopPoll(const LoopPoll&) = delete;
  LoopPoll& operator=(const LoopPoll&) = delete;

  /// Ends what was started before. The descriptor is used until stop(). False where Node.js gives
  /// no event loop, without memory, and for what cannot be polled.
  bool start(napi_env env, int descriptor, Ready ready, void* context);
  /// Nothing is called any more, and the descriptor may be closed. The environment's end does it,
  /// too.
  void stop();
  bool is_on() const { return handle_ != nullptr; }

 private:
  struct Handle;

  static void on_cleanup(napi_async_cleanup_hook_handle hook, void* handle);

  Handle* handle_ = nullptr;
};

}  // namespace superslab
