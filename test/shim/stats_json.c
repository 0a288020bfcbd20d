/* ss_stats_json() behaves like snprintf() and allocates nothing. What it wrote goes to the standard
 * output, for who started this to read. */
#include "check.h"

#include "superslab.h"

static unsigned long value(const char* text, const char* key) {
  const char* at = strstr(text, key);
  CHECK(at != NULL);
  return strtoul(at + strlen(key), NULL, 10);
}

int main(void) {
  static char text[64 << 10];
  static char again[64 << 10];
  enum { kBlocks = 1000 };
  static void* blocks[kBlocks];
  for (int i = 0; i < kBlocks; ++i) blocks[i] = malloc(200);
  void* mapped = malloc((size_t)2 << 30);

  const size_t length = ss_stats_json(text, sizeof text);
  CHECK(length > 0 && length == strlen(text));
  CHECK(value(text, "\"mappedBytes\":") == 2ul << 30);

  /* Page faults of the calls themselves may change one number's length. */
  const size_t needed = ss_stats_json(NULL, 0);
  CHECK(needed + 8 > length && needed < length + 8);
  memset(again, '#', sizeof again);
  CHECK(ss_stats_json(again, 10) + 8 > length);
  CHECK(strlen(again) == 9 && strncmp(again, text, 9) == 0 && again[10] == '#');
  CHECK(ss_stats_json(again, 1) > 0 && again[0] == '\0');

  const unsigned long fetched = value(text, "\"refilledBlocks\":");
  for (int i = 0; i < 100; ++i) ss_stats_json(again, sizeof again);
  CHECK(value(again, "\"refilledBlocks\":") == fetched);

  free(mapped);
  ss_stats_json(text, sizeof text);
  for (int i = 0; i < kBlocks; ++i) free(blocks[i]);
  puts(text);
}
