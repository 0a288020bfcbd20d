// fork() while other threads allocate, free each other's blocks and end: both sides go on.
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>
#include <vector>

#include "check.h"
#include "superslab.h"

namespace {

constexpr int kSlots = 256;
std::atomic<void*> slots[kSlots];
std::atomic<bool> stop{false};
ss_heap* heap;

std::size_t size_of(unsigned n) {
  if (n % 1000 == 0) return 3 << 20;
  return n % 50 == 0 ? n % 200000 : n % 700;
}

/// Blocks wander between threads: whoever finds one frees it.
void churn(unsigned seed, unsigned rounds) {
  for (unsigned i = 0; i < rounds && !stop.load(); ++i) {
    seed = seed * 1664525 + 1013904223;
    const unsigned n = seed >> 8;
    void* block = n % 4 == 0 ? ss_heap_malloc(heap, size_of(n)) : malloc(size_of(n));
    CHECK(block != nullptr);
    free(slots[n % kSlots].exchange(block));
  }
}

// So that a fork finds locks taken as often as not.
void hold_first_class_heap() {
  void* blocks[100];
  while (!stop.load()) {
    for (void*& block : blocks) block = ss_heap_malloc(heap, 16);
    for (void* block : blocks) free(block);
  }
}
void hold_heap_of_process() {
  while (!stop.load()) free(opaque(malloc(3 << 20)));
}

void short_lived() {
  while (!stop.load()) std::thread([] { churn(99, 500); }).join();
}

void child() {
  stop = false;
  churn(5, 5000);
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < 2; ++i) threads.emplace_back(churn, i, 3000);
  for (std::thread& thread : threads) thread.join();
  free(ss_heap_malloc(heap, 100));
  free(opaque(malloc(5 << 20)));
  ss_trim();
  exit(0);
}

}  // namespace

int main() {
  heap = ss_heap_new(0);
  CHECK(heap != nullptr);
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < 2; ++i) threads.emplace_back(churn, i, ~0u);
  threads.emplace_back(short_lived);
  threads.emplace_back(hold_first_class_heap);
  threads.emplace_back(hold_heap_of_process);
  for (int round = 0; round < 30; ++round) {
    const pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) child();
    churn(7, 3000);
    int status = -1;
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  for (auto& slot : slots) free(slot.exchange(nullptr));
  ss_heap_delete(heap);
}
