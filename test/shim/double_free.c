/* A block that had gone back to its slab and is freed again: ignored, and counted. */
#include "check.h"

#include "superslab.h"

static unsigned long double_frees(void) {
  static char text[64 << 10];
  CHECK(ss_stats_json(text, sizeof text) < sizeof text);
  const char* at = strstr(text, "\"doubleFrees\":");
  CHECK(at != NULL);
  return strtoul(at + strlen("\"doubleFrees\":"), NULL, 10);
}

int main(void) {
  void* neighbour = malloc(40); /* so that the slab stays */
  void* p = opaque(malloc(40));
  const unsigned long before = double_frees();
  free(p);
  ss_trim(); /* home, out of the thread's cache */
  free(opaque(p));
  ss_trim();
  CHECK(double_frees() == before + 1);
  free(neighbour);
}
