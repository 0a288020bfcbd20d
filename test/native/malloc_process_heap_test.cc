// The heap behind malloc as a whole: how it comes to be, and what it keeps.
#include "malloc/process_heap.h"

#include <sched.h>

#include <atomic>
#include <cstring>
#include <thread>
#include <vector>

#include "check.h"
#include "malloc/allocate.h"
#include "malloc_fixture.h"

using namespace superslab;
using namespace superslab_test;

TEST(malloc, "threads that come while the heap is being built wait for it, and get the same one") {
  // In a process that has none yet.
  if (!has_setting("SUPERSLAB_MALLOC_IDLE_BYTES", "1m",
                   "malloc: threads that come while the heap is being built wait for it"))
    return;
  for (int i = 0; i < 20; ++i) {
    const int verdict = run_in_child([] {
      constexpr std::size_t kThreads = 3;
      std::atomic<std::size_t> ready{0};
      ProcessHeap* got[kThreads] = {};
      std::vector<std::thread> threads;
      for (ProcessHeap*& mine : got) {
        threads.emplace_back([&] {
          ++ready;
          while (ready.load() < kThreads) sched_yield();
          mine = ProcessHeap::get();
        });
      }
      for (std::thread& thread : threads) thread.join();
      for (ProcessHeap* heap : got)
        if (heap == nullptr || heap != ProcessHeap::get()) return 1;
      return 0;
    });
    CHECK_EQ(verdict, 0);
  }
}

TEST(malloc, "what is idle beyond the bound goes back with the free that makes it too much") {
  // Not because it is time.
  if (!has_setting("SUPERSLAB_MALLOC_PURGE_DELAY_MS", "86400000",
                   "malloc: what is idle beyond the bound goes back with the free"))
    return;
  std::vector<void*> blocks;
  for (int i = 0; i < 64; ++i) {
    blocks.push_back(allocate(kMiB));
    std::memset(blocks.back(), 1, kMiB);
  }
  for (void* block : blocks) deallocate(block);
  const Heap& heap = ProcessHeap::get()->heap();
  CHECK(heap.account().excess_bytes() >= 40 * kMiB);
  CHECK(heap.idle_bytes() <= 20 * kMiB);
}
