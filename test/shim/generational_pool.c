/* Values named by handles, in C: scopes that end together, collections in steps, and memory that
 * comes back. */
#include "check.h"

#include <stdint.h>

#include "superslab.h"

struct session {
  uint64_t user;
  char name[48];
};

static ss_generational_pool* pool;

static ss_handle request(uint64_t user) {
  const ss_scope scope = ss_generational_pool_begin(pool);
  ss_handle kept = 0;
  for (int i = 0; i < 20; ++i) {
    ss_handle handle;
    struct session* session = ss_generational_pool_scope_alloc(pool, sizeof *session, &handle);
    CHECK(session != NULL);
    session->user = user;
    fill(session->name, sizeof session->name, user);
    if (i == 7) kept = ss_generational_pool_promote(pool, handle);
  }
  CHECK(ss_generational_pool_end(pool, scope) == 0);
  return kept;
}

enum { kSessions = 5000, kRequests = 200000 };

static void sessions_live_on(void) {
  static ss_handle sessions[kSessions];
  for (uint64_t i = 0; i < kRequests; ++i) {
    ss_handle* place = &sessions[i % kSessions];
    if (*place != 0) CHECK(ss_generational_pool_free(pool, *place) == 0);
    *place = request(i);
    CHECK(*place != 0);
    if (i % 1000 == 0) CHECK(ss_generational_pool_collect(pool, 200000, NULL, NULL) >= 0);
  }
  for (uint64_t i = 0; i < kSessions; ++i) {
    size_t size;
    const struct session* session = ss_generational_pool_get(pool, sessions[i], &size);
    const uint64_t user = kRequests - kSessions + i;
    CHECK(size == sizeof *session && session->user == user);
    CHECK(holds(session->name, sizeof session->name, user));
  }
  ss_pool_stats stats = {.struct_bytes = sizeof stats};
  CHECK(ss_generational_pool_stats(pool, &stats) == 0 && stats.in_use == kSessions);
  CHECK(stats.committed_bytes < (size_t)16 << 20);
  CHECK(ss_generational_pool_check(pool) == NULL);
}

/* The functions that the header has inline are there for others, too. */
static void by_address(void) {
  void* (*volatile alloc)(ss_generational_pool*, size_t, ss_handle*) =
      ss_generational_pool_scope_alloc;
  const ss_scope scope = ss_generational_pool_begin(pool);
  ss_handle one;
  ss_handle other;
  void* first = alloc(pool, 24, &one);
  void* second = ss_generational_pool_scope_alloc(pool, 24, &other);
  CHECK((char*)second == (char*)first + 24);
  CHECK(ss_generational_pool_get(pool, one, NULL) == first);
  CHECK(ss_generational_pool_end(pool, scope) == 0);
  CHECK(ss_generational_pool_get(pool, one, NULL) == NULL && errno == ESTALE);
}

int main(void) {
  ss_generational_pool_options options = SS_GENERATIONAL_POOL_OPTIONS;
  options.name = "sessions";
  options.young = (size_t)1 << 20;
  pool = ss_generational_pool_new(&options);
  sessions_live_on();
  by_address();
  CHECK(ss_generational_pool_close(pool) == kSessions);
}
