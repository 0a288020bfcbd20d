/* Fixed pools and object pools in C. */
#include "check.h"

#include <pthread.h>
#include <stdint.h>

#include "superslab.h"

struct connection {
  int socket;
  char buffer[500];
};

static int opened;
static int closed;

static int open_connection(struct connection* c, void* most) {
  if (opened - closed >= *(int*)most) return -1;
  c->socket = ++opened;
  return 0;
}
static void close_connection(struct connection* c, void* most) {
  (void)most;
  CHECK(c->socket > 0);
  ++closed;
}

DEFINE_OBJECT_POOL(plain, struct connection)
DEFINE_OBJECT_POOL_WITH(conn, struct connection, open_connection, close_connection)

static void objects_of_a_type(void) {
  int most = 10;
  ss_fixed_pool_options options = SS_FIXED_POOL_OPTIONS;
  options.context = &most;
  options.initial = 2;
  conn_pool* pool = conn_pool_new(&options);
  CHECK(strcmp(ss_fixed_pool_name(conn_pool_fixed(pool)), "conn") == 0);
  CHECK(opened == 2);
  struct connection* all[10];
  for (int i = 0; i < 10; ++i) {
    all[i] = conn_pool_get(pool);
    CHECK(all[i]->socket > 0);
  }
  errno = 0;
  CHECK(conn_pool_get(pool) == NULL && errno == ECANCELED);
  all[9]->socket = 1000;
  CHECK(conn_pool_put(pool, all[9]) == 0);
  all[9] = conn_pool_get(pool);
  CHECK(all[9]->socket == 1000); /* as it was put */
  CHECK(conn_pool_put_bulk(pool, all, 10) == 0);
  CHECK(conn_pool_get_bulk(pool, all, 10) == 0);
  CHECK(conn_pool_put_bulk(pool, all, 10) == 0);
  CHECK(conn_pool_free(pool) == 0);
  CHECK(opened == 10 && closed == 10);

  plain_pool* other = plain_pool_new(NULL);
  struct connection* one = plain_pool_get(other);
  CHECK((uintptr_t)one % __alignof__(struct connection) == 0);
  CHECK(plain_pool_free(other) == 1);
  CHECK(plain_pool_put(other, one) == 0);
}

enum { kThreads = 4, kRounds = 20000, kMost = 64 };

static void* works(void* pool) {
  void* held[kMost];
  for (size_t round = 0; round < kRounds; ++round) {
    const size_t count = 1 + round % kMost;
    if (ss_fixed_pool_get_bulk(pool, held, count) != 0) {
      CHECK(errno == ENOBUFS);
      continue;
    }
    for (size_t i = 0; i < count; ++i) fill(held[i], 64, round + i);
    for (size_t i = 0; i < count; ++i) CHECK(holds(held[i], 64, round + i));
    for (size_t i = 0; i < count; ++i) CHECK(ss_fixed_pool_put(pool, held[i]) == 0);
  }
  return NULL;
}

static void threads_share_one(void) {
  ss_fixed_pool_options options = SS_FIXED_POOL_OPTIONS;
  options.name = "shared";
  options.object_bytes = 64;
  options.max = 1000;
  ss_fixed_pool* pool = ss_fixed_pool_new(&options);
  pthread_t threads[kThreads];
  for (int i = 0; i < kThreads; ++i) pthread_create(&threads[i], NULL, works, pool);
  for (int i = 0; i < kThreads; ++i) pthread_join(threads[i], NULL);
  ss_pool_stats stats = {.struct_bytes = sizeof stats};
  CHECK(ss_fixed_pool_stats(pool, &stats) == 0);
  CHECK(stats.in_use == 0 && stats.double_puts == 0 && stats.foreign_puts == 0);
  CHECK(ss_fixed_pool_check(pool) == NULL);
  CHECK(ss_fixed_pool_close(pool) == 0);
}

/* The functions that the header has inline are there for others, too. */
static void by_address(void) {
  void* (*volatile get)(ss_fixed_pool*) = ss_fixed_pool_get;
  int (*volatile put)(ss_fixed_pool*, void*) = ss_fixed_pool_put;
  void* (*volatile cache_get)(ss_fixed_cache*) = ss_fixed_cache_get;
  int (*volatile cache_put)(ss_fixed_cache*, void*) = ss_fixed_cache_put;
  ss_fixed_pool_options options = SS_FIXED_POOL_OPTIONS;
  options.object_bytes = 1000;
  options.alignment = 4096;
  ss_fixed_pool* pool = ss_fixed_pool_new(&options);
  ss_fixed_cache* cache = ss_fixed_pool_cache(pool);
  for (int i = 0; i < 1000; ++i) {
    void* one = get(pool);
    void* other = cache_get(cache);
    CHECK((uintptr_t)one % 4096 == 0 && (uintptr_t)other % 4096 == 0 && one != other);
    CHECK(cache_put(cache, one) == 0 && put(pool, other) == 0);
  }
  CHECK(ss_fixed_pool_close(pool) == 0);
}

int main(void) {
  objects_of_a_type();
  threads_share_one();
  by_address();
}
