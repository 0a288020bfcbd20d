// A thread of ours: it has each of its tasks take a step whenever that is due, and sleeps in
// between. The process's own is the control loop (control_loop.h).
//
// The thread is made when a first task wants it, and ends when the last one leaves, so that a
// process without any has none. It takes no signals, which are the program's. The child of a fork
// has no such thread: whoever next wakes a task there makes another one.
#pragma once

#include <pthread.h>
#include <sys/types.h>

#include <atomic>

#include "base/lock.h"
#include "base/types.h"

namespace superslab {

/// What comes after a step of a task.
struct Rest {
  Nanos at_least = 0;       // from the end of the step: no other one before that
  bool until_woken = true;  // and then only after a wake()
};

/// Something that is done again and again. Leaves its thread before it is destroyed.
class BackgroundTask {
 public:
  BackgroundTask(const BackgroundTask&) = delete;
  BackgroundTask& operator=(const BackgroundTask&) = delete;

  /// Does what is due, in milliseconds rather than seconds: other tasks wait meanwhile. Called with
  /// no lock held, on the thread alone; `now` is precise_now().
  virtual Rest step(Nanos now) = 0;

 protected:
  BackgroundTask() = default;
  ~BackgroundTask() = default;

 private:
  friend class BackgroundThread;
  // Under the thread's lock.
  BackgroundTask* next_ = nullptr;
  Nanos due_ = 0;            // no step before that
  bool is_resting_ = false;  // until woken
  bool is_wanted_ = false;   // woken since its last step began
};

class BackgroundThread {
 public:
  constexpr BackgroundThread() = default;
  BackgroundThread(const BackgroundThread&) = delete;
  BackgroundThread& operator=(const BackgroundThread&) = delete;

  /// There is something to do for the task, which becomes one of the thread's if it is not: it
  /// takes a step as soon as its rest allows. False when there is no thread, and none can be made.
  /// Any thread, with no lock held.
  bool wake(BackgroundTask& task) EXCLUDES(lock_);

  /// The task takes no more steps: waits for the one under way, and, if no other task is left, for
  /// the end of the thread. Any thread, with no lock held, but not out of a step.
  void leave(BackgroundTask& task) EXCLUDES(lock_);

  /// Waits for the step under way, and ends the thread for good: later wakes do nothing. Not out of
  /// a step.
  void stop() EXCLUDES(lock_);

  /// Whether this process has the thread.
  bool is_there() const;

 private:
  static void* run(void* self);
  void loop() EXCLUDES(lock_);
  void take_step(BackgroundTask& task) REQUIRES(lock_);
  /// The task whose turn it is at `now`; else nullptr, and in `until` when to look again.
  BackgroundTask* next_due(Nanos now, Nanos& until) const REQUIRES(lock_);
  bool has(const BackgroundTask& task) const REQUIRES(lock_);
  bool start() REQUIRES(lock_);
  /// The lock is free meanwhile, and other tasks may come.
  void end_thread() REQUIRES(lock_);
  bool enter() EXCLUDES(lock_);

  Mutex lock_{LockRank::kBackground};
  Condition changed_;
  BackgroundTask* first_ GUARDED_BY(lock_) = nullptr;
  const BackgroundTask* running_ GUARDED_BY(lock_) = nullptr;  // whose step is under way
  bool is_changed_ GUARDED_BY(lock_) = false;                  // what is due may be due sooner
  bool is_stopping_ GUARDED_BY(lock_) = false;
  bool has_ended_ GUARDED_BY(lock_) = false;  // for good
  std::atomic<pid_t> home_{0};                // the process in which this was last used
  std::atomic<bool> has_thread_{false};       // there; changed under the lock
  pthread_t thread_ GUARDED_BY(lock_){};
};

}  // namespace superslab
