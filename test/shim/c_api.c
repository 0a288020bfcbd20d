/* The C API on the heap of the process. */
#include "check.h"

#include <malloc.h>
#include <pthread.h>
#include <stdint.h>

#include "superslab.h"

static void* frees_all(void* blocks) {
  ss_free_batch((void* const*)blocks, 1000);
  return NULL;
}

static void batches(void) {
  static void* blocks[1000];
  const size_t sizes[] = {0, 16, 100, 1024, 5000, 40000};
  for (size_t s = 0; s < sizeof sizes / sizeof *sizes; ++s) {
    CHECK(ss_malloc_batch(sizes[s], blocks, 1000) == 1000);
    for (size_t i = 0; i < 1000; ++i) fill(blocks[i], sizes[s], i);
    for (size_t i = 0; i < 1000; ++i) CHECK(holds(blocks[i], sizes[s], i));
    pthread_t thread;
    pthread_create(&thread, NULL, frees_all, blocks);
    pthread_join(thread, NULL);
    CHECK(ss_malloc_batch(sizes[s], blocks, 1000) == 1000);
    ss_free_batch(blocks, 1000);
  }
  errno = 0;
  CHECK(ss_malloc_batch(PTRDIFF_MAX, blocks, 10) == 0);
  CHECK(errno == ENOMEM);
  CHECK(ss_malloc_batch(10, blocks, 0) == 0);
  blocks[0] = NULL;
  blocks[1] = ss_malloc(10);
  ss_free_batch(blocks, 2);
  void* again = ss_malloc(10);
  CHECK(again == blocks[1]); /* what was freed last is the next */
  ss_free(again);
}

int main(void) {
  batches();

  char* p = ss_malloc(100);
  fill(p, 100, 1);
  p = ss_realloc(p, 3000);
  CHECK(holds(p, 100, 1));
  CHECK(ss_usable_size(p) >= 3000 && ss_usable_size(p) == malloc_usable_size(p));
  free(p);
  p = ss_calloc(10, 10);
  CHECK(is_zero(p, 100));
  ss_free_sized(p, 100);
  p = ss_aligned_alloc(8u << 20, 100);
  CHECK((uintptr_t)p % (8u << 20) == 0);
  ss_free(p);
  errno = 0;
  CHECK(ss_aligned_alloc(24, 100) == NULL);
  CHECK(errno == EINVAL);
  CHECK(ss_realloc(ss_malloc(10), 0) == NULL);
  ss_free(NULL);
  CHECK(ss_usable_size(NULL) == 0);

  const size_t sizes[] = {1, 5000, 100000, (size_t)9 << 20, (size_t)2 << 30};
  for (size_t s = 0; s < sizeof sizes / sizeof *sizes; ++s) {
    p = malloc(sizes[s]);
    CHECK(ss_owns(p) == 1);
    free(p);
  }
  CHECK(!ss_owns(NULL));
  CHECK(!ss_owns(&p));
  CHECK(!ss_owns(main));

  /* Less than goes back by itself. */
  p = ss_malloc(10u << 20);
  memset(p, 1, 10u << 20);
  ss_free(p);
  CHECK(ss_trim() >= 10u << 20);
}
