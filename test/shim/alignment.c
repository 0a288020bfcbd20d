/* Every alignment with every kind of size; the block is usable from end to end. */
#include "check.h"

#include <malloc.h>
#include <stdint.h>

static void check_block(void* p, size_t alignment, size_t size) {
  CHECK(p != NULL);
  CHECK((uintptr_t)p % alignment == 0);
  CHECK(malloc_usable_size(p) >= size);
  if (size == 0) return;
  ((char*)p)[0] = 1;
  ((char*)p)[size / 2] = 1;
  ((char*)p)[size - 1] = 1;
}

int main(void) {
  const size_t sizes[] = {
      0,       1,     8,     16,    17,    100,      1000,           4096,     4097,
      20000,   32768, 40000, 65536, 70000, 1u << 20, (1u << 20) + 1, 2u << 20, (2u << 20) + 1,
      5u << 20};
  enum { kSizes = sizeof sizes / sizeof *sizes };
  for (size_t i = 0; i < kSizes; ++i) {
    void* p = malloc(sizes[i]);
    check_block(p, 16, sizes[i]);
    free(p);
  }
  /* Up to 2 GiB; from 1 MiB on with few sizes. */
  for (size_t alignment = 1; alignment <= (size_t)2 << 30; alignment *= 2) {
    void* kept[2 * kSizes];
    size_t count = 0;
    for (size_t i = 0; i < kSizes; i += alignment < 1u << 20 ? 1 : 5) {
      kept[count] = memalign(alignment, sizes[i]);
      check_block(kept[count++], alignment, sizes[i]);
      if (alignment < sizeof(void*)) continue;
      CHECK(posix_memalign(&kept[count], alignment, sizes[i]) == 0);
      check_block(kept[count++], alignment, sizes[i]);
    }
    while (count > 0) free(kept[--count]);
  }
  void* page = valloc(10);
  check_block(page, 4096, 10);
  free(page);
  page = pvalloc(10);
  check_block(page, 4096, 4096);
  free(page);
}
