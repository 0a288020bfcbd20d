// Memory that lies idle goes back while memory is scarce, though the program rests; and nobody
// looks, and there is no thread, unless somebody wants it. SUPERSLAB_TOTAL_BYTES is 16 MiB here,
// and it is looked ten times a second.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <superslab.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

static const long kMiB = 1 << 20;

/// Bytes that are resident, without a call of malloc.
static long resident(void) {
  char text[64] = "";
  const int file = open("/proc/self/statm", O_RDONLY);
  CHECK(read(file, text, sizeof text - 1) > 0);
  close(file);
  return strtol(strchr(text, ' '), NULL, 10) * sysconf(_SC_PAGESIZE);
}

static int threads(void) {
  int count = 0;
  DIR* tasks = opendir("/proc/self/task");
  CHECK(tasks != NULL);
  for (const struct dirent* entry; (entry = readdir(tasks)) != NULL;)
    count += entry->d_name[0] != '.';
  closedir(tasks);
  return count;
}

/// 15 MiB, less than what may lie idle. Returns how much more is resident.
static long leave_idle(void) {
  static char* block[250];
  const long before = resident();
  for (int i = 0; i < 250; i++) memset(block[i] = malloc(60000), 1, 60000);
  for (int i = 0; i < 250; i++) free(block[i]);
  return resident() - before;
}

/// Whether it goes back within ten seconds, or less if it should not.
static int goes_back(long idle, int tries) {
  const long before = resident();
  for (int i = 0; i < tries; i++) {
    if (resident() < before - idle / 2) return 1;
    usleep(10000);
  }
  return 0;
}

static void expect_none(void) {
  CHECK(threads() == 1);
  CHECK(!goes_back(leave_idle(), 50));
  CHECK(threads() == 1);
}

static void expect_watched(void) {
  CHECK(threads() == 2);
  const long idle = leave_idle();
  CHECK(idle > 10 * kMiB);
  CHECK(goes_back(idle, 1000));
}

static void watch_and_stop(void) {
  CHECK(ss_watch_pressure(1) == 0);
  expect_watched();
  CHECK(ss_watch_pressure(1) == 0);
  CHECK(ss_watch_pressure(0) == 0);
  CHECK(threads() == 2);
  CHECK(ss_watch_pressure(0) == 0);
  expect_none();
  // EINVAL is for processes with more threads; others may be forbidden to.
  CHECK(unshare(CLONE_NEWUSER) == 0 || errno != EINVAL);
}

static void watch_in_child(void) {
  CHECK(ss_watch_pressure(1) == 0);
  expect_watched();
  const pid_t child = fork();
  if (child == 0) {
    CHECK(threads() == 1);
    CHECK(ss_watch_pressure(1) == 0);
    expect_watched();
    _exit(0);
  }
  int status = -1;
  CHECK(waitpid(child, &status, 0) == child && status == 0);
  expect_watched();
}

int main(int argc, char** argv) {
  const char* what = argc > 1 ? argv[1] : "";
  errno = 0;
  if (strcmp(what, "nobody") == 0) expect_none();
  if (strcmp(what, "a variable") == 0) expect_watched();
  if (strcmp(what, "a call") == 0) watch_and_stop();
  if (strcmp(what, "a call in a child") == 0) watch_in_child();
  if (strcmp(what, "switched off") == 0) {
    CHECK(ss_watch_pressure(1) == 0);
    expect_none();
  }
  return 0;
}
