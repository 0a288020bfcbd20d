// pthread_join() of a thread whose stack leaves the C library's cache of stacks calls free() with
// the lock of that cache held: free() must not come to want it.
#define _GNU_SOURCE
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"

enum { THREADS = 200, BLOCKS = 80, ROUNDS = 4 };

static pthread_barrier_t barrier;
static void* wait_for_all(void* x) {
  pthread_barrier_wait(&barrier);
  return x;
}

int main(void) {
  static char* block[BLOCKS];
  static pthread_t threads[THREADS];
  for (int round = 0; round < ROUNDS; round++) {
    pthread_barrier_init(&barrier, NULL, THREADS + 1);
    for (int i = 0; i < THREADS; i++)
      CHECK(pthread_create(&threads[i], NULL, wait_for_all, NULL) == 0);
    for (int i = 0; i < BLOCKS; i++) memset(block[i] = malloc(1 << 20), 1, 1 << 20);
    usleep(20000);
    for (int i = 0; i < BLOCKS / 2; i++) free(block[i]);
    pthread_barrier_wait(&barrier);
    for (int i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    for (int i = BLOCKS / 2; i < BLOCKS; i++) free(block[i]);
  }
  return 0;
}
