// ArrayBuffers over single blocks, and which of them nobody can see any more.
//
// That an ArrayBuffer was collected or detached says little of its memory: transfer() and the
// readers of byte streams move it to another ArrayBuffer, perhaps in another thread. V8 frees the
// backing store with the last ArrayBuffer that shows it, and then Node.js calls our finalizer here.
#pragma once

#include <napi.h>

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/types.h"

namespace superslab {

/// What JavaScript calls the memory of one such ArrayBuffer; never used again for another.
using WindowKey = std::uint64_t;

/// Of one environment, in its thread. Finalizers may run when the environment's own part of us has
/// ended: each ArrayBuffer keeps it.
class OwnWindows {
 public:
  /// Asks for JavaScript to come and take_unseen().
  using Wake = void (*)(void* context);

  OwnWindows(Wake wake, void* context) : wake_(wake), context_(context) {}

  /// A new ArrayBuffer over `bytes` at `data`, which is never unmapped; undefined where the host
  /// forbids it.
  static Napi::Value make(const std::shared_ptr<OwnWindows>& windows, Napi::Env env, void* data,
                          ByteCount bytes, WindowKey key);

  /// Whether any ArrayBuffer still shows it; if so, take_unseen() will have it later.
  bool await(WindowKey key);

  /// Those awaited that nobody can see any more, each once.
  std::vector<WindowKey> take_unseen() { return std::exchange(unseen_, {}); }

  /// The environment ends: nobody is told any more.
  void end() { wake_ = nullptr; }

 private:
  void freed(WindowKey key);

  Wake wake_;
  void* context_;
  std::unordered_map<WindowKey, bool> awaited_;  // of all that can be seen
  std::vector<WindowKey> unseen_;
};

}  // namespace superslab
