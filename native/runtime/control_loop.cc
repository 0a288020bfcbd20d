#include "runtime/control_loop.h"

#include <pthread.h>
#include <signal.h>

#include <algorithm>

namespace superslab {
namespace {

/// A step keeps batches of a thousand pages on its stack.
constexpr std::size_t kStackBytes = 256 * kKiB;

/// Time between two looks where no task says otherwise.
constexpr Nanos kLongest = 3600 * 1000 * kMillisecond;

constexpr const char* kThreadName = "superslab";

}  // namespace

ControlLoop& ControlLoop::of_process() {
  static auto* const loop = new ControlLoop;
  return *loop;
}

bool ControlLoop::add(ControlTask& task) {
  LockGuard guard(lock_);
  if (!is_running_) is_running_ = start();
  if (!is_running_) return false;
  task.next_ = first_;
  first_ = &task;
  ++additions_;
  changed_.notify_all();
  return true;
}

bool ControlLoop::start() {
  pthread_attr_t attributes;
  if (pthread_attr_init(&attributes) != 0) return false;
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attributes, kStackBytes);
  // Signals are for the program's threads.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_t thread;
  const bool started = pthread_create(&thread, &attributes, run_for_ever, this) == 0;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_attr_destroy(&attributes);
  return started;
}

void* ControlLoop::run_for_ever(void* self) {
#if defined(__linux__)
  pthread_setname_np(pthread_self(), kThreadName);
#endif
  auto& loop = *static_cast<ControlLoop*>(self);
  for (std::uint64_t seen = 0;;) {
    const Nanos rest = loop.run(precise_now());
    LockGuard guard(loop.lock_);
    loop.changed_.wait_for(loop.lock_, rest,
                           [&]() NO_THREAD_SAFETY_ANALYSIS { return loop.additions_ != seen; });
    seen = loop.additions_;
  }
}

Nanos ControlLoop::run(Nanos now) {
  Nanos rest = kLongest;
  ControlTask* task;
  {
    LockGuard guard(lock_);
    task = first_;
  }
  // Tasks are added in front and never leave: those that are there stay as they are.
  for (; task != nullptr; task = task->next_) {
    if (task->due_ <= now) task->due_ = now + std::max<Nanos>(task->step(now), 1);
    rest = std::min(rest, task->due_ - now);
  }
  return rest;
}

}  // namespace superslab
