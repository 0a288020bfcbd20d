// A program with one thread forks in ways that run no handlers: the child has threads and forks of
// its own, and parent and child go on.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

enum { kBlocks = 500 };
static char* blocks[2][kBlocks];

static void churn(char** mine, unsigned seed) {
  for (int i = 0; i < 20000; i++) {
    seed = seed * 1103515245 + 12345;
    char** block = &mine[(seed >> 8) % kBlocks];
    const size_t bytes = (seed >> 12) % (seed % 100 == 0 ? 3000000 : 40000) + 1;
    if (*block != NULL) CHECK(**block == 1);
    free(*block);
    memset(*block = malloc(bytes), 1, 1);
  }
}

static void* beside(void* unused) {
  churn(blocks[1], 2);
  return unused;
}

static pid_t bare_clone(void) { return (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0); }

static void in_child(void) {
  churn(blocks[0], 3);
  // Of a bare clone the C library knows nothing: what it keeps of the thread is the parent's.
  _exit(0);
}

static void in_forked_child(void) {
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, beside, NULL) == 0);
  churn(blocks[0], 3);
  CHECK(pthread_join(thread, NULL) == 0);
  const pid_t grandchild = fork();
  if (grandchild == 0) in_child();
  int status = 1;
  CHECK(waitpid(grandchild, &status, 0) == grandchild && status == 0);
  _exit(0);
}

int main(void) {
  churn(blocks[0], 1);
  pid_t (*fork_alone)(void) = (pid_t(*)(void))dlsym(RTLD_DEFAULT, "_Fork");
  for (int round = 0; round < 4; round++) {
    const int has_library = fork_alone != NULL && round % 2 == 0;
    const pid_t child = has_library ? fork_alone() : bare_clone();
    if (child == 0) has_library ? in_forked_child() : in_child();
    churn(blocks[0], 4);
    int status = 1;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
  }
  return 0;
}
