/* Handlers of atexit() and on_exit() use memory while other threads still do. */
#include "check.h"

#include <pthread.h>
#include <unistd.h>

static void* kept;

static void handler(void) {
  CHECK(holds(kept, 700, 7));
  for (int i = 0; i < 1000; ++i) {
    void* p = malloc(64 + i);
    CHECK(p != NULL);
    free(p);
  }
}

static void last_handler(int status, void* argument) {
  CHECK(status == 0 && argument == kept);
  handler();
  free(kept);
  write(STDOUT_FILENO, "handlers ran\n", 13);
}

static void* goes_on(void* unused) {
  (void)unused;
  for (;;) free(opaque(malloc(100)));
  return NULL;
}

int main(void) {
  kept = malloc(700);
  fill(kept, 700, 7);
  on_exit(last_handler, kept);
  /* More than the first block of handlers holds: registering allocates. */
  for (int i = 0; i < 100; ++i) atexit(handler);
  pthread_t thread;
  for (int i = 0; i < 2; ++i) pthread_create(&thread, NULL, goes_on, NULL);
}
