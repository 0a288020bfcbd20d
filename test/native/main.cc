// native_tests            runs all tests
// native_tests NAME...    runs those whose name ("layer: behaviour") is or begins with a NAME
// native_tests --stop ... ends at the first failure
// native_tests --list     prints the names
// The exit status is 1 when a test failed or a NAME matched none.

#include <sys/wait.h>
#include <unistd.h>

#include <mutex>

#include "check.h"

namespace superslab_test {

namespace {

// No constructors run on these, as tests register before main() in any order of files.
constinit TestCase* first_test = nullptr;
constinit TestCase** end_of_tests = &first_test;

constinit std::mutex result_mutex;

struct Result {
  bool failed = false;
  bool skipped = false;
  std::string text;
  std::string context;
};

Result& result() {
  static Result current;
  return current;
}

std::string name_of(const TestCase& test) {
  return std::string(test.layer) + ": " + test.behaviour;
}

bool matches(const std::string& name, int count, char** filters, bool* used) {
  bool any = count == 0;
  for (int i = 0; i < count; ++i) {
    if (name.starts_with(filters[i])) any = used[i] = true;
  }
  return any;
}

/// False when the test failed.
bool run(const TestCase& test, const std::string& name) {
  result() = Result{};
  test.body();
  const Result& r = result();
  if (r.failed) {
    std::printf("not ok %s: %s\n", name.c_str(), r.text.c_str());
  } else if (r.skipped) {
    std::printf("# skip %s %s\n", name.c_str(), r.text.c_str());
  } else {
    std::printf("ok %s\n", name.c_str());
  }
  std::fflush(stdout);
  return !r.failed;
}

int run_all(int count, char** filters, bool stops) {
  bool ok = true;
  bool* used = new bool[static_cast<std::size_t>(count) + 1]();
  for (TestCase* test = first_test; test != nullptr; test = test->next) {
    const std::string name = name_of(*test);
    if (!matches(name, count, filters, used) || run(*test, name)) continue;
    if (stops) return 1;
    ok = false;
  }
  for (int i = 0; i < count; ++i) {
    if (used[i]) continue;
    std::printf("not ok %s: there is no such test\n", filters[i]);
    ok = false;
  }
  delete[] used;
  return ok ? 0 : 1;
}

}  // namespace

bool register_test(TestCase* test) {
  *end_of_tests = test;
  end_of_tests = &test->next;
  return true;
}

void report_failure(const char* file, int line, const std::string& message) {
  const std::lock_guard guard(result_mutex);
  Result& r = result();
  if (r.failed) return;
  const char* slash = std::strrchr(file, '/');
  r.failed = true;
  r.text = std::string(slash != nullptr ? slash + 1 : file) + ":" + std::to_string(line) + ": " +
           (r.context.empty() ? "" : "[" + r.context + "] ") + message;
}

Context::Context(std::string text) {
  const std::lock_guard guard(result_mutex);
  result().context = std::move(text);
}

Context::~Context() {
  const std::lock_guard guard(result_mutex);
  result().context.clear();
}

void report_skip(const std::string& reason) {
  const std::lock_guard guard(result_mutex);
  Result& r = result();
  if (r.failed) return;
  r.skipped = true;
  r.text = reason;
}

bool has_failed() {
  const std::lock_guard guard(result_mutex);
  return result().failed;
}

int run_in_child(int (*body)()) {
  std::fflush(stdout);
  const pid_t child = fork();
  if (child < 0) return -1;
  if (child == 0) _exit(body());
  int status = 0;
  if (waitpid(child, &status, 0) != child) return -1;
  return WIFSIGNALED(status) ? 256 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace superslab_test

int main(int argc, char** argv) {
  using superslab_test::TestCase;
  if (argc == 2 && std::string_view(argv[1]) == "--list") {
    for (TestCase* t = superslab_test::first_test; t != nullptr; t = t->next) {
      std::printf("%s\n", superslab_test::name_of(*t).c_str());
    }
    return 0;
  }
  const bool stops = argc > 1 && std::string_view(argv[1]) == "--stop";
  const int options = stops ? 2 : 1;
  return superslab_test::run_all(argc - options, argv + options, stops);
}
