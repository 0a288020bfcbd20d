/* For programs that run under libsuperslab.so: exit 0, or say what failed. C and C++. */
#ifndef TEST_SHIM_CHECK_H
#define TEST_SHIM_CHECK_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition) check_that((condition) != 0, #condition, __FILE__, __LINE__)

static inline void check_that(int holds, const char* what, const char* file, int line) {
  if (holds) return;
  fprintf(stderr, "%s:%d: not true: %s (errno %d)\n", file, line, what, errno);
  _Exit(1);
}

/* So that a compiler which knows what malloc does keeps the call. */
static inline void* opaque(void* p) {
  __asm__ volatile("" : "+r"(p) : : "memory");
  return p;
}

/* A pattern that tells bytes, and blocks, apart. */
static inline unsigned char pattern(size_t seed, size_t at) {
  return (unsigned char)(seed * 31 + at * 7 + (at >> 8) + 1);
}
static inline void fill(void* p, size_t bytes, size_t seed) {
  for (size_t i = 0; i < bytes; ++i) ((unsigned char*)p)[i] = pattern(seed, i);
}
static inline int holds(const void* p, size_t bytes, size_t seed) {
  for (size_t i = 0; i < bytes; ++i)
    if (((const unsigned char*)p)[i] != pattern(seed, i)) return 0;
  return 1;
}
static inline int is_zero(const void* p, size_t bytes) {
  for (size_t i = 0; i < bytes; ++i)
    if (((const unsigned char*)p)[i] != 0) return 0;
  return 1;
}

#endif
