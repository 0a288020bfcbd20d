#include "runtime/control_thread.h"

#include <pthread.h>

#include "runtime/start_thread.h"

namespace superslab {
namespace {

/// A look at whether it was woken, while it rests.
constexpr Nanos kRest = 60'000'000'000;

}  // namespace

void ControlThread::make_awake() {
  LockGuard guard(lock_);
  // Without a thread the next who wakes it tries again.
  if (!has_started_ && !start_thread(run, this)) return;
  has_started_ = true;
  is_awake_.store(true, std::memory_order_relaxed);
  changed_.notify_all();
}

void* ControlThread::run(void* self) {
#if defined(__linux__)
  pthread_setname_np(pthread_self(), "superslab");
#endif
  static_cast<ControlThread*>(self)->loop();
  return nullptr;
}

void ControlThread::loop() {
  for (;;) {
    const bool again = work_(context_);
    LockGuard guard(lock_);
    if (again) {
      changed_.wait_for(lock_, period_, [] { return false; });
      continue;
    }
    is_awake_.store(false, std::memory_order_relaxed);
    while (!is_awake()) changed_.wait_for(lock_, kRest, [this] { return is_awake(); });
  }
}

}  // namespace superslab
