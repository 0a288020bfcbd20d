/* Packets in C: headers are pushed in front, what is shared goes to threads, chains go to writev().
 */
#include "check.h"

#include <pthread.h>
#include <sys/uio.h>
#include <unistd.h>

#include "superslab.h"

static void headers_without_a_copy(void) {
  ss_packet_pool_options options = SS_PACKET_POOL_OPTIONS;
  options.name = "frames";
  ss_packet_pool* pool = ss_packet_pool_new(&options);
  CHECK(strcmp(ss_packet_pool_name(pool), "frames") == 0);
  ss_packet* packet = ss_packet_pool_from(pool, "payload", 7);
  const void* payload = ss_packet_data(packet, NULL);
  unsigned char* header = ss_packet_push(packet, 4);
  memcpy(header, "HEAD", 4);
  memcpy(ss_packet_put(packet, 4), "TAIL", 4);
  size_t bytes;
  CHECK(ss_packet_data(packet, &bytes) == header && bytes == 15);
  CHECK(memcmp(header, "HEADpayloadTAIL", 15) == 0);
  CHECK(ss_packet_pull(packet, 4) == payload && ss_packet_trim(packet, 4) == 0);
  CHECK(ss_packet_length(packet) == 7);
  CHECK(ss_packet_release(packet) == 0);
  CHECK(ss_packet_pool_close(pool) == 0);
}

static void a_chain_through_a_pipe(void) {
  int ends[2];
  CHECK(pipe(ends) == 0);
  ss_packet_pool_options options = SS_PACKET_POOL_OPTIONS;
  options.size = 512;
  ss_packet_pool* pool = ss_packet_pool_new(&options);
  unsigned char bytes[3000];
  unsigned char got[3000];
  fill(bytes, sizeof bytes, 1);
  ss_packet* packet = ss_packet_pool_get(pool);
  CHECK(ss_packet_write(packet, bytes, 1000) == 0);
  memcpy(ss_packet_extend(packet, 300), bytes + 1000, 300);
  CHECK(ss_packet_write(packet, bytes + 1300, sizeof bytes - 1300) == 0);
  struct iovec vectors[32];
  const size_t count = ss_packet_iovec(packet, vectors, 32);
  CHECK(count > 1 && count <= 32 && count == ss_packet_segments(packet));
  CHECK(writev(ends[1], vectors, (int)count) == (ssize_t)sizeof bytes);
  CHECK(read(ends[0], got, sizeof got) == (ssize_t)sizeof got);
  CHECK(memcmp(bytes, got, sizeof got) == 0);
  CHECK(ss_packet_release(packet) == 0);
  CHECK(ss_packet_pool_close(pool) == 0);
}

enum { kThreads = 4, kClones = 2000 };

static void* reads(void* argument) {
  ss_packet** clones = argument;
  for (int i = 0; i < kClones; ++i) {
    unsigned char bytes[1500];
    CHECK(ss_packet_read(clones[i], 0, sizeof bytes, bytes) == 0 && holds(bytes, sizeof bytes, 7));
    CHECK(ss_packet_push(clones[i], 1) == NULL || !ss_packet_is_shared(clones[i]));
    CHECK(ss_packet_release(clones[i]) == 0);
  }
  return NULL;
}

static void threads_share_memory(void) {
  static ss_packet* clones[kThreads][kClones];
  ss_packet_pool_options options = SS_PACKET_POOL_OPTIONS;
  ss_packet_pool* pool = ss_packet_pool_new(&options);
  ss_packet* packet = ss_packet_pool_get(pool);
  fill(ss_packet_put(packet, 1500), 1500, 7);
  for (int t = 0; t < kThreads; ++t)
    for (int i = 0; i < kClones; ++i) clones[t][i] = ss_packet_clone(packet);
  CHECK(ss_packet_is_shared(packet) && ss_packet_headroom(packet) == 0);
  pthread_t threads[kThreads];
  for (int t = 0; t < kThreads; ++t) pthread_create(&threads[t], NULL, reads, clones[t]);
  for (int t = 0; t < kThreads; ++t) pthread_join(threads[t], NULL);
  CHECK(!ss_packet_is_shared(packet) && ss_packet_headroom(packet) == 128);
  CHECK(ss_packet_release(packet) == 0);
  ss_pool_stats stats = {.struct_bytes = sizeof stats};
  CHECK(ss_packet_pool_stats(pool, &stats) == 0 && stats.in_use == 0 && stats.double_puts == 0);
  CHECK(ss_packet_pool_check(pool) == NULL);
  CHECK(ss_packet_pool_close(pool) == 0);
}

static int freed;
static void count_free(void* memory, size_t size, void* pool) {
  CHECK(strncmp(memory, "the program's", size) == 0 && size == 13);
  /* It may use the pool. */
  CHECK(ss_packet_release(ss_packet_pool_get(pool)) == 0);
  ++freed;
}

static void memory_of_the_program(void) {
  char memory[] = "the program's";
  ss_packet_pool_options options = SS_PACKET_POOL_OPTIONS;
  ss_packet_pool* pool = ss_packet_pool_new(&options);
  ss_packet* packet = ss_packet_pool_attach(pool, memory, 13, count_free, pool);
  ss_packet* part = ss_packet_slice(packet, 4, 11);
  ss_packet* copy = ss_packet_copy(part);
  CHECK(ss_packet_data(part, NULL) == memory + 4);
  CHECK(ss_packet_release(packet) == 0 && freed == 0);
  CHECK(ss_packet_release(part) == 0 && freed == 1);
  CHECK(memcmp(ss_packet_data(copy, NULL), "program", 7) == 0);
  CHECK(ss_packet_release(copy) == 0);
  CHECK(ss_packet_pool_close(pool) == 0);
}

int main(void) {
  headers_without_a_copy();
  a_chain_through_a_pipe();
  threads_share_memory();
  memory_of_the_program();
}
