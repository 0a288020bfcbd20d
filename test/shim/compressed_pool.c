/* Compressed pools in C: values come back, errors tell, threads share one, a fork leaves it whole.
 */
#include "check.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "superslab.h"

enum { kPage = 4096, kPages = 600 };

/* Compresses about five to one. */
static void write_page(char* page, unsigned seed) {
  size_t used = 0;
  while (used + 64 < kPage) {
    seed = seed * 1664525 + 1013904223;
    used += (size_t)snprintf(page + used, 64, "10.0.%u.%u GET /items/%u 200\n", seed >> 24,
                             (seed >> 16) & 255, (seed >> 8) % 1000);
  }
  memset(page + used, 'x', kPage - used);
}

static void noise(char* page, size_t length, unsigned seed) {
  for (size_t i = 0; i < length; ++i) {
    seed = seed * 1664525 + 1013904223;
    page[i] = (char)(seed >> 24);
  }
}

static void check_page(ss_compressed_pool* pool, ss_value value, unsigned seed) {
  char expected[kPage];
  size_t length = 0;
  write_page(expected, seed);
  const void* found = ss_compressed_pool_access(pool, value, &length);
  CHECK(found != NULL && length == kPage && memcmp(found, expected, kPage) == 0);
  CHECK(ss_compressed_pool_release(pool, value) == 0);
}

static ss_compressed_pool* open_pool(size_t hot_bytes, size_t cold_bytes) {
  ss_compressed_pool_options options = SS_COMPRESSED_POOL_OPTIONS;
  options.name = "pages";
  options.hot_bytes = hot_bytes;
  options.cold_bytes = cold_bytes;
  options.cpu_budget = 1;
  ss_compressed_pool* pool = ss_compressed_pool_new(&options);
  CHECK(pool != NULL);
  return pool;
}

static ss_compressed_stats stats_of(const ss_compressed_pool* pool) {
  ss_compressed_stats stats = {.struct_bytes = sizeof stats};
  CHECK(ss_compressed_pool_stats(pool, &stats) == 0);
  return stats;
}

static void values_come_back(void) {
  ss_compressed_pool* pool = open_pool(1 << 20, 0);
  CHECK(strcmp(ss_compressed_pool_name(pool), "pages") == 0);
  static ss_value values[kPages];
  char page[kPage];
  for (unsigned i = 0; i < kPages; ++i) {
    write_page(page, i);
    values[i] = ss_compressed_pool_put(pool, page, kPage);
    CHECK(values[i] != 0);
  }
  ss_compressed_stats stats = stats_of(pool);
  CHECK(stats.hot_values + stats.cold_values == kPages && stats.cold_values > kPages / 2);
  CHECK(stats.chunk_bytes * 2 < stats.cold_bytes);
  for (unsigned round = 0; round < 3; ++round)
    for (unsigned i = 0; i < kPages; ++i) check_page(pool, values[i], i);
  CHECK(ss_compressed_pool_cool(pool, SIZE_MAX) > 0);
  char json[4096];
  const size_t length = ss_compressed_pool_stats_json(pool, json, sizeof json);
  CHECK(length < sizeof json && strstr(json, "\"kind\":\"compressed\"") != NULL);
  CHECK(ss_stats_json(NULL, 0) > 0);
  CHECK(ss_compressed_pool_check(pool) == NULL);
  for (unsigned i = 0; i < kPages; ++i) CHECK(ss_compressed_pool_free(pool, values[i]) == 0);
  stats = stats_of(pool);
  CHECK(stats.hot_values == 0 && stats.cold_values == 0 && stats.chunk_bytes == 0);
  CHECK(ss_compressed_pool_trim(pool) > 0);
  CHECK(ss_trim() < SIZE_MAX);
  CHECK(ss_compressed_pool_close(pool) == 0);
}

#define CHECK_FAILS(call, value)       \
  do {                                 \
    errno = 0;                         \
    CHECK((call) && errno == (value)); \
  } while (0)

static void errors_tell(void) {
  ss_compressed_pool_options options = SS_COMPRESSED_POOL_OPTIONS;
  options.min_ratio = 0.5;
  CHECK_FAILS(ss_compressed_pool_new(&options) == NULL, EINVAL);
  options.min_ratio = 0;
  options.cpu_budget = 1.5;
  CHECK_FAILS(ss_compressed_pool_new(&options) == NULL, EINVAL);
  options.cpu_budget = 0;
  options.hot_bytes = 1000;
  CHECK_FAILS(ss_compressed_pool_new(&options) == NULL, EINVAL);
  CHECK_FAILS(ss_compressed_pool_new(NULL) == NULL, EINVAL);

  ss_compressed_pool* pool = open_pool(1 << 16, 0);
  static char bytes[1 << 20];
  CHECK_FAILS(ss_compressed_pool_put(pool, bytes, 1 << 20) == 0, EMSGSIZE);
  const ss_value value = ss_compressed_pool_put(pool, bytes, 100);
  CHECK_FAILS(ss_compressed_pool_release(pool, value) == -1, EALREADY);
  CHECK_FAILS(ss_compressed_pool_access(pool, value + 1, NULL) == NULL, ESTALE);
  CHECK_FAILS(ss_compressed_pool_access(pool, UINT64_MAX, NULL) == NULL, ESTALE);
  CHECK_FAILS(ss_compressed_pool_free(pool, 0) == -1, ESTALE);
  CHECK(ss_compressed_pool_access(pool, value, NULL) != NULL);
  CHECK_FAILS(ss_compressed_pool_free(pool, value) == -1, EBUSY);
  ss_value pinned[2] = {0};
  CHECK(ss_compressed_pool_pinned(pool, pinned, 2) == 1 && pinned[0] == value);
  CHECK(ss_compressed_pool_release(pool, value) == 0);
  errno = E2BIG;
  CHECK(ss_compressed_pool_free(pool, value) == 0 && errno == E2BIG);
  CHECK_FAILS(ss_compressed_pool_free(pool, value) == -1, ESTALE);

  /* What does not compress stays, and fills the pool. */
  noise(bytes, sizeof bytes, 1);
  ss_value kept[100];
  size_t count = 0;
  while (count < 100 && (kept[count] = ss_compressed_pool_put(pool, bytes + count, 8192)) != 0)
    ++count;
  CHECK(count == 8 && errno == ENOBUFS);
  const ss_compressed_stats stats = stats_of(pool);
  CHECK(stats.exhausted == 1 && stats.rejected > 0 && stats.hot_values == 8);
  for (size_t i = 0; i < count; ++i) CHECK(ss_compressed_pool_free(pool, kept[i]) == 0);

  /* It ends with the last release. */
  const ss_value last = ss_compressed_pool_put(pool, bytes, 64);
  CHECK(ss_compressed_pool_put(pool, bytes, 64) != 0);
  const char* at = ss_compressed_pool_access(pool, last, NULL);
  CHECK(ss_compressed_pool_close(pool) == 1);
  CHECK(memcmp(at, bytes, 64) == 0);
  CHECK_FAILS(ss_compressed_pool_put(pool, bytes, 64) == 0, ESHUTDOWN);
  CHECK(ss_compressed_pool_release(pool, last) == 0);
}

static ss_value evicted[1000];
static size_t evictions;
static void note_evicted(ss_value value, size_t length, void* context) {
  CHECK(length == kPage && context == &evictions);
  evicted[evictions++ % 1000] = value;
}

static void a_cache_ends_the_oldest(void) {
  ss_compressed_pool_options options = SS_COMPRESSED_POOL_OPTIONS;
  options.hot_bytes = 1 << 17;
  options.cold_bytes = 1 << 16;
  options.evicted = note_evicted;
  options.context = &evictions;
  ss_compressed_pool* pool = ss_compressed_pool_new(&options);
  char page[kPage];
  for (unsigned i = 0; i < 500; ++i) {
    write_page(page, i);
    CHECK(ss_compressed_pool_put(pool, page, kPage) != 0);
  }
  const ss_compressed_stats stats = stats_of(pool);
  CHECK(evictions > 200 && stats.evicted == evictions);
  CHECK(stats.hot_values + stats.cold_values + evictions == 500);
  CHECK_FAILS(ss_compressed_pool_access(pool, evicted[0], NULL) == NULL, ESTALE);
  CHECK(ss_compressed_pool_close(pool) == 0);
}

enum { kThreads = 4, kOwn = 100, kRounds = 3000 };

static void* works(void* at) {
  ss_compressed_pool* pool = at;
  ss_value values[kOwn];
  unsigned seeds[kOwn];
  char page[kPage];
  unsigned random = (unsigned)(uintptr_t)pthread_self() | 1;
  for (unsigned i = 0; i < kOwn; ++i) {
    write_page(page, seeds[i] = random = random * 1664525 + 1013904223);
    CHECK((values[i] = ss_compressed_pool_put(pool, page, kPage)) != 0);
  }
  for (unsigned round = 0; round < kRounds; ++round) {
    random = random * 1664525 + 1013904223;
    const unsigned i = (random >> 8) % kOwn;
    check_page(pool, values[i], seeds[i]);
    if (round % 3 != 0) continue;
    CHECK(ss_compressed_pool_free(pool, values[i]) == 0);
    write_page(page, seeds[i] = random);
    CHECK((values[i] = ss_compressed_pool_put(pool, page, kPage)) != 0);
  }
  for (unsigned i = 0; i < kOwn; ++i) CHECK(ss_compressed_pool_free(pool, values[i]) == 0);
  return NULL;
}

static void threads_share_one(void) {
  ss_compressed_pool* pool = open_pool(1 << 18, 0);
  pthread_t threads[kThreads];
  for (int i = 0; i < kThreads; ++i) CHECK(pthread_create(&threads[i], NULL, works, pool) == 0);
  for (int i = 0; i < kThreads; ++i) CHECK(pthread_join(threads[i], NULL) == 0);
  const ss_compressed_stats stats = stats_of(pool);
  CHECK(stats.hot_values == 0 && stats.cold_values == 0);
  CHECK(ss_compressed_pool_check(pool) == NULL);
  CHECK(ss_compressed_pool_close(pool) == 0);
}

/* The thread is at work when the program forks; the child has the values, and another thread. */
static void a_fork_leaves_it_whole(void) {
  ss_compressed_pool* pool = open_pool(1 << 18, 0);
  static ss_value values[kPages];
  char page[kPage];
  for (unsigned i = 0; i < kPages; ++i) {
    write_page(page, i);
    CHECK((values[i] = ss_compressed_pool_put(pool, page, kPage)) != 0);
    if (i % 60 != 59) continue;
    const pid_t child = fork();
    if (child == 0) {
      alarm(60);
      for (unsigned k = 0; k <= i; ++k) check_page(pool, values[k], k);
      for (unsigned k = 0; k < 200; ++k) {
        write_page(page, k + 1000);
        const ss_value value = ss_compressed_pool_put(pool, page, kPage);
        check_page(pool, value, k + 1000);
      }
      CHECK(ss_compressed_pool_check(pool) == NULL);
      CHECK(ss_compressed_pool_close(pool) == 0);
      exit(0);
    }
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
  }
  for (unsigned i = 0; i < kPages; ++i) check_page(pool, values[i], i);
  CHECK(ss_compressed_pool_close(pool) == 0);
}

int main(void) {
  if (!ss_compressed_pool_has_lz4()) {
    CHECK_FAILS(
        ss_compressed_pool_new(&(ss_compressed_pool_options)SS_COMPRESSED_POOL_OPTIONS) == NULL,
        ENOSYS);
    return 0;
  }
  values_come_back();
  errors_tell();
  a_cache_ends_the_oldest();
  threads_share_one();
  a_fork_leaves_it_whole();
  /* The program ends while a pool's thread is at work. */
  ss_compressed_pool* left = open_pool(1 << 18, 0);
  char page[kPage];
  for (unsigned i = 0; i < kPages; ++i) {
    write_page(page, i);
    CHECK(ss_compressed_pool_put(left, page, kPage) != 0);
  }
  return 0;
}
