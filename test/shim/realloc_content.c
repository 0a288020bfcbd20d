/* realloc() keeps the content, whatever kinds of blocks it moves between. */
#include "check.h"

#include <malloc.h>

int main(void) {
  const size_t sizes[] = {1,      24,     100,      1000,           1025,     20000,    33000,
                          100000, 600000, 2u << 20, (2u << 20) + 9, 9u << 20, 40u << 20};
  enum { kSizes = sizeof sizes / sizeof *sizes };
  for (size_t from = 0; from < kSizes; ++from) {
    for (size_t to = 0; to < kSizes; ++to) {
      char* p = malloc(sizes[from]);
      fill(p, sizes[from], from);
      p = realloc(p, sizes[to]);
      CHECK(p != NULL);
      const size_t both = sizes[from] < sizes[to] ? sizes[from] : sizes[to];
      CHECK(holds(p, both, from));
      CHECK(malloc_usable_size(p) >= sizes[to]);
      p[sizes[to] - 1] = 1;
      free(p);
    }
  }
  /* Aligned blocks too, and step by step. */
  char* p = memalign(4096, 5000);
  fill(p, 5000, 1);
  for (size_t size = 6000; size < 30u << 20; size += size / 3) {
    p = realloc(p, size);
    CHECK(p != NULL && holds(p, 5000, 1));
    p[size - 1] = 1;
  }
  for (size_t size = 30u << 20; size > 5000; size -= size / 3) {
    p = realloc(p, size);
    CHECK(p != NULL && holds(p, 5000, 1));
  }
  free(p);
  /* What grows by a little moves less often than once a size class, of which a doubling has four.
   */
  size_t moves = 0;
  p = malloc(8 << 10);
  for (size_t size = 9 << 10; size <= 512 << 10; size += 1 << 10) {
    char* before = p;
    p = realloc(p, size);
    CHECK(p != NULL);
    moves += p != before;
  }
  CHECK(moves <= 6 * 3);
  free(p);
  /* To a mapping of its own, and back. */
  p = malloc(9u << 20);
  fill(p, 5000, 2);
  p = realloc(p, (size_t)5 << 30);
  CHECK(p != NULL && holds(p, 5000, 2));
  p[((size_t)5 << 30) - 1] = 1;
  p = realloc(p, 6000);
  CHECK(p != NULL && holds(p, 5000, 2));
  free(p);
}
