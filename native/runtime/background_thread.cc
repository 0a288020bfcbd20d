#include "runtime/background_thread.h"

#include <unistd.h>

#include <algorithm>
#include <cassert>

#include "base/clock.h"
#include "base/program_order.h"
#include "base/this_thread.h"
#include "runtime/start_thread.h"

namespace superslab {
namespace {

/// Between two looks where no task is due.
constexpr Nanos kLongest = Nanos{3600} * 1000 * kMillisecond;

constexpr const char* kThreadName = "superslab";

}  // namespace

bool BackgroundThread::is_there() const {
  return has_thread_.load(std::memory_order_relaxed) &&
         home_.load(std::memory_order_relaxed) == getpid();
}

/// Before the lock is taken: makes this process its home. In the child of a fork whoever had the
/// lock is not there, and neither is the thread. False if the caller is a signal handler of who has
/// it.
bool BackgroundThread::enter() NO_THREAD_SAFETY_ANALYSIS {
  const pid_t me = getpid();
  for (;;) {
    pid_t home = home_.load(std::memory_order_acquire);
    if (home == me) return true;
    // Negative while a thread of that process is at what follows.
    if (home == -me) {
      yield_thread();
      continue;
    }
    if (!home_.compare_exchange_strong(home, -me, std::memory_order_acquire)) continue;
    const bool is_mine = lock_.survive_fork() == Holder::kMe;
    if (!is_mine) {
      has_thread_.store(false, std::memory_order_relaxed);
      is_stopping_ = false;
      running_ = nullptr;
    }
    home_.store(is_mine ? home : me, std::memory_order_release);
    return !is_mine;
  }
}

bool BackgroundThread::start() {
  // The thread itself must not wait for its own end.
  if (is_stopping_ && pthread_equal(thread_, pthread_self()) != 0) return false;
  while (is_stopping_)
    changed_.wait_for(lock_, kLongest,
                      [this]() NO_THREAD_SAFETY_ANALYSIS { return !is_stopping_; });
  if (has_ended_) return false;
  if (!has_thread_) has_thread_ = start_thread(run, this, thread_);
  return has_thread_;
}

bool BackgroundThread::has(const BackgroundTask& task) const {
  const BackgroundTask* one = first_;
  while (one != nullptr && one != &task) one = one->next_;
  return one != nullptr;
}

bool BackgroundThread::wake(BackgroundTask& task) {
  if (!enter()) return false;
  LockGuard guard(lock_);
  if (!start()) return false;
  if (!has(task)) {
    task.next_ = first_;
    task.due_ = 0;
    task.is_resting_ = true;
    in_program_order();
    first_ = &task;
  }
  task.is_wanted_ = true;
  if (!task.is_resting_) return true;
  task.is_resting_ = false;
  is_changed_ = true;
  changed_.notify_all();
  return true;
}

void BackgroundThread::leave(BackgroundTask& task) {
  if (!enter()) return;
  LockGuard guard(lock_);
  BackgroundTask** at = &first_;
  while (*at != nullptr && *at != &task) at = &(*at)->next_;
  if (*at == nullptr) return;
  *at = task.next_;
  while (running_ == &task)
    changed_.wait_for(lock_, kLongest,
                      [&]() NO_THREAD_SAFETY_ANALYSIS { return running_ != &task; });
  if (first_ == nullptr) end_thread();
}

void BackgroundThread::stop() {
  if (!enter()) return;
  LockGuard guard(lock_);
  has_ended_ = true;
  end_thread();
}

void BackgroundThread::end_thread() {
  if (is_stopping_ || !has_thread_) return;
  is_stopping_ = true;
  const pthread_t ending = thread_;
  changed_.notify_all();
  lock_.unlock();
  pthread_join(ending, nullptr);
  lock_.lock();
  has_thread_ = false;
  is_stopping_ = false;
  changed_.notify_all();
}

void* BackgroundThread::run(void* self) {
#if defined(__linux__)
  pthread_setname_np(pthread_self(), kThreadName);
#endif
  static_cast<BackgroundThread*>(self)->loop();
  return nullptr;
}

void BackgroundThread::loop() {
  LockGuard guard(lock_);
  while (!is_stopping_) {
    const Nanos now = precise_now();
    Nanos until = now + kLongest;
    if (BackgroundTask* const task = next_due(now, until); task != nullptr) {
      take_step(*task);
      continue;
    }
    is_changed_ = false;
    changed_.wait_for(lock_, until - now,
                      [this]() NO_THREAD_SAFETY_ANALYSIS { return is_stopping_ || is_changed_; });
  }
}

/// The one that waits for longest, so that each has its turn.
BackgroundTask* BackgroundThread::next_due(Nanos now, Nanos& until) const {
  BackgroundTask* next = nullptr;
  for (BackgroundTask* task = first_; task != nullptr; task = task->next_) {
    if (task->is_resting_) continue;
    if (next == nullptr || task->due_ < next->due_) next = task;
  }
  if (next == nullptr || next->due_ <= now) return next;
  until = std::min(until, next->due_);
  return nullptr;
}

void BackgroundThread::take_step(BackgroundTask& task) {
  running_ = &task;
  task.is_wanted_ = false;
  lock_.unlock();
  const Rest rest = task.step(precise_now());
  const Nanos end = precise_now();
  lock_.lock();
  // It stays until the next statement: who has it leave waits for that.
  task.due_ = end + std::max<Nanos>(rest.at_least, 1);
  task.is_resting_ = rest.until_woken && !task.is_wanted_;
  running_ = nullptr;
  changed_.notify_all();
}

}  // namespace superslab
