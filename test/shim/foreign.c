/* Blocks of another allocator (glibc's own, past the names of the family), and addresses that are
 * no blocks. The argument says what to do with which. */
#include "check.h"

#include <malloc.h>

void* __libc_malloc(size_t);

static int passed_on(void) {
  for (int i = 0; i < 1000; ++i) {
    char* p = __libc_malloc(100);
    CHECK(p != NULL);
    CHECK(malloc_usable_size(p) >= 100);
    fill(p, 100, 3);
    p = realloc(p, 5000);
    CHECK(p != NULL && holds(p, 100, 3));
    free(p);
    free(__libc_malloc(10));
  }
  return 0;
}

static int ignored(void) {
  char* p = __libc_malloc(100);
  fill(p, 100, 3);
  free(p);
  CHECK(holds(p, 100, 3));
  CHECK(malloc_usable_size(p) == 0);
  errno = 0;
  CHECK(realloc(p, 200) == NULL);
  CHECK(errno == ENOMEM);
  CHECK(holds(p, 100, 3));
  return 0;
}

int main(int argc, char** argv) {
  CHECK(argc == 2);
  const char* what = argv[1];
  if (strcmp(what, "next") == 0) return passed_on();
  if (strcmp(what, "ignore") == 0) return ignored();
  /* All others are to end the process. */
  char* small = malloc(100); /* first, so that slabs need not lie where `large` was */
  char* large = malloc(9u << 20);
  if (strcmp(what, "foreign") == 0) free(__libc_malloc(10));
  if (strcmp(what, "beyond") == 0) free(large + (512u << 20));
  if (strcmp(what, "inside") == 0) free(large + (4u << 20));
  if (strcmp(what, "twice") == 0) {
    free(large);
    free(large);
  }
  void* neighbour = malloc(100);
  if (strcmp(what, "small-inside") == 0) free(small + 16);
  if (strcmp(what, "small-twice") == 0) {
    free(small);
    free(small);
  }
  free(neighbour);
  if (strcmp(what, "realloc") == 0) large = realloc(large + (4u << 20), 10);
  if (strcmp(what, "size") == 0) return (int)malloc_usable_size(large + (4u << 20));
  return 0;
}
