/* Page caches in C: pages come back, threads share them, errors tell, a kill leaves whole pages,
 * and damage is found. */
#include "check.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "superslab.h"

enum { kPage = 4096, kFrames = 100, kPages = 400 };

static char path[128];

static ss_page_cache* opened_with(ss_page_checksum checksum, unsigned flags) {
  ss_page_cache_options options = SS_PAGE_CACHE_OPTIONS;
  options.name = "table";
  options.cache_bytes = kFrames * kPage;
  options.checksum = checksum;
  options.flags = flags;
  ss_page_failure failure = {.struct_bytes = sizeof failure};
  ss_page_cache* cache = ss_page_cache_open(path, &options, &failure);
  if (cache == NULL) fprintf(stderr, "%s: %s %d\n", failure.path, failure.what, failure.error);
  CHECK(cache != NULL && failure.code == SS_PAGE_OK);
  return cache;
}

static ss_page_cache* opened(void) { return opened_with(SS_PAGE_XXH3, 0); }

static ss_page_error code_of(const ss_page_cache* cache) {
  ss_page_failure failure = {.struct_bytes = sizeof failure};
  CHECK(ss_page_cache_failure(cache, &failure) == 0);
  CHECK(strcmp(failure.path, path) == 0 && failure.what != NULL && failure.error == errno);
  return failure.code;
}

#define CHECK_FAILS(call, value)       \
  do {                                 \
    errno = 0;                         \
    CHECK((call) && errno == (value)); \
  } while (0)

static ss_page_stats stats_of(ss_page_cache* cache) {
  ss_page_stats stats = {.struct_bytes = sizeof stats};
  CHECK(ss_page_cache_stats(cache, &stats) == 0);
  return stats;
}

static void write_page(ss_page_cache* cache, uint32_t no, size_t seed) {
  ss_page page;
  CHECK(ss_page_cache_pin(cache, no, &page) == 0);
  CHECK(page.no == no && (uintptr_t)page.data % kPage == 0);
  fill(page.data, page.bytes, seed);
  CHECK(ss_page_cache_mark_dirty(cache, &page) == 0);
  CHECK(ss_page_cache_unpin(cache, &page) == 0 && page.data == NULL);
}

static void check_page(ss_page_cache* cache, uint32_t no, size_t seed) {
  ss_page page;
  CHECK(ss_page_cache_pin(cache, no, &page) == 0);
  CHECK(holds(page.data, page.bytes, seed));
  CHECK(ss_page_cache_unpin(cache, &page) == 0);
}

static void pages_come_back(void) {
  ss_page_cache* cache = opened();
  uint32_t first = 9;
  CHECK(ss_page_cache_grow(cache, kPages, &first) == 0 && first == 0);
  CHECK(ss_page_cache_page_count(cache) == kPages);
  for (uint32_t no = 0; no < kPages; ++no) write_page(cache, no, no);
  for (uint32_t no = 0; no < kPages; ++no) check_page(cache, no, no);
  ss_page_stats stats = stats_of(cache);
  CHECK(stats.pages == kFrames && stats.pinned == 0 && stats.max_bytes == kFrames * kPage);
  CHECK(stats.misses >= kPages && stats.evictions >= kPages - kFrames);
  CHECK(stats.committed_bytes >= kFrames * kPage && stats.file_pages == kPages);
  CHECK(ss_page_cache_checkpoint(cache) == 0);
  CHECK(stats_of(cache).dirty == 0 && stats_of(cache).checkpoints == 1);
  char json[4096];
  CHECK(ss_page_cache_stats_json(cache, json, sizeof json) < sizeof json);
  CHECK(strstr(json, "\"kind\":\"page-cache\"") != NULL &&
        strstr(json, "\"name\":\"table\"") != NULL);
  char all[1 << 16];
  CHECK(ss_stats_json(all, sizeof all) < sizeof all && strstr(all, "\"page-cache\"") != NULL);
  CHECK(ss_page_cache_trim(cache) > 0 && stats_of(cache).pages == 0);
  CHECK(ss_page_cache_check(cache) == NULL);
  CHECK(ss_page_cache_close(cache, NULL) == 0);
}

static void what_is_in_memory(void) {
  ss_page_cache* cache = opened();
  ss_page page;
  CHECK_FAILS(ss_page_cache_try_pin(cache, 5, &page) == -1, EAGAIN);
  CHECK(code_of(cache) == SS_PAGE_ABSENT);
  CHECK(ss_page_cache_prefetch(cache, 5, 10) == 10);
  CHECK(ss_page_cache_prefetch(cache, 5, 10) == 0);
  errno = E2BIG;
  while (ss_page_cache_try_pin(cache, 14, &page) != 0) usleep(1000);
  CHECK(holds(page.data, page.bytes, 14));
  ss_page again;
  CHECK(ss_page_cache_try_pin(cache, 14, &again) == 0 && again.data == page.data);
  CHECK(ss_page_cache_unpin(cache, &page) == 0 && ss_page_cache_unpin(cache, &again) == 0);
  ss_page_stats stats = stats_of(cache);
  CHECK(stats.prefetches == 10 && stats.misses == 0 && stats.hits == 2);
  errno = E2BIG;
  CHECK(ss_page_cache_flush(cache, 14) == 0 && errno == E2BIG);
  CHECK(ss_page_cache_close(cache, NULL) == 0);
}

static void errors_tell(void) {
  ss_page_cache* cache = opened();
  ss_page page;
  CHECK_FAILS(ss_page_cache_pin(cache, kPages, &page) == -1, EINVAL);
  CHECK(code_of(cache) == SS_PAGE_ARGUMENT);
  CHECK_FAILS(ss_page_cache_flush(cache, kPages) == -1, EINVAL);
  CHECK_FAILS(ss_page_cache_try_pin(cache, UINT32_MAX, &page) == -1, EINVAL);

  static ss_page pinned[kFrames];
  for (uint32_t no = 0; no < kFrames; ++no) CHECK(ss_page_cache_pin(cache, no, &pinned[no]) == 0);
  CHECK_FAILS(ss_page_cache_pin(cache, kFrames, &page) == -1, ENOBUFS);
  CHECK(code_of(cache) == SS_PAGE_EXHAUSTED);
  uint32_t numbers[kFrames];
  CHECK(ss_page_cache_pinned(cache, numbers, 1) == kFrames && numbers[0] < kFrames);
  ss_page_failure failure = {.struct_bytes = sizeof failure};
  CHECK_FAILS(ss_page_cache_close(cache, &failure) == -1, EBUSY);
  CHECK(failure.code == SS_PAGE_PINNED && code_of(cache) == SS_PAGE_PINNED);
  ss_page copy = pinned[0];
  for (uint32_t no = 0; no < kFrames; ++no) CHECK(ss_page_cache_unpin(cache, &pinned[no]) == 0);
  CHECK_FAILS(ss_page_cache_unpin(cache, &copy) == -1, EALREADY);
  CHECK_FAILS(ss_page_cache_unpin(cache, &pinned[0]) == -1, EALREADY);
  CHECK_FAILS(ss_page_cache_mark_dirty(cache, &copy) == -1, EALREADY);
  CHECK(code_of(cache) == SS_PAGE_RELEASED);
  for (uint32_t pins = 0; pins < 65535; ++pins) CHECK(ss_page_cache_pin(cache, 1, &page) == 0);
  CHECK_FAILS(ss_page_cache_pin(cache, 1, &copy) == -1, EOVERFLOW);
  for (uint32_t pins = 0; pins < 65535; ++pins) {
    copy = page;
    CHECK(ss_page_cache_unpin(cache, &copy) == 0);
  }
  CHECK_FAILS(ss_page_cache_open(path, NULL, &failure) == NULL, EBUSY);
  CHECK(failure.code == SS_PAGE_IN_USE && strcmp(failure.path, path) == 0);
  CHECK(ss_page_cache_close(cache, NULL) == 0);
  CHECK(ss_page_cache_close(NULL, NULL) == 0);

  ss_page_cache_options wrong = SS_PAGE_CACHE_OPTIONS;
  wrong.page_bytes = 3000;
  CHECK_FAILS(ss_page_cache_open(path, &wrong, &failure) == NULL, EINVAL);
  CHECK(failure.code == SS_PAGE_ARGUMENT);
  wrong.page_bytes = 0;
  wrong.flags = 1u << 20;
  CHECK_FAILS(ss_page_cache_open(path, &wrong, NULL) == NULL, EINVAL);
  CHECK_FAILS(ss_page_cache_open("/nowhere/at all", NULL, &failure) == NULL, ENOENT);
  CHECK(failure.code == SS_PAGE_FILE);
  CHECK_FAILS(ss_page_cache_open(NULL, NULL, NULL) == NULL, EINVAL);
  CHECK(truncate(path, kPages * (off_t)kPage + 1) == 0);
  CHECK_FAILS(ss_page_cache_open(path, NULL, &failure) == NULL, EINVAL);
  CHECK(failure.code == SS_PAGE_FORMAT && failure.where == kPages * (uint64_t)kPage + 1);
  CHECK(truncate(path, kPages * (off_t)kPage) == 0);
}

static void what_is_only_read_is_not_changed(void) {
  ss_page_cache* cache = opened_with(SS_PAGE_XXH3, SS_PAGE_READ);
  ss_page_cache* other = opened_with(SS_PAGE_XXH3, SS_PAGE_READ);
  ss_page page;
  CHECK(ss_page_cache_pin(cache, 7, &page) == 0 && holds(page.data, page.bytes, 7));
  CHECK_FAILS(ss_page_cache_mark_dirty(cache, &page) == -1, EROFS);
  CHECK(code_of(cache) == SS_PAGE_READ_ONLY);
  CHECK_FAILS(ss_page_cache_grow(cache, 1, NULL) == -1, EROFS);
  CHECK_FAILS(ss_page_cache_checkpoint(cache) == -1, EROFS);
  CHECK(ss_page_cache_unpin(cache, &page) == 0);
  CHECK(ss_page_cache_close(cache, NULL) == 0 && ss_page_cache_close(other, NULL) == 0);
}

/* Threads add to counters in pages that are more than there is room for, while others write. */
enum { kThreads = 4, kCounters = 150, kRounds = 20000 };
static pthread_mutex_t locks[kCounters];
static ss_page_cache* shared;
static int is_over;

static void* counts(void* at) {
  unsigned random = (unsigned)(uintptr_t)at * 2654435761u + 1;
  for (unsigned round = 0; round < kRounds; ++round) {
    random = random * 1664525 + 1013904223;
    const uint32_t no = (random >> 8) % kCounters;
    ss_page page;
    CHECK(ss_page_cache_pin(shared, no, &page) == 0 && page.no == no);
    pthread_mutex_lock(&locks[no]);
    uint64_t* words = page.data;
    CHECK(words[0] == no && words[1] == words[2]);
    ++words[1];
    ++words[2];
    CHECK(ss_page_cache_mark_dirty(shared, &page) == 0);
    pthread_mutex_unlock(&locks[no]);
    CHECK(ss_page_cache_unpin(shared, &page) == 0);
    if (round % 500 == 0) CHECK(ss_page_cache_prefetch(shared, no, 8) >= 0);
    if (round % 900 == 0) ss_page_cache_trim(shared);
  }
  return NULL;
}

static void* writes(void* at) {
  (void)at;
  while (!__atomic_load_n(&is_over, __ATOMIC_ACQUIRE)) {
    /* So that no page is half changed while it is written. */
    for (int i = 0; i < kCounters; ++i) pthread_mutex_lock(&locks[i]);
    CHECK(ss_page_cache_checkpoint(shared) == 0);
    for (int i = 0; i < kCounters; ++i) pthread_mutex_unlock(&locks[i]);
    usleep(2000);
  }
  return NULL;
}

static void threads_share_pages(void) {
  shared = opened();
  for (uint32_t no = 0; no < kCounters; ++no) {
    ss_page page;
    CHECK(ss_page_cache_pin(shared, no, &page) == 0);
    memset(page.data, 0, page.bytes);
    *(uint64_t*)page.data = no;
    CHECK(ss_page_cache_mark_dirty(shared, &page) == 0 && ss_page_cache_unpin(shared, &page) == 0);
    pthread_mutex_init(&locks[no], NULL);
  }
  pthread_t threads[kThreads];
  pthread_t writer;
  CHECK(pthread_create(&writer, NULL, writes, NULL) == 0);
  for (uintptr_t i = 0; i < kThreads; ++i)
    CHECK(pthread_create(&threads[i], NULL, counts, (void*)(i + 1)) == 0);
  for (int i = 0; i < kThreads; ++i) CHECK(pthread_join(threads[i], NULL) == 0);
  __atomic_store_n(&is_over, 1, __ATOMIC_RELEASE);
  CHECK(pthread_join(writer, NULL) == 0);
  CHECK(stats_of(shared).pinned == 0 && ss_page_cache_check(shared) == NULL);
  CHECK(ss_page_cache_close(shared, NULL) == 0);
  shared = opened();
  uint64_t sum = 0;
  for (uint32_t no = 0; no < kCounters; ++no) {
    ss_page page;
    CHECK(ss_page_cache_pin(shared, no, &page) == 0);
    sum += ((uint64_t*)page.data)[1];
    CHECK(ss_page_cache_unpin(shared, &page) == 0);
  }
  CHECK(sum == (uint64_t)kThreads * kRounds);
  CHECK(ss_page_cache_close(shared, NULL) == 0);
}

static void the_child_of_a_fork_only_looks(void) {
  ss_page_cache* cache = opened();
  ss_page page;
  CHECK(ss_page_cache_pin(cache, 300, &page) == 0);
  const pid_t child = fork();
  if (child == 0) {
    ss_page own;
    CHECK(holds(page.data, page.bytes, 300));
    CHECK(ss_page_cache_pin(cache, 300, &own) == 0 && ss_page_cache_unpin(cache, &own) == 0);
    CHECK_FAILS(ss_page_cache_pin(cache, 301, &own) == -1, EPERM);
    CHECK(code_of(cache) == SS_PAGE_FORKED);
    CHECK_FAILS(ss_page_cache_checkpoint(cache) == -1, EPERM);
    CHECK_FAILS(ss_page_cache_prefetch(cache, 1, 1) == -1, EPERM);
    CHECK(ss_page_cache_trim(cache) == 0 && ss_trim() < SIZE_MAX);
    CHECK(ss_page_cache_close(cache, NULL) == 0);
    _Exit(0);
  }
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child && status == 0);
  CHECK_FAILS(ss_page_cache_open(path, NULL, NULL) == NULL, EBUSY);
  CHECK(ss_page_cache_unpin(cache, &page) == 0);
  CHECK(ss_page_cache_close(cache, NULL) == 0);
}

/* A kill takes what came after the last checkpoint, and leaves no page in pieces. */
static void a_kill(void) {
  for (unsigned run = 0; run < 5; ++run) {
    const pid_t child = fork();
    if (child == 0) {
      ss_page_cache* cache = opened();
      for (uint32_t no = 0; no < kPages; ++no) write_page(cache, no, no + run * 1000);
      CHECK(ss_page_cache_checkpoint(cache) == 0);
      for (uint32_t no = 0;; no = (no + 1) % kPages) {
        write_page(cache, no, no + run * 1000 + 500);
        if (no == kPages - 1) raise(SIGSTOP);
      }
    }
    int status = 0;
    CHECK(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status));
    kill(child, SIGCONT);
    usleep(3000 * run);
    kill(child, SIGKILL);
    do CHECK(waitpid(child, &status, 0) == child);
    while (!WIFSIGNALED(status));
    ss_page_cache* cache = opened();
    for (uint32_t no = 0; no < kPages; ++no) {
      ss_page page;
      CHECK(ss_page_cache_pin(cache, no, &page) == 0);
      const size_t seed = no + run * 1000;
      CHECK(holds(page.data, page.bytes, seed) || holds(page.data, page.bytes, seed + 500));
      CHECK(ss_page_cache_unpin(cache, &page) == 0);
    }
    CHECK(ss_page_cache_close(cache, NULL) == 0);
  }
}

/* Each bit that was flipped is found, and other pages go on. */
static void damage(void) {
  ss_page_cache* cache = opened();
  write_page(cache, 3, 3);
  CHECK(ss_page_cache_close(cache, NULL) == 0);
  const int file = open(path, O_RDWR);
  CHECK(file >= 0);
  unsigned random = 1;
  for (int i = 0; i < 200; ++i) {
    random = random * 1664525 + 1013904223;
    const off_t at = 3 * kPage + (random >> 8) % kPage;
    unsigned char byte;
    CHECK(pread(file, &byte, 1, at) == 1);
    byte ^= (unsigned char)(1u << (random >> 4) % 8);
    CHECK(pwrite(file, &byte, 1, at) == 1);
    cache = opened();
    ss_page page;
    CHECK_FAILS(ss_page_cache_pin(cache, 3, &page) == -1, EBADMSG);
    ss_page_failure failure = {.struct_bytes = sizeof failure};
    CHECK(ss_page_cache_failure(cache, &failure) == 0);
    CHECK(failure.code == SS_PAGE_DAMAGED && failure.where == 3);
    CHECK(ss_page_cache_pin(cache, 4, &page) == 0 && ss_page_cache_unpin(cache, &page) == 0);
    CHECK(stats_of(cache).damaged == 1 && ss_page_cache_close(cache, NULL) == 0);
    byte ^= (unsigned char)(1u << (random >> 4) % 8);
    CHECK(pwrite(file, &byte, 1, at) == 1);
  }
  /* A page in another's place. */
  char bytes[kPage];
  CHECK(pread(file, bytes, kPage, 3 * kPage) == kPage && pwrite(file, bytes, kPage, 0) == kPage);
  cache = opened();
  ss_page page;
  CHECK_FAILS(ss_page_cache_pin(cache, 0, &page) == -1, EBADMSG);
  check_page(cache, 3, 3);
  CHECK(ftruncate(file, 5 * kPage) == 0);
  CHECK_FAILS(ss_page_cache_pin(cache, 9, &page) == -1, EIO);
  CHECK(code_of(cache) == SS_PAGE_LOST);
  CHECK(ss_page_cache_close(cache, NULL) == 0);
  close(file);
}

int main(void) {
  snprintf(path, sizeof path, "/tmp/superslab-c-%d.pages", (int)getpid());
  unlink(path);
  pages_come_back();
  what_is_in_memory();
  errors_tell();
  what_is_only_read_is_not_changed();
  the_child_of_a_fork_only_looks();
  threads_share_pages();
  a_kill();
  damage();
  unlink(path);
  return 0;
}
