/* A request for nothing gives a block of its own. */
#include "check.h"

#include <malloc.h>

int main(void) {
  enum { kBlocks = 1000 };
  void* blocks[kBlocks];
  for (int i = 0; i < kBlocks; ++i) {
    switch (i % 5) {
      case 0:
        blocks[i] = malloc(0);
        break;
      case 1:
        blocks[i] = calloc(0, 8);
        break;
      case 2:
        blocks[i] = realloc(NULL, 0);
        break;
      case 3:
        blocks[i] = memalign(64, 0);
        break;
      default:
        CHECK(posix_memalign(&blocks[i], 32, 0) == 0);
    }
    CHECK(blocks[i] != NULL);
    /* It may be used as far as it says. */
    memset(blocks[i], i, malloc_usable_size(blocks[i]));
  }
  for (int i = 0; i < kBlocks; ++i)
    for (int j = 0; j < i; ++j) CHECK(blocks[i] != blocks[j]);
  for (int i = 0; i < kBlocks; ++i) free(blocks[i]);
  CHECK(malloc_usable_size(NULL) == 0);
}
