/* vfork() and exec, and posix_spawn(), from a process with threads. */
#include "check.h"

#include <pthread.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;
static volatile int stop;

static void* churn(void* unused) {
  (void)unused;
  while (!stop) free(opaque(malloc(100)));
  return NULL;
}

static void wait_for(pid_t pid) {
  int status = -1;
  CHECK(pid > 0);
  CHECK(waitpid(pid, &status, 0) == pid);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(int argc, char** argv) {
  if (argc > 1) {
    /* The image that exec brought: the library is in it too. */
    char* p = malloc(1000);
    fill(p, 1000, 1);
    CHECK(holds(p, 1000, 1));
    free(p);
    return 0;
  }
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, churn, NULL) == 0);
  char* const again[] = {argv[0], (char*)"again", NULL};
  for (int round = 0; round < 20; ++round) {
    const pid_t pid = vfork();
    if (pid == 0) {
      execv(argv[0], again);
      _exit(1);
    }
    wait_for(pid);
    pid_t spawned = -1;
    CHECK(posix_spawn(&spawned, argv[0], NULL, NULL, again, environ) == 0);
    wait_for(spawned);
    free(opaque(malloc(5000)));
  }
  stop = 1;
  pthread_join(thread, NULL);
}
