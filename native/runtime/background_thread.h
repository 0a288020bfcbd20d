// A thread of ours, which works for one object and rests in between.
//
// It is there from the first wake() on. It takes no signals, which are the program's. The child of
// a fork has no such thread: the next wake() there makes another one.
#pragma once

#include <pthread.h>
#include <sys/types.h>

#include <atomic>

#include "base/lock.h"
#include "base/types.h"

namespace superslab {

class BackgroundThread {
 public:
  /// What is to come after a piece of work.
  struct Pause {
    Nanos at_least = 0;       // no more work before that
    bool until_woken = true;  // and then only after a wake()
  };
  /// A piece of work of milliseconds, on the thread.
  using Work = Pause (*)(void* context);

  BackgroundThread(Work work, void* context) : work_(work), context_(context) {}
  /// stop() came first.
  ~BackgroundThread();
  BackgroundThread(const BackgroundThread&) = delete;
  BackgroundThread& operator=(const BackgroundThread&) = delete;

  /// There is something to do. Any thread, with no lock held. False when there is no thread for it,
  /// and none can be made.
  bool wake() EXCLUDES(lock_);
  /// Waits for the piece of work under way, and ends the thread for good. Once.
  void stop() EXCLUDES(lock_);

 private:
  static void* run(void* self);
  void loop() EXCLUDES(lock_);
  bool start() REQUIRES(lock_);
  /// Whether another process forked this one, and the thread stayed there.
  bool was_left_behind() const;

  const Work work_;
  void* const context_;
  Mutex lock_{LockRank::kBackground};
  Condition changed_;
  bool is_wanted_ GUARDED_BY(lock_) = false;
  bool is_stopping_ GUARDED_BY(lock_) = false;
  std::atomic<pid_t> process_{0};  // that has the thread; 0 while there is none
  pthread_t thread_{};
};

}  // namespace superslab
