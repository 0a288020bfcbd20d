// SUPERSLAB_RECORD: what malloc and free do is written to a trace.
//
// A process that records has no fast paths: its threads keep the cache without a heap as their
// front (ProcessHeap::attach()), so that every call takes a slow path, and those tell this. The
// magazines behind them work as ever. So nothing is paid for it when it is off.
#pragma once

#include "trace/recorder.h"

namespace superslab {

class Recording {
 public:
  /// Call it once, before any thread has a cache. nullptr, or what is wrong in words.
  static const char* begin(const char* path, ByteCount max_bytes) {
    return recorder_.begin(path, max_bytes);
  }
  static bool is_on() { return recorder_.is_on(); }

  static void allocated(const void* block, ByteCount bytes) {
    if (block != nullptr) writer_.allocated(recorder_, block, bytes);
  }
  /// Before it is freed.
  static void freed(const void* block) { writer_.freed(recorder_, block); }
  static void resized(const void* block, ByteCount bytes) {
    writer_.resized(recorder_, block, bytes);
  }
  static void thread_ends() { writer_.end(recorder_); }
  static void survive_fork() { recorder_.survive_fork(); }

 private:
  static Recorder recorder_;
  // As in ProcessHeap: never a call into the loader, which would allocate.
  [[gnu::tls_model("initial-exec")]] static constinit thread_local TraceWriter writer_;
};

}  // namespace superslab
