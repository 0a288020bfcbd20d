// A signal handler forks wherever the only thread of a program stands, in malloc, free and fork
// too. Parent and child go on from there, and the child may allocate once the handler has returned.
#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

enum { kBlocks = 1000, kForks = 300 };

static volatile int forks;
static volatile int is_child;

// One shot each time: a machine that is slow to fork comes to do something else as well.
static void arm(void) {
  const struct itimerval soon = {{0, 0}, {0, 500 + forks % 7 * 100}};
  setitimer(ITIMER_REAL, &soon, NULL);
}

static void on_signal(int number) {
  (void)number;
  if (is_child) return;
  const int error = errno;
  const pid_t child = fork();
  if (child == 0) {
    is_child = 1;
    return;  // into whatever was interrupted
  }
  int status = -1;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (child < 0 || status != 0) abort();
  ++forks;
  errno = error;
  arm();
}

static void churn(void** blocks, unsigned* seed) {
  *seed = *seed * 1103515245 + 12345;
  void** block = &blocks[(*seed >> 8) % kBlocks];
  free(*block);
  *block = malloc((*seed >> 12) % (*seed % 50 == 0 ? 3000000 : 70000));
  CHECK(*block != NULL);
}

int main(void) {
  const struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
  sigaction(SIGALRM, &action, NULL);
  void* blocks[kBlocks] = {0};
  unsigned seed = 1;
  arm();
  while (forks < kForks) {
    churn(blocks, &seed);
    if (!is_child) continue;
    for (int i = 0; i < 200; ++i) churn(blocks, &seed);
    _exit(0);
  }
  return 0;
}
