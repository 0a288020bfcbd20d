// Threads that hold a lock of the C library's or of the loader's wait for others that allocate and
// free: no path of malloc's may want such a lock.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <link.h>
#include <locale.h>
#include <malloc.h>
#include <pthread.h>
#include <unistd.h>

#include "check.h"

static pthread_barrier_t barrier;

/// All the slow paths: refills and spills, blocks of each kind, memory that goes back, a block of
/// another allocator's, a thread's first allocation.
static void* work(void* unused) {
  extern void* __libc_malloc(size_t);
  static __thread void* block[3000];
  free(__libc_malloc(100));
  static const size_t sizes[] = {24, 3000, 30000, 200000, 3 << 20};
  for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
    const size_t many = ((size_t)30 << 20) / sizes[s];
    const int count = many > 3000 ? 3000 : (int)many;
    for (int i = 0; i < count; i++) CHECK((block[i] = calloc(1, sizes[s])) != NULL);
    for (int i = 0; i < count; i += 2) CHECK((block[i] = realloc(block[i], 2 * sizes[s])) != NULL);
    for (int i = 0; i < count; i++) free(block[i]);
  }
  malloc_trim(0);
  (void)mallinfo2();
  return unused;
}

static void* work_between_barriers(void* unused) {
  pthread_barrier_wait(&barrier);
  work(unused);
  pthread_barrier_wait(&barrier);
  return unused;
}

/// With whatever the caller holds.
static void let_others_work(void) {
  pthread_barrier_wait(&barrier);
  work(NULL);
  pthread_barrier_wait(&barrier);
}

static int for_library(struct dl_phdr_info* info, size_t size, void* seen) {
  (void)info, (void)size;
  if (!*(int*)seen) let_others_work();
  *(int*)seen = 1;
  return 0;
}

static ssize_t write_cookie(void* cookie, const char* text, size_t bytes) {
  (void)text;
  if (*(int*)cookie == 0) let_others_work();
  *(int*)cookie = 1;
  return (ssize_t)bytes;
}

static int compare(const void* a, const void* b) {
  void* p = malloc(1000);
  free(p);
  return memcmp(a, b, 1);
}

static void free_value(void* value) {
  free(value);
  free(malloc(100));
}

static void prepare(void) { work(NULL); }

int main(int argc, char** argv) {
  const char* what = argc > 1 ? argv[1] : "";
  pthread_barrier_init(&barrier, NULL, 2);
  pthread_t other;
  CHECK(pthread_create(&other, NULL, work_between_barriers, NULL) == 0);
  if (strcmp(what, "the loader's, in dl_iterate_phdr()") == 0) {
    int seen = 0;
    dl_iterate_phdr(for_library, &seen);
  } else if (strcmp(what, "the loader's, in a constructor") == 0) {
    void (*hook)(void) = let_others_work;
    char text[32];
    snprintf(text, sizeof text, "%p", *(void**)&hook);
    CHECK(setenv("HOLD_HOOK", text, 1) == 0);
    CHECK(argc > 2 && dlopen(argv[2], RTLD_NOW) != NULL);
  } else if (strcmp(what, "a stream's") == 0) {
    flockfile(stdout);
    flockfile(stderr);
    let_others_work();
    malloc_stats();
    funlockfile(stderr);
    funlockfile(stdout);
  } else if (strcmp(what, "the list of streams'") == 0) {
    int written = 0;
    FILE* stream = fopencookie(&written, "w", (cookie_io_functions_t){.write = write_cookie});
    CHECK(stream != NULL && fputs("text", stream) >= 0);
    fflush(NULL);
    fclose(stream);
  } else if (strcmp(what, "those of locales, variables and names, by turns") == 0) {
    pthread_barrier_wait(&barrier);
    for (int i = 0; i < 300; i++) {
      (void)setlocale(LC_ALL, i % 2 ? "C" : "C.UTF-8");
      CHECK(setenv("SOME_VARIABLE", i % 2 ? "1" : "two", 1) == 0);
      char numbers[64];
      for (size_t j = 0; j < sizeof numbers; j++) numbers[j] = (char)(j * 37);
      qsort(numbers, sizeof numbers, 1, compare);
      (void)dlsym(RTLD_DEFAULT, "no such name");
      (void)dlerror();
    }
    pthread_barrier_wait(&barrier);
  } else if (strcmp(what, "the handlers' of fork()") == 0) {
    // As many as make the C library's list of them grow, under its lock.
    for (int i = 0; i < 100; i++) CHECK(pthread_atfork(i == 0 ? prepare : NULL, NULL, NULL) == 0);
    let_others_work();
  } else if (strcmp(what, "none, in the last steps of a thread") == 0) {
    let_others_work();
    pthread_key_t keys[100];
    for (int i = 0; i < 100; i++) CHECK(pthread_key_create(&keys[i], free_value) == 0);
    for (int i = 0; i < 100; i++) CHECK(pthread_setspecific(keys[i], malloc(50)) == 0);
    CHECK(pthread_join(other, NULL) == 0);
    pthread_exit(NULL);
  } else {
    CHECK(!"a known case");
  }
  CHECK(pthread_join(other, NULL) == 0);
  return 0;
}
