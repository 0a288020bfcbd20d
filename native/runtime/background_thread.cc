#include "runtime/background_thread.h"

#include <signal.h>
#include <unistd.h>

#include <cassert>

#include "base/clock.h"
#include "base/keep_errno.h"

namespace superslab {
namespace {

/// Its frames are small; what a program has of thread-local variables lies there, too.
constexpr std::size_t kStackBytes = 256 * kKiB;

/// Longer than any rest that matters.
constexpr Nanos kLongRest = Nanos{3600} * 1000 * kMillisecond;

}  // namespace

BackgroundThread::~BackgroundThread() { assert(process_ == 0); }

/// All signals are blocked in the thread that is made.
bool BackgroundThread::start() {
  const KeepErrno keep;
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_attr_t attributes;
  if (pthread_attr_init(&attributes) != 0) return false;
  pthread_attr_setstacksize(&attributes, kStackBytes);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const bool is_made = pthread_create(&thread_, &attributes, run, this) == 0;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_attr_destroy(&attributes);
  process_ = is_made ? getpid() : 0;
  return is_made;
}

bool BackgroundThread::was_left_behind() const {
  const pid_t process = process_.load(std::memory_order_relaxed);
  return process != 0 && process != getpid();
}

bool BackgroundThread::wake() {
  // The thread may have held it then.
  if (was_left_behind() && lock_.survive_fork() == Holder::kMe) return false;
  LockGuard guard(lock_);
  if (is_stopping_) return false;
  if ((process_ == 0 || was_left_behind()) && !start()) return false;
  is_wanted_ = true;
  changed_.notify_all();
  return true;
}

void BackgroundThread::stop() {
  const bool is_here = process_ != 0 && !was_left_behind();
  if (was_left_behind()) static_cast<void>(lock_.survive_fork());
  {
    LockGuard guard(lock_);
    is_stopping_ = true;
    changed_.notify_all();
  }
  if (is_here) pthread_join(thread_, nullptr);
  process_ = 0;
}

void* BackgroundThread::run(void* self) {
  static_cast<BackgroundThread*>(self)->loop();
  return nullptr;
}

void BackgroundThread::loop() {
  for (;;) {
    {
      LockGuard guard(lock_);
      while (!is_wanted_ && !is_stopping_)
        changed_.wait_for(lock_, kLongRest, [this]() NO_THREAD_SAFETY_ANALYSIS {
          return is_wanted_ || is_stopping_;
        });
      if (is_stopping_) return;
      is_wanted_ = false;
    }
    const Pause pause = work_(context_);
    LockGuard guard(lock_);
    if (pause.at_least != 0)
      changed_.wait_for(lock_, pause.at_least,
                        [this]() NO_THREAD_SAFETY_ANALYSIS { return is_stopping_; });
    if (!pause.until_woken) is_wanted_ = true;
  }
}

}  // namespace superslab
