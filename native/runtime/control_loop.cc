#include "runtime/control_loop.h"

#include <pthread.h>

#include <algorithm>

#include "runtime/start_thread.h"

namespace superslab {
namespace {

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
  if (!is_running_) is_running_ = start_thread(run_for_ever, this);
  if (!is_running_) return false;
  task.next_ = first_;
  first_ = &task;
  ++additions_;
  changed_.notify_all();
  return true;
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
