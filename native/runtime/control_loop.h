// What a process does in the background: one thread that makes each of its tasks take a step when
// that is due. It starts with the first task, and never ends: processes without one have no thread.
#pragma once

#include "base/clock.h"
#include "base/lock.h"

namespace superslab {

/// Something that is done again and again. Never destroyed once it is in a loop.
class ControlTask {
 public:
  /// Does what is due, in milliseconds rather than seconds, with no lock of the loop's held.
  /// Returns how long there is nothing to do.
  virtual Nanos step(Nanos now) = 0;

 protected:
  ~ControlTask() = default;

 private:
  friend class ControlLoop;
  ControlTask* next_ = nullptr;
  Nanos due_ = 0;
};

class ControlLoop {
 public:
  /// Never destroyed: its thread may outlive main().
  static ControlLoop& of_process();

  ControlLoop() = default;
  ControlLoop(const ControlLoop&) = delete;
  ControlLoop& operator=(const ControlLoop&) = delete;

  /// Has the task take steps from now on, for as long as the process lives. Once a task. False when
  /// the system gives no thread; then nothing is done. Any thread.
  [[nodiscard]] bool add(ControlTask& task);

  /// What the thread does again and again: the steps that are due at `now`. Returns how long
  /// nothing is. One thread at a time.
  Nanos run(Nanos now);

 private:
  bool start() REQUIRES(lock_);
  static void* run_for_ever(void* loop);

  Mutex lock_{LockRank::kControl};
  Condition changed_;
  ControlTask* first_ GUARDED_BY(lock_) = nullptr;
  std::uint64_t additions_ GUARDED_BY(lock_) = 0;
  bool is_running_ GUARDED_BY(lock_) = false;
};

}  // namespace superslab
