// A filter of system calls that kills for all but those that any malloc makes. It comes when the
// library has started, as a program's own filter does.
#define _GNU_SOURCE
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "check.h"

#define ALLOW(name)                                       \
  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_##name, 0, 1), \
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

static void confine(void) {
  struct sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      ALLOW(mmap),
      ALLOW(munmap),
      ALLOW(mremap),
      ALLOW(mprotect),
      ALLOW(madvise),
      ALLOW(brk),
      ALLOW(futex),
      ALLOW(write),
      ALLOW(clock_nanosleep),
      ALLOW(exit),
      ALLOW(exit_group),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
  };
  struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
  CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
  CHECK(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) == 0);
}

static void work(void) {
  static __thread char* block[400];
  static const size_t sizes[] = {24, 500, 5000, 16000, 100000, 3 << 20};
  for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
    const int count = sizes[s] > 1 << 20 ? 8 : sizes[s] > 50000 ? 100 : 400;
    for (int i = 0; i < count; i++) memset(block[i] = malloc(sizes[s]), 1, sizes[s]);
    for (int i = 0; i < count; i += 2) block[i] = realloc(block[i], sizes[s] * 3);
    for (int i = 0; i < count; i++) free(block[i]);
  }
  free(calloc(1, 60000));
  free(aligned_alloc(4096, 5000));
  free(malloc((size_t)1 << 30));
  malloc_trim(0);
}

static pthread_barrier_t barrier;

static void* beside(void* unused) {
  work();
  pthread_barrier_wait(&barrier);
  pthread_barrier_wait(&barrier);
  work();
  return unused;
}

int main(void) {
  // Threads that stand already: to make one takes calls that are not malloc's.
  pthread_barrier_init(&barrier, NULL, 3);
  pthread_t threads[2];
  for (int i = 0; i < 2; i++) CHECK(pthread_create(&threads[i], NULL, beside, NULL) == 0);
  pthread_barrier_wait(&barrier);
  confine();
  for (int i = 0; i < 3; i++) {
    work();
    usleep(60000);  // what the threads left in their slabs is idle for long enough by then
  }
  _exit(write(1, "ok\n", 3) != 3);
}
