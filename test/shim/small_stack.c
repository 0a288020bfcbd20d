// Threads with the smallest legal stack call all of the family, and none of it takes more than 4
// KiB of stack, the C library's share included.
#define _GNU_SOURCE
#include <limits.h>
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

enum { MOST = 4096, STACK = 16384, PAINT = 0xa5 };

static unsigned char* stack;
static FILE* sink;
static void* block[2000];
static size_t deepest;
static const char* deepest_in;

/// Paints what lies below its caller's frame, and returns where that is.
__attribute__((noinline)) static unsigned char* paint(void) {
  unsigned char* frame = __builtin_frame_address(0);
  for (volatile unsigned char* at = stack; at < frame - 128; ++at) *at = PAINT;
  return frame;
}

/// Bytes from `frame` down to the last that holds no paint any more.
static size_t depth(const unsigned char* frame) {
  const unsigned char* at = stack;
  while (at < frame && *at == PAINT) ++at;
  return (size_t)(frame - at);
}

#define MEASURE(call)                                         \
  do {                                                        \
    const unsigned char* frame = paint();                     \
    call;                                                     \
    const size_t bytes = depth(frame);                        \
    if (bytes > deepest) deepest = bytes, deepest_in = #call; \
  } while (0)

__attribute__((noinline)) static void take_all(size_t bytes, int count) {
  for (int i = 0; i < count; i++) {
    MEASURE(block[i] = malloc(bytes));
    CHECK(block[i] != NULL);
    memset(block[i], 1, bytes);
  }
}

__attribute__((noinline)) static void give_all(int count) {
  for (int i = 0; i < count; i++) MEASURE(free(block[i]));
}

static void fork_and_wait(void) {
  const pid_t child = fork();
  if (child == 0) {
    free(malloc(100));
    _exit(0);
  }
  int status = 1;
  CHECK(waitpid(child, &status, 0) == child && status == 0);
}

static void* all(void* unused) {
  static const size_t sizes[] = {16, 300, 5000, 30000, 100000, 1 << 20, 3 << 20};
  for (int round = 0; round < 2; round++) {
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
      const size_t many = ((size_t)48 << 20) / sizes[s];
      const int count = many > 2000 ? 2000 : (int)many;
      take_all(sizes[s], count);
      MEASURE(block[0] = realloc(block[0], sizes[s] * 3));
      MEASURE(block[1] = realloc(block[1], sizes[s] / 3));
      give_all(count);
      MEASURE(block[0] = calloc(1, sizes[s]));
      MEASURE(block[1] = aligned_alloc(4096, sizes[s]));
      MEASURE(CHECK(posix_memalign(&block[2], 64, sizes[s]) == 0));
      MEASURE((void)malloc_usable_size(block[0]));
      give_all(3);
    }
    MEASURE(malloc_trim(0));
    MEASURE(malloc_stats());
    MEASURE((void)mallinfo2());
    MEASURE(malloc_info(0, sink));
    take_all(64, 1000);
    MEASURE(fork_and_wait());
    give_all(1000);
  }
  take_all(64, 200);
  return unused;
}

static void* free_others(void* unused) {
  give_all(200);
  return unused;
}

static void run(void* (*body)(void*)) {
  pthread_attr_t attributes;
  pthread_t thread;
  pthread_attr_init(&attributes);
  CHECK(pthread_attr_setstack(&attributes, stack, STACK) == 0);
  CHECK(pthread_create(&thread, &attributes, body, NULL) == 0);
  CHECK(pthread_join(thread, NULL) == 0);
  pthread_attr_destroy(&attributes);
}

int main(void) {
  CHECK(PTHREAD_STACK_MIN <= STACK);
  sink = fopen("/dev/null", "w");
  CHECK(sink != NULL && freopen("/dev/null", "w", stderr) != NULL);
  setvbuf(sink, NULL, _IONBF, 0);
  // A page below the stack tells who runs out of it.
  unsigned char* pages =
      mmap(NULL, STACK + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(pages != MAP_FAILED && mprotect(pages, 4096, PROT_NONE) == 0);
  stack = pages + 4096;
  run(all);
  run(free_others);
  printf("%zu bytes in %s\n", deepest, deepest_in);
  return deepest <= MOST ? 0 : 1;
}
