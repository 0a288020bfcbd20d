// The thread of a control loop: does its work now and then, for as long as there is any, and rests
// otherwise. Only for programs that have threads anyway, which malloc's have not.
#pragma once

#include <atomic>

#include "base/lock.h"
#include "base/types.h"

namespace superslab {

class ControlThread {
 public:
  /// Whether there is reason to come again. Runs without a lock of this thread's.
  using Work = bool (*)(void* context);

  /// It and `context` outlive the process: the thread is never joined. Nothing runs before wake().
  ControlThread(Work work, void* context, Nanos period)
      : work_(work), context_(context), period_(period) {}
  ControlThread(const ControlThread&) = delete;
  ControlThread& operator=(const ControlThread&) = delete;

  /// There is work, or may be: the thread goes on, and is made if there is none yet. Any thread,
  /// with no lock held; costs a load while the thread is awake. One that goes to rest in the same
  /// moment may not hear of it, so call it again when there is more.
  void wake() {
    if (!is_awake_.load(std::memory_order_relaxed)) [[unlikely]]
      make_awake();
  }

  /// Between two turns while there is work.
  Nanos period() const { return period_; }
  bool is_awake() const { return is_awake_.load(std::memory_order_relaxed); }

 private:
  static void* run(void* self);
  void make_awake();
  bool start();
  void loop();

  const Work work_;
  void* const context_;
  const Nanos period_;
  std::atomic<bool> is_awake_{false};
  Mutex lock_{LockRank::kControl};
  Condition changed_;
  bool has_started_ GUARDED_BY(lock_) = false;
};

}  // namespace superslab
