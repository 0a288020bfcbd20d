/* Heaps in files in C: blocks, roots and transactions come back, errors tell, and what cannot be
 * has a code. */
#include "check.h"

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "superslab.h"

static char path[128];

static ss_mapped_pool* opened(unsigned flags) {
  ss_mapped_pool_options options = SS_MAPPED_POOL_OPTIONS;
  options.max_bytes = 8 << 20;
  options.flags = flags;
  ss_mapped_failure failure = {.struct_bytes = sizeof failure};
  ss_mapped_pool* pool = ss_mapped_pool_open(path, &options, &failure);
  if (pool == NULL) fprintf(stderr, "%s: %s %d\n", failure.path, failure.what, failure.error);
  CHECK(pool != NULL && failure.code == SS_MAPPED_OK);
  return pool;
}

static ss_mapped_error code_of(const ss_mapped_pool* pool) {
  ss_mapped_failure failure = {.struct_bytes = sizeof failure};
  CHECK(ss_mapped_pool_failure(pool, &failure) == 0);
  CHECK(strcmp(failure.path, path) == 0 && failure.what != NULL);
  return failure.code;
}

static ss_mapped_handle new_block(ss_mapped_pool* pool, size_t bytes, size_t seed) {
  ss_mapped_block block;
  CHECK(ss_mapped_pool_alloc(pool, bytes, &block) == 0);
  CHECK(block.bytes == bytes && (uintptr_t)block.data % 64 == 0);
  fill(block.data, bytes, seed);
  CHECK(ss_mapped_pool_handle(pool, block.data) == block.handle);
  return block.handle;
}

static int has(ss_mapped_pool* pool, ss_mapped_handle handle, size_t bytes, size_t seed) {
  size_t length = 0;
  const void* data = ss_mapped_pool_at(pool, handle, &length);
  return data != NULL && length == bytes && holds(data, bytes, seed);
}

static void blocks_come_back(void) {
  static const size_t sizes[] = {1, 64, 1000, 16384, 16385, 300000};
  ss_mapped_handle handles[6];
  ss_mapped_pool* pool = opened(0);
  for (size_t i = 0; i < 6; ++i) handles[i] = new_block(pool, sizes[i], i);
  CHECK(ss_mapped_pool_set_root(pool, "first", handles[0]) == 0);
  CHECK(ss_mapped_pool_commit(pool, SS_SYNC_FULL) == 0);
  const ss_mapped_handle lost = new_block(pool, 100, 9);
  CHECK(ss_mapped_pool_close(pool, NULL) == 0);

  pool = opened(0);
  CHECK(ss_mapped_pool_root(pool, "first") == handles[0]);
  errno = 77;
  CHECK(ss_mapped_pool_root(pool, "second") == 0 && errno == 77);
  for (size_t i = 0; i < 6; ++i) CHECK(has(pool, handles[i], sizes[i], i));
  CHECK(ss_mapped_pool_at(pool, lost, NULL) == NULL && errno == ESTALE);
  CHECK(code_of(pool) == SS_MAPPED_STALE);
  uint64_t cursor = 0;
  ss_mapped_block block;
  size_t found = 0;
  while (ss_mapped_pool_next(pool, &cursor, &block) == 1) {
    CHECK(ss_mapped_pool_at(pool, block.handle, NULL) == block.data);
    ++found;
  }
  CHECK(found == 6);
  char* inside = ss_mapped_pool_at(pool, handles[5], NULL);
  CHECK(ss_mapped_pool_handle(pool, inside + 64) == 0 && errno == ESTALE);
  CHECK(ss_mapped_pool_handle(pool, &found) == 0 && errno == ESTALE);
  char text[100];
  CHECK(ss_mapped_pool_check(pool, text, sizeof text) == 0 && text[0] == '\0');
  ss_mapped_stats stats = {.struct_bytes = sizeof stats};
  CHECK(ss_mapped_pool_stats(pool, &stats) == 0);
  CHECK(stats.blocks == 6 && stats.max_bytes == 8 << 20 && stats.file_bytes > stats.used_bytes);
  char json[2048];
  CHECK(ss_mapped_pool_stats_json(pool, json, sizeof json) < sizeof json);
  CHECK(strstr(json, "\"kind\":\"mapped\"") != NULL && strstr(json, "\"blocks\":6") != NULL);
  CHECK(ss_mapped_pool_close(pool, NULL) == 0);
}

static void transactions(void) {
  ss_mapped_pool* pool = opened(0);
  const ss_mapped_handle block = ss_mapped_pool_root(pool, "first");
  CHECK(ss_mapped_pool_end(pool, SS_SYNC_DEFAULT) == -1 && errno == EBUSY);
  CHECK(ss_mapped_pool_begin(pool) == 0);
  CHECK(ss_mapped_pool_commit(pool, SS_SYNC_NONE) == -1 && errno == EBUSY);
  CHECK(code_of(pool) == SS_MAPPED_TRANSACTION);
  const ss_mapped_handle kept = new_block(pool, 500, 3);
  CHECK(ss_mapped_pool_begin(pool) == 0);
  const ss_mapped_handle undone = new_block(pool, 500, 4);
  CHECK(ss_mapped_pool_free(pool, block) == 0);
  CHECK(ss_mapped_pool_at(pool, block, NULL) == NULL);
  CHECK(ss_mapped_pool_undo(pool) == 0);
  CHECK(ss_mapped_pool_at(pool, undone, NULL) == NULL);
  CHECK(ss_mapped_pool_write(pool, block, 0, "w", 1) == 0);
  CHECK(*(char*)ss_mapped_pool_at(pool, block, NULL) != 'w');
  CHECK(ss_mapped_pool_set_root(pool, "kept", kept) == 0);
  CHECK(ss_mapped_pool_end(pool, SS_SYNC_DATA) == 0);
  CHECK(*(char*)ss_mapped_pool_at(pool, block, NULL) == 'w');
  CHECK(ss_mapped_pool_begin(pool) == 0);
  CHECK(ss_mapped_pool_free(pool, kept) == 0);
  CHECK(ss_mapped_pool_close(pool, NULL) == 0);
  pool = opened(0);
  CHECK(ss_mapped_pool_root(pool, "kept") == kept && has(pool, kept, 500, 3));
  CHECK(ss_mapped_pool_close(pool, NULL) == 0);
}

static void what_cannot_be(void) {
  ss_mapped_pool* pool = opened(0);
  ss_mapped_block block;
  CHECK(ss_mapped_pool_alloc(pool, 9 << 20, &block) == -1 && errno == ENOBUFS);
  CHECK(code_of(pool) == SS_MAPPED_EXHAUSTED);
  const ss_mapped_handle first = ss_mapped_pool_root(pool, "first");
  CHECK(ss_mapped_pool_write(pool, first, 1, "xy", 2) == -1 && errno == EINVAL);
  CHECK(ss_mapped_pool_set_root(pool, "", first) == -1 && errno == EINVAL);
  CHECK(ss_mapped_pool_set_root(pool, "x", first + (1ull << 33)) == -1 && errno == ESTALE);
  CHECK(ss_mapped_pool_commit(pool, (ss_mapped_sync)9) == -1 && errno == EINVAL);

  ss_mapped_failure failure = {.struct_bytes = sizeof failure};
  CHECK(ss_mapped_pool_open(path, NULL, &failure) == NULL && errno == EBUSY);
  CHECK(failure.code == SS_MAPPED_IN_USE && failure.error == EBUSY);
  CHECK(ss_mapped_pool_open("/nowhere/at all", NULL, &failure) == NULL && errno == ENOENT);
  CHECK(failure.code == SS_MAPPED_FILE && strcmp(failure.path, "/nowhere/at all") == 0);
  CHECK(ss_mapped_pool_open("/tmp", NULL, &failure) == NULL);
  CHECK(failure.code == SS_MAPPED_FILE);
  ss_mapped_pool_options wrong = SS_MAPPED_POOL_OPTIONS;
  wrong.flags = 1u << 20;
  CHECK(ss_mapped_pool_open(path, &wrong, &failure) == NULL && errno == EINVAL);
  CHECK(failure.code == SS_MAPPED_ARGUMENT);
  CHECK(ss_mapped_pool_open(NULL, NULL, NULL) == NULL && errno == EINVAL);
  CHECK(ss_mapped_pool_close(pool, NULL) == 0);
  ss_mapped_pool_options other = SS_MAPPED_POOL_OPTIONS;
  other.max_bytes = 16 << 20;
  CHECK(ss_mapped_pool_open(path, &other, &failure) == NULL && failure.code == SS_MAPPED_FORMAT);
}

static void the_child_of_a_fork_only_reads(void) {
  ss_mapped_pool* pool = opened(0);
  const ss_mapped_handle first = ss_mapped_pool_root(pool, "first");
  const pid_t child = fork();
  if (child == 0) {
    ss_mapped_block block;
    CHECK(ss_mapped_pool_at(pool, first, NULL) != NULL);
    CHECK(ss_mapped_pool_alloc(pool, 10, &block) == -1 && errno == EPERM);
    CHECK(ss_mapped_pool_commit(pool, SS_SYNC_NONE) == -1 && errno == EPERM);
    CHECK(ss_mapped_pool_close(pool, NULL) == 0);
    _Exit(0);
  }
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child && status == 0);
  CHECK(ss_mapped_pool_open(path, NULL, NULL) == NULL && errno == EBUSY);
  new_block(pool, 10, 1);
  CHECK(ss_mapped_pool_commit(pool, SS_SYNC_NONE) == 0);
  CHECK(ss_mapped_pool_close(pool, NULL) == 0);
}

static void what_is_only_read_is_not_stored_to(void) {
  ss_mapped_pool* pool = opened(SS_MAPPED_READ);
  char* data = ss_mapped_pool_at(pool, ss_mapped_pool_root(pool, "kept"), NULL);
  ss_mapped_block block;
  CHECK(data != NULL && holds(data, 500, 3));
  CHECK(ss_mapped_pool_alloc(pool, 10, &block) == -1 && errno == EROFS);
  CHECK(ss_mapped_pool_begin(pool) == -1 && code_of(pool) == SS_MAPPED_READ_ONLY);
  const pid_t child = fork();
  if (child == 0) {
    *(volatile char*)data = 'x';
    _Exit(0);
  }
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child);
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
  CHECK(ss_mapped_pool_close(pool, NULL) == 0);
}

/* A kill takes what was not committed, and nothing else. */
static void a_kill(void) {
  const pid_t child = fork();
  if (child == 0) {
    ss_mapped_pool* pool = opened(0);
    CHECK(ss_mapped_pool_set_root(pool, "sure", new_block(pool, 5000, 5)) == 0);
    CHECK(ss_mapped_pool_commit(pool, SS_SYNC_NONE) == 0);
    CHECK(ss_mapped_pool_set_root(pool, "late", new_block(pool, 5000, 6)) == 0);
    kill(getpid(), SIGKILL);
  }
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
  ss_mapped_pool_options options = SS_MAPPED_POOL_OPTIONS;
  options.flags = SS_MAPPED_NO_RECOVERY;
  CHECK(ss_mapped_pool_open(path, &options, NULL) == NULL && errno == EAGAIN);
  ss_mapped_pool* pool = opened(0);
  CHECK(has(pool, ss_mapped_pool_root(pool, "sure"), 5000, 5));
  CHECK(ss_mapped_pool_root(pool, "late") == 0);
  CHECK(ss_mapped_pool_check(pool, NULL, 0) == 0);
  CHECK(ss_mapped_pool_close(pool, NULL) == 0);
}

/* A page of the books that was changed is an error, and nothing worse. */
static void damage(void) {
  const int file = open(path, O_RDWR);
  struct stat facts;
  char page[4096];
  CHECK(file >= 0 && fstat(file, &facts) == 0);
  /* The roots: a page that has the name of one. */
  off_t at = 0;
  for (; at < facts.st_size; at += sizeof page) {
    CHECK(pread(file, page, sizeof page, at) == sizeof page);
    if (at > 1 << 20 && memcmp(page + 4, "first", 5) == 0) break;
  }
  CHECK(at < facts.st_size);
  page[5] ^= 1;
  CHECK(pwrite(file, page, sizeof page, at) == sizeof page);
  close(file);
  ss_mapped_pool* pool = opened(0);
  char text[200];
  CHECK(ss_mapped_pool_check(pool, text, sizeof text) > 0);
  CHECK(strstr(text, "metadata page") != NULL);
  CHECK(ss_mapped_pool_root(pool, "first") == 0 && errno == EBADMSG);
  CHECK(code_of(pool) == SS_MAPPED_DAMAGED);
  ss_mapped_pool_close(pool, NULL);
}

/* With checksums a stray store into a committed block is found, and a write is none. */
static void checksums(void) {
  ss_mapped_pool_options options = SS_MAPPED_POOL_OPTIONS;
  options.flags = SS_MAPPED_CHECKSUMS;
  CHECK(ss_mapped_pool_open(path, &options, NULL) == NULL && errno == EINVAL);
  unlink(path);
  ss_mapped_pool* pool = opened(SS_MAPPED_CHECKSUMS);
  const ss_mapped_handle handle = new_block(pool, 1000, 2);
  CHECK(ss_mapped_pool_commit(pool, SS_SYNC_NONE) == 0);
  CHECK(ss_mapped_pool_write(pool, handle, 5, "text", 4) == 0);
  CHECK(ss_mapped_pool_commit(pool, SS_SYNC_NONE) == 0);
  CHECK(ss_mapped_pool_check(pool, NULL, 0) == 0);
  CHECK(ss_mapped_pool_close(pool, NULL) == 0);
  pool = opened(0);
  ((char*)ss_mapped_pool_at(pool, handle, NULL))[999] ^= 1;
  char text[200];
  CHECK(ss_mapped_pool_check(pool, text, sizeof text) == 1);
  CHECK(strstr(text, "checksum") != NULL);
  CHECK(ss_mapped_pool_close(pool, NULL) == 0);
}

/* How often the bytes of `text` are in the file. */
static size_t count_in_file(const char* text) {
  const int file = open(path, O_RDONLY);
  struct stat facts;
  CHECK(file >= 0 && fstat(file, &facts) == 0);
  char* bytes = malloc((size_t)facts.st_size);
  CHECK(bytes != NULL && pread(file, bytes, (size_t)facts.st_size, 0) == facts.st_size);
  close(file);
  size_t count = 0;
  const char* end = bytes + facts.st_size;
  for (const char* at = bytes; (at = memmem(at, (size_t)(end - at), text, strlen(text))); ++at)
    ++count;
  free(bytes);
  return count;
}

/* A sensitive file keeps nothing of blocks that were freed, and no copy in its journal. */
static void secrets(void) {
  static const char secret[] = "rosebud rosebud rosebud";
  ss_mapped_pool_options options = SS_MAPPED_POOL_OPTIONS;
  options.flags = SS_MAPPED_SENSITIVE;
  CHECK(ss_mapped_pool_open(path, &options, NULL) == NULL && errno == EINVAL);
  unlink(path);
  ss_mapped_pool* pool = opened(SS_MAPPED_SENSITIVE);
  const ss_mapped_handle kept = new_block(pool, 1000, 3);
  const ss_mapped_handle freed = new_block(pool, 1000, 4);
  memcpy(ss_mapped_pool_at(pool, freed, NULL), secret, sizeof secret);
  CHECK(ss_mapped_pool_write(pool, kept, 10, secret, sizeof secret) == 0);
  CHECK(ss_mapped_pool_commit(pool, SS_SYNC_DATA) == 0);
  CHECK(count_in_file(secret) > 2); /* the journal has a copy of what was written */
  CHECK(ss_mapped_pool_free(pool, freed) == 0);
  CHECK(ss_mapped_pool_commit(pool, SS_SYNC_DATA) == 0);
  CHECK(ss_mapped_pool_close(pool, NULL) == 0);
  CHECK(count_in_file(secret) == 1);
}

/* The file has gone, and whoever still has it open finds zeros in it. */
static void destroyed(void) {
  ss_mapped_pool* pool = opened(SS_MAPPED_READ);
  CHECK(ss_mapped_pool_destroy(pool) == -1 && errno == EROFS);
  CHECK(code_of(pool) == SS_MAPPED_READ_ONLY);
  CHECK(ss_mapped_pool_close(pool, NULL) == 0);

  pool = opened(0);
  const ss_mapped_handle handle = new_block(pool, 100000, 5);
  CHECK(ss_mapped_pool_commit(pool, SS_SYNC_NONE) == 0);
  const char* data = ss_mapped_pool_at(pool, handle, NULL);
  const int file = open(path, O_RDONLY);
  struct stat facts;
  CHECK(file >= 0 && fstat(file, &facts) == 0);
  CHECK(ss_mapped_pool_begin(pool) == 0);
  CHECK(ss_mapped_pool_destroy(pool) == 0);
  CHECK(access(path, F_OK) == -1);
  char page[4096];
  for (off_t at = 0; at < facts.st_size; at += sizeof page)
    CHECK(pread(file, page, sizeof page, at) == sizeof page && is_zero(page, sizeof page));
  close(file);
  CHECK(is_zero(data, 100000));
  ss_mapped_block block;
  CHECK(ss_mapped_pool_alloc(pool, 100, &block) == -1 && errno == EINVAL);
  CHECK(ss_mapped_pool_destroy(pool) == -1 && code_of(pool) == SS_MAPPED_ARGUMENT);
  CHECK(ss_mapped_pool_close(pool, NULL) == 0);
  CHECK(access(path, F_OK) == -1);
}

int main(void) {
  snprintf(path, sizeof path, "/tmp/superslab-c-%d.slab", (int)getpid());
  unlink(path);
  blocks_come_back();
  transactions();
  what_cannot_be();
  the_child_of_a_fork_only_reads();
  what_is_only_read_is_not_stored_to();
  a_kill();
  damage();
  checksums();
  secrets();
  destroyed();
  unlink(path);
  return 0;
}
