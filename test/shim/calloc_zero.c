/* calloc() reads as zero also where a used block was before. */
#include "check.h"

int main(void) {
  const size_t sizes[] = {1,     16,     100,      1000,           5000,
                          33000, 100000, 2u << 20, (2u << 20) + 1, 17u << 20};
  for (int round = 0; round < 5; ++round) {
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; ++i) {
      enum { kBlocks = 20 };
      const int blocks = sizes[i] > 1u << 20 ? 2 : kBlocks;
      void* kept[kBlocks];
      for (int b = 0; b < blocks; ++b) {
        kept[b] = malloc(sizes[i]);
        CHECK(kept[b] != NULL);
        memset(kept[b], 0xff, sizes[i]);
      }
      for (int b = 0; b < blocks; ++b) free(kept[b]);
      for (int b = 0; b < blocks; ++b) {
        kept[b] = round % 2 == 0 ? calloc(1, sizes[i]) : calloc(sizes[i], 1);
        CHECK(kept[b] != NULL && is_zero(kept[b], sizes[i]));
        memset(kept[b], 0xff, sizes[i]);
      }
      for (int b = 0; b < blocks; ++b) free(kept[b]);
    }
  }
  char* large = calloc(1, (size_t)1 << 30);
  CHECK(large != NULL && is_zero(large, 4096) && large[((size_t)1 << 30) - 1] == 0);
  free(large);
}
