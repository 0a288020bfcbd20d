/* What a process costs in addresses, and what it gets under limits on them.
 *   addresses small         a small process has few addresses, and locks little
 *   addresses later         a limit of 1 GiB that is set after the start
 *   addresses fill BYTES    takes blocks until there are none, and prints how many MiB it got */
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "check.h"

/* Of /proc/self/status, in KiB. */
static size_t status_of(const char* name) {
  FILE* file = fopen("/proc/self/status", "r");
  char line[256];
  size_t value = 0;
  CHECK(file != NULL);
  while (fgets(line, sizeof line, file) != NULL) {
    if (strncmp(line, name, strlen(name)) == 0) value = strtoul(line + strlen(name) + 1, NULL, 10);
  }
  fclose(file);
  CHECK(value > 0);
  return value;
}

static void* nothing(void* argument) { return argument; }

static void small(void) {
  free(malloc(100));
  CHECK(status_of("VmSize") < 64 << 10);
  CHECK(mlockall(MCL_CURRENT) == 0);
  CHECK(status_of("VmRSS") < 16 << 10);
}

static size_t use_up(size_t bytes) {
  size_t got = 0;
  char* p;
  while (got < (size_t)4 << 30 && (p = malloc(bytes)) != NULL) {
    p[0] = p[bytes - 1] = 1;
    got += bytes;
  }
  CHECK(p == NULL && errno == ENOMEM);
  return got >> 20;
}

static void later(void) {
  const struct rlimit limit = {1ul << 30, 1ul << 30};
  pthread_t thread;
  free(malloc(100));
  CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
  CHECK(mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
        MAP_FAILED);
  CHECK(pthread_create(&thread, NULL, nothing, NULL) == 0);
  CHECK(pthread_join(thread, NULL) == 0);
  CHECK(use_up(1 << 20) >= 950);
}

int main(int argc, char** argv) {
  CHECK(argc > 1);
  if (strcmp(argv[1], "small") == 0) small();
  if (strcmp(argv[1], "later") == 0) later();
  if (strcmp(argv[1], "fill") == 0) printf("%zu\n", use_up(strtoul(argv[2], NULL, 10)));
  return 0;
}
