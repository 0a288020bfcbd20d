// The heap behind malloc, by the functions that malloc and its kin are made of. It is one a
// process, on the real operating system and the real clock, and stays when a test ends.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "check.h"
#include "malloc/allocate.h"

namespace superslab_test {

/// Sizes on both sides of every class's end, and of what follows the classes.
inline std::vector<superslab::ByteCount> edge_sizes() {
  using namespace superslab;
  std::vector<ByteCount> sizes = {0, 1};
  for (std::size_t c = 0; c < kFixedClasses; ++c) {
    for (const ByteCount bytes : {class_bytes(c) - 1, class_bytes(c), class_bytes(c) + 1})
      sizes.push_back(bytes);
  }
  for (const ByteCount bytes : {3 * kMiB, 4 * kMiB, 4 * kMiB + 1, 9 * kMiB}) sizes.push_back(bytes);
  return sizes;
}

/// What a child wrote to its standard error output when SIGABRT ended it; empty when it lived.
template <class Body>
std::string last_words_of(Body body) {
  int ends[2];
  if (pipe(ends) != 0) return "";
  std::fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], STDERR_FILENO);
    body();
    _exit(0);
  }
  close(ends[1]);
  std::string text;
  char part[512];
  for (ssize_t got; (got = read(ends[0], part, sizeof part)) > 0;)
    text.append(part, static_cast<std::size_t>(got));
  close(ends[0]);
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child) return "";
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT ? text : "";
}

/// The settings of the heap are those of the process's start: unless `variable` is `value`, runs
/// the test of that name in a process that starts with it. True when this is that process.
inline bool has_setting(const char* variable, const char* value, const char* test) {
  const char* now = std::getenv(variable);
  if (now != nullptr && std::string_view(now) == value) return true;
  std::fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    setenv(variable, value, 1);
    alarm(120);  // one that hangs does not outlive this process for long
    execl("/proc/self/exe", "native_tests", test, static_cast<char*>(nullptr));
    _exit(127);
  }
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
    report_failure(__FILE__, __LINE__, std::string(test) + " with " + variable + "=" + value);
  return false;
}

}  // namespace superslab_test
