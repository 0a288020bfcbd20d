// A fork finds the other threads at any instruction, and its child goes on.
//
// A process P has two threads. B does something that changes the heap, one instruction at a time:
// ptrace stops it after each. A forks P there, and the child, in which B is not, looks whether
// every block has what was written to it, allocates and frees of all sizes, frees what B had, makes
// a thread, gives memory back and forks again.
//
//   fork_anywhere               as much of them as fits into 20 seconds, at some instructions;
//   others each time fork_anywhere N [NAME]      all of them at every Nth; 1 takes an hour
//
// Ends with 77 where ptrace is not allowed.
#include <elf.h>
#include <linux/futex.h>
#include <malloc.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <pthread.h>
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <ctime>

#include "check.h"
#include "superslab.h"

namespace {

// What both processes see -------------------------------------------------------------------------

struct Shared {
  std::atomic<int> a_turn;    // raised: A forks
  std::atomic<int> a_result;  // status of the child, plus one
  std::atomic<int> b_tid;
  std::atomic<int> b_go;
  std::atomic<int> b_done;
};
Shared* shared;

int futex(std::atomic<int>& word, int operation, int value, const timespec* span) {
  return static_cast<int>(syscall(SYS_futex, &word, operation, value, span, nullptr, 0));
}

void set(std::atomic<int>& word, int value) {
  word.store(value);
  futex(word, FUTEX_WAKE, 1 << 30, nullptr);
}

/// False when it is still `value` after so long.
bool wait_while(std::atomic<int>& word, int value, int seconds) {
  const timespec slice{1, 0};
  for (int i = 0; word.load() == value && i < seconds;) {
    if (futex(word, FUTEX_WAIT, value, &slice) != 0 && errno == ETIMEDOUT) ++i;
  }
  return word.load() != value;
}

// P -----------------------------------------------------------------------------------------------

constexpr std::size_t kSizes[] = {1,     48,    100,    600,    1200,   2000,    6000,   13000,
                                  30000, 50000, 100000, 300000, 700000, 2000000, 5 << 20};

struct Block {
  unsigned char* at;
  std::size_t size;
};
constexpr int kMaxBlocks = 2000;

/// Blocks that somebody has, with a pattern each.
struct Blocks {
  Block all[kMaxBlocks];
  std::atomic<int> count;

  void* add(std::size_t size) {
    auto* p = static_cast<unsigned char*>(malloc(size));
    CHECK(p != nullptr);
    const int i = count;
    fill(p, size < 4096 ? size : 4096, i);
    all[i] = {p, size};
    count = i + 1;
    return p;
  }
  bool are_whole() const {
    for (int i = 0; i < count; ++i) {
      if (!holds(all[i].at, all[i].size < 4096 ? all[i].size : 4096, i)) return false;
    }
    return true;
  }
  void free_all() {
    for (int i = 0; i < count; ++i) free(all[i].at);
    count = 0;
  }
};
Blocks of_a;  // what A made, and B does not free
Blocks of_b;

/// One slab of A's, of which B frees the first and nobody else has any.
constexpr std::size_t kRemoteSize = 30000;
constexpr int kRemotes = 20;
void* remotes[kRemotes];
void* comes_home;

void* free_from_another_thread(void* block) {
  free(block);
  return nullptr;
}

void in_another_thread(void* (*run)(void*), void* argument) {
  pthread_t thread;
  CHECK(pthread_create(&thread, nullptr, run, argument) == 0);
  CHECK(pthread_join(thread, nullptr) == 0);
}

void work() {
  void* held[std::size(kSizes)][3] = {};
  for (std::size_t s = 0; s < std::size(kSizes); ++s) {
    for (void*& p : held[s]) {
      p = malloc(kSizes[s]);
      CHECK(p != nullptr);
      fill(p, kSizes[s] < 4096 ? kSizes[s] : 4096, s);
    }
  }
  for (std::size_t s = 0; s < std::size(kSizes); ++s) {
    for (void* p : held[s]) {
      CHECK(holds(p, kSizes[s] < 4096 ? kSizes[s] : 4096, s));
      free(p);
    }
  }
}

void* work_in_thread(void*) {
  for (const std::size_t size : kSizes) {
    if (size <= 100000) free(opaque(malloc(size)));
  }
  return nullptr;
}

/// What is freed by another thread reaches its owner.
bool comes_back(void* block, std::size_t size) {
  in_another_thread(free_from_another_thread, block);
  void* got[200];
  int count = 0;
  bool is_back = false;
  while (count < 200 && !is_back) {
    got[count] = malloc(size);
    is_back = got[count++] == block;
  }
  for (int i = 0; i < count; ++i) free(got[i]);
  return is_back;
}

[[noreturn]] void in_the_child() {
  alarm(60);  // hung
  CHECK(of_a.are_whole() && of_b.are_whole());
  work();
  if (comes_home != nullptr) CHECK(comes_back(comes_home, kRemoteSize));
  CHECK(of_a.are_whole() && of_b.are_whole());
  of_b.free_all();
  const pid_t pid = fork();
  CHECK(pid >= 0);
  if (pid == 0) {
    in_another_thread(work_in_thread, nullptr);
    of_a.free_all();
    malloc_trim(0);
    work();
    ss_heap* heap = ss_heap_new(0);
    CHECK(heap != nullptr);
    free(ss_heap_malloc(heap, 500));
    ss_heap_delete(heap);
    _exit(0);
  }
  int status = -1;
  CHECK(waitpid(pid, &status, 0) == pid && status == 0);
  CHECK(of_a.are_whole());
  _exit(0);
}

[[noreturn]] void fork_on_demand() {
  for (;;) {
    const int turn = shared->a_turn.load();
    if (turn != shared->a_result.load() >> 16) {
      const pid_t child = fork();
      if (child == 0) in_the_child();
      int status = -1;
      if (child > 0) waitpid(child, &status, 0);
      set(shared->a_result, turn << 16 | (status & 0xffff));
      continue;
    }
    wait_while(shared->a_turn, turn, 1);
  }
}

// What B does -------------------------------------------------------------------------------------

void* mine[200];
ss_heap* first_class;

void warm() { free(opaque(malloc(3000))); }

void nothing() {}

void first_block() { of_b.add(100); }

void refill() {
  of_b.add(2000);
  of_b.add(13000);
}

void take_many() {
  for (void*& p : mine) p = malloc(6000);
}
void spill() {
  for (int i = 0; i < 70; ++i) free(mine[i]);
}
void give_much() {
  take_many();
  for (int i = 0; i < 140; ++i) free(mine[i]);
}
void spill_and_shrink() {
  for (int i = 140; i < 200; ++i) free(mine[i]);
}

void one_without_row() {
  for (int i = 0; i < 4; ++i) mine[i] = malloc(6000);
  free(mine[3]);  // trimming closes the row of a class that has blocks in it
  malloc_trim(0);
}
void first_spill() { free(mine[0]); }

void free_remotes() {
  for (int i = 0; i < 6; ++i) free(remotes[i]);
  for (int i = 6; i < 12; ++i) free(remotes[i]);
}

void* free_mine(void*) {
  for (int i = 0; i < 30; ++i) free(mine[i]);
  return nullptr;
}
void drained() {
  for (int i = 0; i < 30; ++i) mine[i] = malloc(kRemoteSize + 2000);
  in_another_thread(free_mine, nullptr);
}
void collect() {
  for (int i = 0; i < 6; ++i) of_b.add(kRemoteSize + 2000);
}

void some_large() {
  for (int round = 0; round < 8; ++round) {
    for (int i = 0; i < 20; ++i) mine[i] = malloc(100000);
    for (int i = 0; i < 20; ++i) free(mine[i]);
  }
  for (int i = 0; i < 20; ++i) mine[i] = malloc(100000);
}
void give_large() {
  for (int i = 0; i < 20; ++i) free(mine[i]);
}
void take_large() {
  of_b.add(100000);
  of_b.add(700000);
  of_b.add(2000000);
}

void huge() {
  void* p = malloc(9 << 20);
  p = realloc(p, 5 << 20);
  free(opaque(p));
}
void mapped() { free(opaque(malloc(std::size_t{1} << 30))); }

void half_a_heap() {
  for (int i = 0; i < 200; ++i) mine[i] = malloc(kSizes[i % 14]);
  for (int i = 0; i < 200; i += 2) free(mine[i]);
  for (int i = 1; i < 200; i += 4) free(mine[i]);
}
void trim() { malloc_trim(0); }

void zeroed() {
  free(opaque(calloc(1, 100000)));
  free(opaque(calloc(1, 3 << 20)));
}

void new_heap() {
  ss_heap* heap = ss_heap_new(0);
  opaque(ss_heap_malloc(heap, 100));
  free(ss_heap_malloc(heap, 5000));
  opaque(ss_heap_malloc(heap, 3 << 20));
  ss_heap_delete(heap);
}
void make_heap() { first_class = ss_heap_new(1 << 30); }
void use_heap() {
  for (int i = 0; i < 4; ++i) free(ss_heap_malloc(first_class, 3000 << i));
  free(ss_heap_malloc(first_class, 4 << 20));
  malloc_trim(0);
}

struct Scenario {
  const char* name;
  void (*before)();
  void (*stepped)();
  bool has_left = false;  // a thread was there before, and left a share with slabs behind
  bool ends = false;      // the thread's end is stepped through as well
};
const Scenario kScenarios[] = {
    {"first block", nothing, first_block},
    {"first block of a thread that comes after another", nothing, first_block, true},
    {"refill", warm, refill},
    {"refill from a slab that a thread left", warm, refill, true},
    {"spill", take_many, spill},
    {"spill that shrinks", give_much, spill_and_shrink},
    {"first spill", one_without_row, first_spill},
    {"free of another thread's blocks", warm, free_remotes},
    {"collect", drained, collect},
    {"give large classes", some_large, give_large},
    {"take large classes", warm, take_large},
    {"beyond 2 MiB", warm, huge},
    {"mapped", warm, mapped},
    {"trim", half_a_heap, trim},
    {"calloc", warm, zeroed},
    {"first-class heap", warm, new_heap},
    {"in a first-class heap", make_heap, use_heap},
    {"thread's end", half_a_heap, nothing, false, true},
};

void* run_b(void* argument) {
  const auto& scenario = *static_cast<const Scenario*>(argument);
  scenario.before();
  shared->b_tid = static_cast<int>(syscall(SYS_gettid));
  while (shared->b_go.load() == 0) futex(shared->b_go, FUTEX_WAIT, 0, nullptr);
  scenario.stepped();
  set(shared->b_done, 1);
  while (!scenario.ends) pause();
  return nullptr;
}

void* leave_something(void*) {
  for (int i = 0; i < 100; ++i) mine[i] = malloc(kSizes[i % 10]);
  for (int i = 0; i < 100; i += 2) free(mine[i]);
  return nullptr;
}

[[noreturn]] void be_p(const Scenario& scenario) {
  for (const std::size_t size : kSizes) of_a.add(size);
  for (void*& p : remotes) p = malloc(kRemoteSize);
  comes_home = remotes[kRemotes - 1];
  for (int i = 12; i < kRemotes; ++i) fill(static_cast<unsigned char*>(remotes[i]), kRemoteSize, i);
  if (scenario.has_left) in_another_thread(leave_something, nullptr);
  pthread_t b;
  CHECK(pthread_create(&b, nullptr, run_b, const_cast<Scenario*>(&scenario)) == 0);
  fork_on_demand();
}

// The tracer --------------------------------------------------------------------------------------

std::uintptr_t library_from;
std::uintptr_t library_to;
std::uintptr_t library_base;

void find_library() {
  FILE* maps = fopen("/proc/self/maps", "r");
  CHECK(maps != nullptr);
  char line[512];
  while (fgets(line, sizeof line, maps) != nullptr) {
    unsigned long from, to;
    char rights[8];
    if (sscanf(line, "%lx-%lx %7s", &from, &to, rights) != 3) continue;
    if (strstr(line, "libsuperslab") == nullptr) continue;
    if (library_base == 0) library_base = from;
    if (rights[2] != 'x') continue;
    library_from = from;
    library_to = to;
  }
  fclose(maps);
  CHECK(library_from != 0);
}

std::uintptr_t program_counter(pid_t thread) {
  user_regs_struct registers{};
  iovec vector{&registers, sizeof registers};
  if (ptrace(PTRACE_GETREGSET, thread, NT_PRSTATUS, &vector) != 0) return 0;
#if defined(__x86_64__)
  return registers.rip;
#else
  return registers.pc;
#endif
}

struct Sweep {
  int forks = 0;
  int steps = 0;  // in the library
  int failures = 0;
};

/// Forks at every `stride`th instruction, from number `first` on, until `end`, a time of time().
Sweep sweep(const Scenario& scenario, int first, int stride, time_t end) {
  Sweep result;
  memset(static_cast<void*>(shared), 0, sizeof *shared);
  const pid_t p = fork();
  CHECK(p >= 0);
  if (p == 0) be_p(scenario);
  CHECK(wait_while(shared->b_tid, 0, 60));
  const pid_t b = shared->b_tid;
  int status;
  if (ptrace(PTRACE_SEIZE, b, nullptr, PTRACE_O_EXITKILL) != 0) {
    kill(p, SIGKILL);
    waitpid(p, &status, 0);
    fprintf(stderr, "ptrace is not allowed here\n");
    exit(77);
  }
  CHECK(ptrace(PTRACE_INTERRUPT, b, nullptr, nullptr) == 0);
  CHECK(waitpid(b, &status, __WALL) == b && WIFSTOPPED(status));
  shared->b_go = 1;
  while ((shared->b_done.load() == 0 || scenario.ends) && time(nullptr) < end) {
    CHECK(ptrace(PTRACE_SINGLESTEP, b, nullptr, nullptr) == 0);
    if (waitpid(b, &status, __WALL) != b || !WIFSTOPPED(status)) break;
    const std::uintptr_t at = program_counter(b);
    if (at < library_from || at >= library_to) continue;
    const int step = result.steps++;
    if (step < first || (step - first) % stride != 0) continue;
    const int turn = ++result.forks;
    const int before = shared->a_result;
    set(shared->a_turn, turn);
    const bool is_answered = wait_while(shared->a_result, before, 100);
    const int ended = is_answered ? shared->a_result.load() & 0xffff : -1;
    if (ended == 0) continue;
    ++result.failures;
    printf("%s, instruction %d, libsuperslab.so+%#lx: ", scenario.name, step,
           static_cast<unsigned long>(at - library_base));
    if (!is_answered)
      printf("fork() hangs\n");
    else if (WIFSIGNALED(ended))
      printf("the child %s (signal %d)\n", WTERMSIG(ended) == SIGALRM ? "hangs" : "crashes",
             WTERMSIG(ended));
    else
      printf("the child's heap is not whole (%d)\n", WEXITSTATUS(ended));
    fflush(stdout);
    if (!is_answered || result.failures >= 20) break;
  }
  kill(p, SIGKILL);
  while (waitpid(-1, &status, __WALL) > 0) {
  }
  return result;
}

}  // namespace

int main(int argc, char** argv) {
  const int wanted = argc > 1 ? atoi(argv[1]) : 0;
  find_library();
  void* memory =
      mmap(nullptr, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(memory != MAP_FAILED);
  shared = static_cast<Shared*>(memory);
  int failures = 0;
  const int run = static_cast<int>(time(nullptr) & 0xffff);
  constexpr int kCount = sizeof kScenarios / sizeof *kScenarios;
  // A step by ptrace takes as long as the machine likes.
  const time_t end = time(nullptr) + (wanted > 0 ? 24 * 3600 : 20);
  for (int i = 0; i < kCount && time(nullptr) < end; ++i) {
    const Scenario& scenario = kScenarios[(i + run) % kCount];  // elsewhere in each run
    if (argc > 2 && strcmp(argv[2], scenario.name) != 0) continue;
    const int stride = wanted > 0 ? wanted : 1500 + run % 97;
    const Sweep done = sweep(scenario, run % std::min(stride, 19), stride, end);
    if (wanted != 0)
      printf("%s: %d forks at %d instructions\n", scenario.name, done.forks, done.steps);
    fflush(stdout);
    CHECK(done.steps > 0 || time(nullptr) >= end);
    failures += done.failures;
  }
  return failures != 0;
}
