// Children: what a process that was forked in the midst of everything does with what it inherits.
#pragma once

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/time.h>

#include "blocks.h"
#include "libraries.h"
#include "own_heaps.h"
#include "streams.h"
#include "watchdog.h"

/// A child works for a moment, and must not wait for a lock that nobody will release.
constexpr unsigned kChildOperations = 2'000;
constexpr unsigned kChildSeconds = 120;

inline std::atomic<uint64_t> children{0};

inline void end_well(pid_t child, unsigned seconds) {
  int status = 0;
  if (!wait_for(child, status, seconds)) {
    watched->hung_child.store(child);
    sleep_ms(200'000);  // the watchdog shows where, and ends both
    fail("the child %d hung", static_cast<int>(child));
  }
  children.fetch_add(1, std::memory_order_relaxed);
  if (WIFSIGNALED(status))
    fail("the child %d was ended by signal %d", static_cast<int>(child), WTERMSIG(status));
  if (WEXITSTATUS(status) != 0) fail("the child %d failed", static_cast<int>(child));
}

inline void fork_child(Random& random, unsigned generation);

[[noreturn]] inline void be_child(Random random, unsigned generation) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  // From everywhere: also what threads have that are not in this process.
  for (unsigned i = 0; i < kChildOperations; ++i) {
    work_on_any(random);
    if (heap::kIsMalloc && options.has[kStdio] && random.one_in(400)) Streams::work_alone(random);
  }
  burst(random);
  if (options.has[kHeaps] && heap::has_heaps() && random.one_in(2)) use_own_heap(random);
  if (options.has[kTrim] && random.one_in(4)) heap::trim();
  if (generation < 3 && random.one_in(3)) fork_child(random, generation + 1);
  _exit(0);
}

inline void fork_child(Random& random, unsigned generation) {
  const Random its(random.next());
  const pid_t child = fork();
  if (child < 0) fail("fork: %s", strerror(errno));
  if (child == 0) be_child(its, generation);
  end_well(child, kChildSeconds);
}

inline size_t address_space_bytes() {
  char text[64] = {};
  const int file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  if (file < 0 || read(file, text, sizeof text - 1) <= 0) fail("/proc/self/statm cannot be read");
  close(file);
  return strtoull(text, nullptr, 10) * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

/// Works where addresses end: every call serves or says ENOMEM, and what is there stays whole.
[[noreturn]] inline void be_limited_child(Random random) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const rlim_t limit = address_space_bytes() + (random.below(64) << 20);
  const rlimit both{limit, limit};
  if (setrlimit(RLIMIT_AS, &both) != 0) fail("setrlimit: %s", strerror(errno));
  may_fail.store(true);
  constexpr size_t kLarge = 3 << 20;
  void* large[64];
  size_t count = 0;
  while (count < std::size(large)) {
    void* block = heap::allocate(kLarge);
    if (block == nullptr) break;
    memset(block, 1, 4096);
    large[count++] = block;
  }
  for (unsigned i = 0; i < kChildOperations; ++i) work_on_any(random);
  burst(random);
  while (count > 0) heap::release(large[--count]);
  for (unsigned i = 0; i < kChildOperations; ++i) work_on_any(random);
  _exit(0);
}

inline void fork_limited_child(Random& random) {
  const Random its(random.next());
  const pid_t child = fork();
  if (child < 0) fail("fork: %s", strerror(errno));
  if (child == 0) be_limited_child(its);
  end_well(child, kChildSeconds);
}

inline void fork_in_handler(int) {
  const int error = errno;
  if (fork() == 0) _exit(0);
  errno = error;
}

/// A process with one thread, in which a handler forks at any instruction: the C library takes no
/// lock of its malloc there. Returns to the parent.
inline pid_t start_interrupted_process(time_t end) {
  const pid_t process = fork();
  if (process < 0) fail("fork: %s", strerror(errno));
  if (process != 0) return process;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  struct sigaction ignore = {};
  ignore.sa_handler = SIG_IGN;  // its children leave no zombies
  sigaction(SIGCHLD, &ignore, nullptr);
  struct sigaction handle = {};
  handle.sa_handler = fork_in_handler;
  handle.sa_flags = SA_RESTART;
  sigaction(SIGALRM, &handle, nullptr);
  const itimerval often{{0, 3'000}, {0, 3'000}};
  setitimer(ITIMER_REAL, &often, nullptr);
  Random random(options.seed ^ 0x5157a1);
  while (time(nullptr) < end) {
    for (unsigned i = 0; i < 500; ++i) work_on_any(random);
    burst(random);
    if (options.has[kHeaps] && heap::has_heaps() && random.one_in(20)) use_own_heap(random);
    if (options.has[kTrim] && random.one_in(50)) heap::trim();
  }
  _exit(0);
}
