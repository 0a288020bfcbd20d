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

/// In place of a process, while a thread of a forked child sees to what the fork left behind.
constexpr pid_t kSurviving = -1;

constexpr const char* kThreadName = "superslab";

}  // namespace

bool BackgroundThread::is_there() const {
  return process_.load(std::memory_order_relaxed) == getpid();
}

/// In the child of a fork, once: the thread is not there, and may have held the lock. False if the
/// caller is a signal handler of who holds it.
bool BackgroundThread::survive_fork() {
  for (;;) {
    pid_t process = process_.load(std::memory_order_acquire);
    if (process == 0 || process == getpid()) return true;
    if (process == kSurviving) {
      yield_thread();
      continue;
    }
    if (!process_.compare_exchange_strong(process, kSurviving, std::memory_order_acquire)) continue;
    const bool is_mine = lock_.survive_fork() == Holder::kMe;
    process_.store(is_mine ? process : 0, std::memory_order_release);
    return !is_mine;
  }
}

bool BackgroundThread::start() {
  while (is_stopping_)
    changed_.wait_for(lock_, kLongest,
                      [this]() NO_THREAD_SAFETY_ANALYSIS { return !is_stopping_; });
  if (has_ended_) return false;
  if (process_.load(std::memory_order_relaxed) != 0) return true;
  // A step that was under way in the parent of a fork is not under way here.
  running_ = nullptr;
  if (!start_thread(run, this, thread_)) return false;
  process_.store(getpid(), std::memory_order_release);
  return true;
}

bool BackgroundThread::has(const BackgroundTask& task) const {
  const BackgroundTask* one = first_;
  while (one != nullptr && one != &task) one = one->next_;
  return one != nullptr;
}

bool BackgroundThread::wake(BackgroundTask& task) {
  if (!survive_fork()) return false;
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
  if (!survive_fork()) return;
  LockGuard guard(lock_);
  BackgroundTask** at = &first_;
  while (*at != nullptr && *at != &task) at = &(*at)->next_;
  if (*at == nullptr) return;
  *at = task.next_;
  while (is_there() && running_ == &task)
    changed_.wait_for(lock_, kLongest,
                      [&]() NO_THREAD_SAFETY_ANALYSIS { return running_ != &task; });
  if (first_ == nullptr) end_thread();
}

void BackgroundThread::stop() {
  if (!survive_fork()) return;
  LockGuard guard(lock_);
  has_ended_ = true;
  end_thread();
}

void BackgroundThread::end_thread() {
  if (is_stopping_ || process_.load(std::memory_order_relaxed) == 0) return;
  is_stopping_ = true;
  changed_.notify_all();
  lock_.unlock();
  pthread_join(thread_, nullptr);
  lock_.lock();
  process_.store(0, std::memory_order_release);
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
