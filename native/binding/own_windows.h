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
#include "binding/ids.h"
#include "pools/buffer/block_number.h"

namespace superslab {

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
                          ByteCount bytes, BlockNumber block, WindowKey key);

  /// Whether any ArrayBuffer still shows it; if so, take_unseen() will have it later.
  bool await(WindowKey key, bool is_parked);

  /// Those of an evaluation that are awaited and that nobody can see any more, each once.
  std::vector<WindowKey> take_unseen(EvaluationId evaluation);

  /// The evaluation has ended: nobody will ask for its own any more.
  void forget(EvaluationId evaluation);

  /// The environment ends: nobody is told any more. Calls note_transferred(block, is_parked) for
  /// each that is awaited still. Whether anybody sees those is not known: Node.js calls all
  /// finalizers of an environment that ends, even for memory that is in another thread by then.
  template <class NoteTransferred>
  void end(NoteTransferred note_transferred) {
    wake_ = nullptr;
    for (const auto& [key, shown] : shown_) {
      if (shown.is_awaited) note_transferred(shown.block, shown.is_parked);
    }
  }

 private:
  struct Shown {
    BlockNumber block;
    bool is_awaited = false;
    bool is_parked = false;  // its block counts as parked meanwhile
  };

  void freed(WindowKey key);

  Wake wake_;
  void* context_;
  // All that can be seen, and those awaited until they were taken: see end().
  std::unordered_map<WindowKey, Shown> shown_;
  std::vector<WindowKey> unseen_;
};

}  // namespace superslab
