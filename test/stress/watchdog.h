// A process that watches the stress: what hangs is shown with the stacks of all threads, and ended.
//
// It is the stress's parent, made before anything can have gone wrong, so that it needs nothing of
// what may be broken.
#pragma once

#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <atomic>

#include "fail.h"

/// What both processes see.
struct Watched {
  std::atomic<uint64_t> threads_ended;
  std::atomic<int> hung_child;
};
inline Watched* watched = nullptr;

inline void sleep_ms(unsigned ms) {
  timespec left{ms / 1000, static_cast<long>(ms % 1000) * 1'000'000};
  while (nanosleep(&left, &left) != 0 && errno == EINTR) {
  }
}

/// Ends `process` if it has not ended after `seconds`. False then; else `status` is that of
/// waitpid().
inline bool wait_for(pid_t process, int& status, unsigned seconds) {
  for (unsigned waited = 0; waited < seconds * 1000; waited += 2) {
    const pid_t ended = waitpid(process, &status, WNOHANG);
    if (ended == process) return true;
    if (ended < 0 && errno != EINTR) fail("waitpid: %s", strerror(errno));
    sleep_ms(2);
  }
  return false;
}

inline void show_stacks(pid_t process) {
  char number[16];
  snprintf(number, sizeof number, "%d", static_cast<int>(process));
  const char* const command[] = {"gdb", "-nx",  "-batch", "-ex", "thread apply all backtrace 40",
                                 "-p",  number, nullptr};
  fprintf(stderr, "stress: stacks of process %s:\n", number);
  pid_t gdb;
  int status = 0;
  if (posix_spawnp(&gdb, command[0], nullptr, nullptr, const_cast<char* const*>(command),
                   environ) != 0) {
    fprintf(stderr, "stress: none: there is no gdb\n");
  } else if (!wait_for(gdb, status, 60)) {
    kill(gdb, SIGKILL);
  }
}

/// Until the stress has ended. The exit code.
inline int watch_over(pid_t stress) {
  unsetenv("LD_PRELOAD");  // for gdb
  uint64_t ended = 0;
  unsigned quiet_ms = 0;
  for (;;) {
    int status = 0;
    if (waitpid(stress, &status, WNOHANG) == stress) {
      if (WIFEXITED(status)) return WEXITSTATUS(status);
      fprintf(stderr, "stress: seed %llu: ended by signal %d\n",
              static_cast<unsigned long long>(options.seed), WTERMSIG(status));
      return 1;
    }
    sleep_ms(100);
    const uint64_t now = watched->threads_ended.load();
    quiet_ms = now == ended ? quiet_ms + 100 : 0;
    ended = now;
    const pid_t child = watched->hung_child.load();
    if (child == 0 && quiet_ms < options.stall_seconds * 1000) continue;
    fprintf(stderr, "stress: seed %llu: %s\n", static_cast<unsigned long long>(options.seed),
            child != 0 ? "a child hangs" : "no thread ends: they hang");
    if (child != 0) show_stacks(child);
    show_stacks(stress);
    kill(-stress, SIGKILL);
    return 1;
  }
}

/// Goes on as a new process under a watchdog.
inline void become_watched() {
  void* shared =
      mmap(nullptr, sizeof(Watched), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) fail("mmap: %s", strerror(errno));
  watched = static_cast<Watched*>(shared);
  const pid_t stress = fork();
  if (stress < 0) fail("fork: %s", strerror(errno));
  if (stress != 0) _exit(watch_over(stress));
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
}
