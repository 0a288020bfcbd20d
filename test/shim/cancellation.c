// None of the family is a cancellation point: a thread that is to be cancelled does not end inside,
// where it may hold what others wait for.
#define _GNU_SOURCE
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

static int got_through;

static void* all(void* unused) {
  pthread_cancel(pthread_self());
  static const size_t sizes[] = {16, 5000, 100000, 1 << 20, 3 << 20};
  enum { kCount = 10 };
  void* blocks[kCount];
  for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
    for (int i = 0; i < kCount; i++) blocks[i] = malloc(sizes[s]);
    for (int i = 0; i < kCount; i++) blocks[i] = realloc(blocks[i], sizes[s] * 2);
    for (int i = 0; i < kCount; i++) free(blocks[i]);
    free(calloc(1, sizes[s]));
    free(aligned_alloc(4096, sizes[s]));
  }
  malloc_trim(0);
  malloc_stats();
  (void)mallinfo2();
  const pid_t child = fork();
  if (child == 0) {
    free(malloc(5000));
    malloc_stats();
    _exit(0);
  }
  got_through = 1;
  pthread_testcancel();
  got_through = 2;
  return unused;
}

int main(void) {
  CHECK(freopen("/dev/null", "w", stderr) != NULL);
  pthread_t thread;
  void* end = NULL;
  CHECK(pthread_create(&thread, NULL, all, NULL) == 0);
  CHECK(pthread_join(thread, &end) == 0);
  int status = 1;
  CHECK(wait(&status) > 0 && status == 0);
  return got_through == 1 && end == PTHREAD_CANCELED ? 0 : 1;
}
