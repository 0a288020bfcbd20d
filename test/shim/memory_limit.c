// In a control group with a memory limit of 60 MiB: with 52 MiB live, no more stays idle than fits
// beside it. Says how many MiB are resident after 40 more were freed.
#include <stdlib.h>
#include <string.h>

#include "check.h"

enum { kLive = 52, kIdle = 40, kBytes = 1 << 20 };

static long resident_pages(void) {
  long pages = 0;
  FILE* file = fopen("/proc/self/statm", "r");
  CHECK(file != NULL && fscanf(file, "%*d %ld", &pages) == 1);
  fclose(file);
  return pages;
}

int main(void) {
  static char* live[kLive];
  static char* idle[kIdle];
  for (int i = 0; i < kLive; i++) memset(live[i] = malloc(kBytes), 1, kBytes);
  for (int i = 0; i < kIdle; i++) memset(idle[i] = malloc(kBytes), 1, kBytes);
  for (int i = 0; i < kIdle; i++) free(idle[i]);
  for (int i = 0; i < kLive; i++) CHECK(live[i][kBytes - 1] == 1);
  printf("%ld\n", resident_pages() * 4096 >> 20);
  return 0;
}
