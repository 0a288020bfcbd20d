// measure PRELOAD PROGRAM [ARGUMENT...]
//
// Runs PROGRAM with LD_PRELOAD=PRELOAD (none when it is empty) and writes to file descriptor 3:
// wall clock ns, user µs, system µs, peak RSS KiB, exit code or -signal.
//
// Why not measured from Node: Linux counts what a process was before exec into its ru_maxrss, so
// that of a child of Node, or of an interpreter, is never below its parent's. This parent is small,
// and links nothing that the program under test would not bring too.
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long long nanoseconds() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static long long microseconds(const timeval& time) {
  return time.tv_sec * 1000000LL + time.tv_usec;
}

int main(int argc, char** argv) {
  if (argc < 3) {
    fprintf(stderr, "usage: measure PRELOAD PROGRAM [ARGUMENT...]\n");
    return 2;
  }
  fcntl(3, F_SETFD, FD_CLOEXEC);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const long long start = nanoseconds();
  const pid_t child = fork();
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (argv[1][0] != '\0') setenv("LD_PRELOAD", argv[1], 1);
    execvp(argv[2], argv + 2);
    perror(argv[2]);
    _exit(127);
  }
  if (child < 0) {
    perror("fork");
    return 1;
  }
  int status = 0;
  rusage usage;
  // Times and peak are also those of the child's own children that it has waited for.
  if (wait4(child, &status, 0, &usage) != child) {
    perror("wait4");
    return 1;
  }
  const long long wall = nanoseconds() - start;
  const int code = WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
  dprintf(3, "%lld %lld %lld %ld %d\n", wall, microseconds(usage.ru_utime),
          microseconds(usage.ru_stime), usage.ru_maxrss, code);
  return 0;
}
