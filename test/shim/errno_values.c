/* errno and results as the manual pages of glibc give them. */
#include "check.h"

#include <malloc.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/* In place of the C library's, for the allocator too: system calls may leave any errno behind. */
int munmap(void* start, size_t bytes) {
  const int result = (int)syscall(SYS_munmap, start, bytes);
  errno = EIO;
  return result;
}

void free_sized(void*, size_t);
void free_aligned_sized(void*, size_t, size_t);

static volatile size_t huge = SIZE_MAX;
static volatile size_t beyond = (size_t)PTRDIFF_MAX + 1;
static volatile size_t half = (size_t)1 << 33;

/* NULL with this errno. */
#define CHECK_FAILS(call, value) \
  do {                           \
    errno = 0;                   \
    CHECK(opaque(call) == NULL); \
    CHECK(errno == (value));     \
  } while (0)

/* A block, and errno as it was. */
#define CHECK_GIVES(call)       \
  do {                          \
    errno = EDOM;               \
    void* given = opaque(call); \
    CHECK(given != NULL);       \
    CHECK(errno == EDOM);       \
    free(given);                \
    CHECK(errno == EDOM);       \
  } while (0)

static void without_memory(void) {
  CHECK_FAILS(malloc(huge), ENOMEM);
  CHECK_FAILS(malloc(beyond), ENOMEM);
  CHECK_FAILS(malloc(PTRDIFF_MAX), ENOMEM);
  CHECK_FAILS(calloc(1, beyond), ENOMEM);
  CHECK_FAILS(calloc(huge, 2), ENOMEM);
  CHECK_FAILS(calloc(half, half), ENOMEM);
  CHECK_FAILS(realloc(NULL, huge), ENOMEM);
  CHECK_FAILS(reallocarray(NULL, huge, 2), ENOMEM);
  CHECK_FAILS(memalign(64, huge), ENOMEM);
  CHECK_FAILS(aligned_alloc(64, beyond), ENOMEM);
  CHECK_FAILS(memalign((size_t)1 << 40, huge), ENOMEM);
  CHECK_FAILS(valloc(huge), ENOMEM);
  CHECK_FAILS(pvalloc(huge), ENOMEM);
  CHECK_FAILS(pvalloc(beyond), ENOMEM);
}

static void a_failed_realloc_changes_nothing(void) {
  const size_t sizes[] = {1, 100, 5000, 100000, (size_t)3 << 20};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; ++i) {
    void* p = malloc(sizes[i]);
    fill(p, sizes[i], i);
    CHECK_FAILS(realloc(opaque(p), huge), ENOMEM);
    CHECK_FAILS(realloc(opaque(p), beyond), ENOMEM);
    CHECK_FAILS(realloc(opaque(p), PTRDIFF_MAX), ENOMEM);
    CHECK_FAILS(realloc(opaque(p), (size_t)1 << 53), ENOMEM);
    CHECK_FAILS(reallocarray(opaque(p), huge, 2), ENOMEM);
    CHECK(holds(p, sizes[i], i));
    free(p);
  }
}

static void bad_alignments(void) {
  CHECK_FAILS(aligned_alloc(0, 10), EINVAL);
  CHECK_FAILS(aligned_alloc(24, 10), EINVAL);
  CHECK_FAILS(aligned_alloc(huge, 10), EINVAL);
  CHECK_FAILS(memalign(((size_t)1 << 63) + 1, 10), EINVAL);
  /* memalign() rounds up. */
  void* p = memalign(33, 100);
  CHECK(p != NULL && (uintptr_t)p % 64 == 0);
  free(p);
  free(memalign(0, 1));
}

static void posix_memalign_answers_with_the_error(void) {
  char mark;
  void* out = &mark;
  errno = EDOM;
  const size_t bad[] = {0, 1, 2, 4, 7, 12, 24, SIZE_MAX};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i)
    CHECK(posix_memalign(&out, bad[i], 10) == EINVAL);
  CHECK(posix_memalign(&out, 64, huge) == ENOMEM);
  CHECK(posix_memalign(&out, 64, PTRDIFF_MAX) == ENOMEM);
  CHECK(out == &mark);
  CHECK(errno == EDOM);
  CHECK(posix_memalign(&out, 64, 10) == 0);
  CHECK(out != NULL && (uintptr_t)out % 64 == 0);
  free(out);
}

static void with_memory(void) {
  const size_t sizes[] = {0, 1, 1000, 30000, 100000, (size_t)3 << 20, (size_t)2 << 30};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; ++i) {
    CHECK_GIVES(malloc(sizes[i]));
    CHECK_GIVES(realloc(NULL, sizes[i]));
    CHECK_GIVES(memalign(4096, sizes[i]));
    CHECK_GIVES(aligned_alloc(64, sizes[i]));
    CHECK_GIVES(valloc(sizes[i]));
    CHECK_GIVES(pvalloc(sizes[i]));
    if (sizes[i] < (size_t)1 << 30) CHECK_GIVES(calloc(1, sizes[i]));
  }
}

static void realloc_to_nothing_frees(void) {
  errno = EDOM;
  CHECK(opaque(realloc(malloc(100), 0)) == NULL);
  CHECK(errno == EDOM);
  void* p = opaque(realloc(NULL, 0));
  CHECK(p != NULL);
  free(p);
}

static void other_names_of_free(void) {
  errno = EDOM;
  free(NULL);
  free_sized(malloc(100), 100);
  free_aligned_sized(aligned_alloc(256, 1024), 256, 1024);
  free_sized(NULL, 0);
  CHECK(errno == EDOM);
}

int main(void) {
  without_memory();
  a_failed_realloc_changes_nothing();
  bad_alignments();
  posix_memalign_answers_with_the_error();
  with_memory();
  realloc_to_nothing_frees();
  other_names_of_free();
}
