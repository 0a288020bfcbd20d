#include "runtime/control_thread.h"

#include <pthread.h>
#include <signal.h>

namespace superslab {
namespace {

constexpr ByteCount kStackBytes = 256 * kKiB;
/// A look at whether it was woken, while it rests.
constexpr Nanos kRest = 60'000'000'000;

}  // namespace

void ControlThread::make_awake() {
  LockGuard guard(lock_);
  if (!has_started_ && !start()) return;
  has_started_ = true;
  is_awake_.store(true, std::memory_order_relaxed);
  changed_.notify_all();
}

/// False without a thread: the next who wakes it tries again.
bool ControlThread::start() {
  pthread_attr_t attributes;
  if (pthread_attr_init(&attributes) != 0) return false;
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attributes, kStackBytes);
  // The program's signals are for its own threads.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_t thread;
  const bool made = pthread_create(&thread, &attributes, run, this) == 0;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_attr_destroy(&attributes);
  return made;
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
