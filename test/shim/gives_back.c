// What is idle beyond the bound goes back with the free that made it so: no call of ours follows in
// a program that rests. SUPERSLAB_MALLOC_IDLE_BYTES is its default here, 16 MiB.
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "check.h"

static const long kMiB = 1 << 20;

/// Bytes that are resident, without a call of malloc.
static long resident(void) {
  char text[64] = "";
  const int file = open("/proc/self/statm", O_RDONLY);
  CHECK(read(file, text, sizeof text - 1) > 0);
  close(file);
  return strtol(strchr(text, ' '), NULL, 10) * sysconf(_SC_PAGESIZE);
}

static long faults(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_minflt;
}

static char* block[400000];

static void take(int count, size_t bytes) {
  for (int i = 0; i < count; i++) memset(block[i] = malloc(bytes), 1, bytes);
}

static void give(int from, int count, int step) {
  for (int i = from; i < count; i += step) free(block[i]);
}

static void* take_and_give(void* unused) {
  static char* mine[60];
  for (int i = 0; i < 60; i++) memset(mine[i] = malloc(kMiB), 1, kMiB);
  for (int i = 0; i < 60; i++) free(mine[i]);
  return unused;
}

static void* give_all(void* count) {
  give(0, *(int*)count, 1);
  return count;
}

int main(int argc, char** argv) {
  memset(block, 0, sizeof block);
  const char* what = argc > 1 ? argv[1] : "";
  const long before = resident();
  pthread_t thread;
  if (strcmp(what, "few large blocks") == 0) {
    take(60, 1950 << 10);
    give(0, 60, 1);
  } else if (strcmp(what, "blocks beyond 2 MiB") == 0) {
    take(20, 6 << 20);
    give(0, 20, 1);
  } else if (strcmp(what, "small blocks") == 0) {
    take(400000, 300);
    give(0, 400000, 1);
  } else if (strcmp(what, "pages between blocks") == 0) {
    take(200000, 600);
    for (int i = 0; i < 200000; i++)
      if (i % 400 != 0) free(block[i]);
  } else if (strcmp(what, "a thread that ends") == 0) {
    CHECK(pthread_create(&thread, NULL, take_and_give, NULL) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
  } else if (strcmp(what, "another thread's blocks") == 0) {
    int count = 300000;
    take(count, 400);
    CHECK(pthread_create(&thread, NULL, give_all, &count) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
  } else if (strcmp(what, "a loop") == 0) {
    // Memory that is taken again at once is worth keeping: it goes back and comes again once.
    long first = 0;
    for (int round = 0; round < 12; round++) {
      const long start = faults();
      take(60, kMiB);
      give(0, 60, 1);
      if (round == 0) first = faults() - start;
      if (round > 4) CHECK(faults() - start < first / 10);
    }
    return 0;
  } else {
    CHECK(!"a known case");
  }
  const long left = resident() - before;
  if (left > 24 * kMiB) fprintf(stderr, "%s: %ld MiB left\n", what, left / kMiB);
  CHECK(left <= 24 * kMiB);
  return 0;
}
