// Forks while another thread stands anywhere: a signal stops it wherever it happens to be.
//
// That thread must not use the C library's malloc, whose locks fork() takes.
#pragma once

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>

namespace superslab_test {

/// How often a test forks.
#if defined(__SANITIZE_ADDRESS__)
inline constexpr int kForks = 20;
#else
inline constexpr int kForks = 60;
#endif

class StoppedThread {
 public:
  /// For as long as one lives, SIGUSR1 stops a thread. One at a time.
  StoppedThread() {
    struct sigaction action = {};
    action.sa_handler = stop_here;
    sigaction(SIGUSR1, &action, &before_);
  }
  ~StoppedThread() { sigaction(SIGUSR1, &before_, nullptr); }
  StoppedThread(const StoppedThread&) = delete;
  StoppedThread& operator=(const StoppedThread&) = delete;

  /// Stops `thread`, forks, lets it go on, and returns what the child made of `body`: its exit
  /// status, or 256 + the signal that ended it. `while_of` is a while that should never be the
  /// same.
  template <class Body>
  int fork_beside(std::thread& thread, std::uint64_t while_of, Body body) {
    for (; while_of > 0; --while_of) std::atomic_signal_fence(std::memory_order_seq_cst);
    goes_on = false;
    pthread_kill(thread.native_handle(), SIGUSR1);
    while (!is_stopped.load()) sched_yield();
    const pid_t child = fork();
    if (child == 0) {
      alarm(30);
      _exit(body());
    }
    goes_on = true;
    while (is_stopped.load()) sched_yield();
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child) return -1;
    return WIFSIGNALED(status) ? 256 + WTERMSIG(status) : WEXITSTATUS(status);
  }

 private:
  static void stop_here(int) {
    is_stopped.store(true);
    while (!goes_on.load()) sched_yield();
    is_stopped.store(false);
  }

  static inline std::atomic<bool> is_stopped{false};
  static inline std::atomic<bool> goes_on{false};
  struct sigaction before_;
};

}  // namespace superslab_test
