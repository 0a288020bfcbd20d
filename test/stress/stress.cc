// Random work on the heap by many threads that come and go: every way to allocate, frees by other
// threads, and what else a process does while it allocates (options.h lists it). Every block holds
// a pattern that is checked when it is resized and freed.
//
//   stress [--seconds=5] [--threads=4] [--seed=N] [--stall=300] [--no-fork ...] [--abort]
//
// Prints its seed. What each thread does follows from the seed; how they interleave does not. Exit
// code 1, and what was wrong, at the first fault; the stacks of all threads when they hang.
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>

#include "children.h"

#if defined(__SANITIZE_THREAD__)
/// The loader's own locks are not the sanitizer's to see, so that its tables look like races.
extern "C" __attribute__((visibility("default"))) const char* __tsan_default_suppressions() {
  return "called_from_lib:ld-linux\n";
}
#endif

namespace {

/// A thread's life.
constexpr unsigned kOperations = 20'000;
/// Of one with the smallest stack, which has no room for what the C library does.
constexpr uint64_t kSmallStack = uint64_t{1} << 63;

std::atomic<uint64_t> lives{0};
std::atomic<uint64_t> operations{0};

/// Threads also allocate and free while they end.
pthread_key_t at_end;
void thread_ends(void* block) {
  heap::release(block);
  heap::release(heap::allocate(100));
}

void do_something_else(Random& random) {
  if (random.one_in(500)) burst(random);
  if (options.has[kStdio] && random.one_in(200)) streams.work(random);
  if (options.has[kDlopen] && random.one_in(2'000)) load_library(random);
  if (options.has[kHeaps] && heap::has_heaps() && random.one_in(1'000)) use_own_heap(random);
  if (options.has[kFork] && random.one_in(20'000)) fork_child(random, 1);
  if (options.has[kLimit] && random.one_in(40'000)) fork_limited_child(random);
}

void* live(void* argument) {
  const auto number = reinterpret_cast<uintptr_t>(argument);
  const bool is_small = (number & kSmallStack) != 0;
  Random random(options.seed ^ pattern::mix(number));
  pthread_setspecific(at_end, heap::allocate(64));
  // Some die young.
  const unsigned count = random.one_in(4) ? random.below(kOperations / 10) : kOperations;
  // Most work stays within a part of the table, so that a thread meets its own blocks as well.
  const size_t part = kSlots / options.threads;
  const size_t home = random.below(options.threads) * part;
  for (unsigned i = 0; i < count; ++i) {
    const bool is_abroad = random.one_in(4);
    Slot& slot = slots[is_abroad ? random.below(kSlots) : home + random.below(part)];
    if (!slot.try_hold()) continue;
    work_on(slot, random);
    slot.let_go();
    if (options.has[kTrim] && random.one_in(5'000)) heap::trim();
    if (!is_small) do_something_else(random);
  }
  operations.fetch_add(count, std::memory_order_relaxed);
  lives.fetch_add(1, std::memory_order_relaxed);
  return nullptr;
}

void start(pthread_t& thread, uint64_t number) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  if (options.has[kStacks] && number % 4 == 0) {
    number |= kSmallStack;
    pthread_attr_setstacksize(&attributes, static_cast<size_t>(sysconf(_SC_THREAD_STACK_MIN)));
  }
  if (pthread_create(&thread, &attributes, live, reinterpret_cast<void*>(number)) != 0)
    fail("pthread_create: %s", strerror(errno));
  pthread_attr_destroy(&attributes);
}

void run_threads(time_t end) {
  static pthread_t threads[256];
  uint64_t next = 1;
  for (unsigned i = 0; i < options.threads; ++i) start(threads[i], next++);
  for (unsigned i = 0;; i = (i + 1) % options.threads) {
    pthread_join(threads[i], nullptr);
    watched->threads_ended.fetch_add(1);
    threads[i] = 0;
    if (time(nullptr) >= end) break;
    start(threads[i], next++);
  }
  for (unsigned i = 0; i < options.threads; ++i) {
    if (threads[i] != 0) pthread_join(threads[i], nullptr);
    watched->threads_ended.fetch_add(1);
  }
}

}  // namespace

int main(int count, char** arguments) {
  if (!options.read(count, arguments)) return 2;
  printf("stress: seed %llu, %u threads, %u s, with", static_cast<unsigned long long>(options.seed),
         options.threads, options.seconds);
  for (unsigned i = 0; i < kIngredients; ++i) {
    if (options.has[i]) printf(" %s", kIngredientNames[i]);
  }
  printf("\n");
  fflush(stdout);
  become_watched();
  const time_t end = time(nullptr) + options.seconds;
  const pid_t interrupted = options.has[kSignals] ? start_interrupted_process(end) : 0;
  pthread_key_create(&at_end, thread_ends);
  if (options.has[kStdio]) streams.open();
  if (options.has[kHeaps] && heap::has_heaps()) shared_heap = heap::make_heap(0);

  run_threads(end);
  if (interrupted != 0) end_well(interrupted, kChildSeconds);

  Random random(options.seed);
  for (Slot& slot : slots) {
    if (slot.block != nullptr) release_from(slot, random);
  }
  if (shared_heap != nullptr) heap::end_heap(shared_heap);
  printf("stress: %llu operations, %llu threads, %llu children\n",
         static_cast<unsigned long long>(operations.load()),
         static_cast<unsigned long long>(lives.load()),
         static_cast<unsigned long long>(children.load()));
  fflush(stdout);
  return 0;
}
