// A program with one thread keeps one, however much it frees, and whatever runs at its end runs on
// a thread of its own.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"

static void work(void) {
  static char* block[4000];
  for (int i = 0; i < 4000; i++) memset(block[i] = malloc(16000), 1, 16000);
  for (int i = 0; i < 4000; i++) free(block[i]);
}

static int threads(void) {
  int count = 0;
  DIR* tasks = opendir("/proc/self/task");
  CHECK(tasks != NULL);
  for (const struct dirent* entry; (entry = readdir(tasks)) != NULL;)
    count += entry->d_name[0] != '.';
  closedir(tasks);
  return count;
}

static void at_exit(void) {
  sigset_t blocked;
  pthread_sigmask(0, NULL, &blocked);
  CHECK(gettid() == getpid());
  CHECK(!sigismember(&blocked, SIGTERM));
  volatile char locals[300 << 10];  // more than a small thread's stack
  for (size_t i = 0; i < sizeof locals; i += 1024) locals[i] = 1;
  CHECK(write(1, "handled\n", 8) == 8);
}

int main(void) {
  work();
  usleep(150000);
  work();
  CHECK(threads() == 1);
  // EINVAL is for processes with more threads; others may be forbidden to.
  CHECK(unshare(CLONE_NEWUSER) == 0 || errno != EINVAL);
  atexit(at_exit);
  work();
  pthread_exit(NULL);
}
