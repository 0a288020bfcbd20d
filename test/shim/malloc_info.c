/* The part of the family that tells and tunes. */
#include "check.h"

#include <malloc.h>

int main(void) {
  CHECK(mallopt(M_MMAP_THRESHOLD, 1000) == 1);

  const struct mallinfo2 before = mallinfo2();
  char* p = malloc(10u << 20);
  memset(p, 1, 10u << 20);
  char* mapped = malloc((size_t)2 << 30);
  const struct mallinfo2 with = mallinfo2();
  CHECK(with.uordblks >= before.uordblks + (10u << 20));
  CHECK(with.arena >= 10u << 20);
  CHECK(with.hblkhd >= (size_t)2 << 30);
  free(mapped);
  free(p);
  const struct mallinfo2 after = mallinfo2();
  CHECK(after.uordblks < 10u << 20);
  CHECK(after.hblkhd == 0);
  CHECK(after.fordblks >= 8u << 20); /* a slab may lie in some of it already */

  CHECK(malloc_trim(0) == 1);
  CHECK(mallinfo2().fordblks < 10u << 20);

  void* kept = malloc(100);
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
  CHECK(mallinfo().arena > 0);

  char* text = NULL;
  size_t size = 0;
  FILE* out = open_memstream(&text, &size);
  CHECK(malloc_info(0, out) == 0);
  CHECK(malloc_info(1, out) == EINVAL);
  fclose(out);
  CHECK(strncmp(text, "<malloc version=\"1\">", 20) == 0);
  CHECK(strstr(text, "</malloc>") != NULL);
  free(text);
  malloc_stats();
  free(kept);
}
