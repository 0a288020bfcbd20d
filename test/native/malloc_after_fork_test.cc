// malloc and heaps of one's own in the child of a fork, whose other thread stood anywhere. As in
// heap_after_fork_test.cc, but what the child does first is done by the process's own hook.

#include <atomic>
#include <cstring>
#include <thread>

#include "check.h"
#include "heap_fixture.h"
#include "malloc/first_class_heap.h"
#include "malloc_fixture.h"
#include "stopped_thread.h"

using namespace superslab;
using namespace superslab_test;

namespace {

constexpr ByteCount kSizes[] = {24, 600, 5000, 40 * kKiB, 300 * kKiB, 3 * kMiB};

/// The thread that vanishes: makes and ends heaps, and works with them and with malloc.
struct Worker {
  FirstClassHeap* heaps[3] = {};
  void* blocks[20] = {};
  std::atomic<bool> ready{false};
  std::atomic<bool> stop{false};

  void work() {
    Random random(5);
    while (!stop.load(std::memory_order_relaxed)) {
      FirstClassHeap*& heap = heaps[random.below(3)];
      if (heap == nullptr) {
        heap = FirstClassHeap::make(0);
        for (const ByteCount bytes : kSizes) heap->allocate(bytes);
      } else {
        deallocate(heap->allocate(kSizes[random.below(std::size(kSizes))]));
        if (random.below(4) == 0) std::exchange(heap, nullptr)->end();
      }
      void*& block = blocks[random.below(std::size(blocks))];
      deallocate(std::exchange(block, nullptr));
      block = allocate(kSizes[random.below(std::size(kSizes))]);
      if (random.below(8) == 0) FirstClassHeap::trim_all();
      if (random.below(8) == 0) ProcessHeap::get()->trim();
      ready = true;
    }
    for (FirstClassHeap* heap : heaps)
      if (heap != nullptr) heap->end();
    for (void* block : blocks) deallocate(block);
  }
};

enum Verdict { kGood, kLost, kOverlap, kNoMemory, kMiscounted };

Verdict look(FirstClassHeap& own, void* const* kept, std::size_t count) {
  const auto are_whole = [&] {
    for (std::size_t i = 0; i < count; ++i)
      if (!is_intact(kept[i], 24, i)) return false;
    return true;
  };
  if (!are_whole()) return kLost;
  const std::uint32_t heaps = FirstClassHeap::count();
  // One may be made, but not yet entered, or be on its way out.
  if (FirstClassHeap::totals().heaps != heaps || heaps < 1 || heaps > 4) return kMiscounted;
  FirstClassHeap* another = FirstClassHeap::make(0);
  if (another == nullptr) return kNoMemory;
  for (int round = 0; round < 2; ++round) {
    void* taken[3][std::size(kSizes)];
    for (std::size_t i = 0; i < std::size(kSizes); ++i) {
      taken[0][i] = allocate(kSizes[i]);
      taken[1][i] = own.allocate(kSizes[i]);
      taken[2][i] = another->allocate(kSizes[i]);
      for (std::size_t k = 0; k < 3; ++k) {
        if (taken[k][i] == nullptr) return kNoMemory;
        fill(taken[k][i], 24, 100 + i * 3 + k);
      }
    }
    for (std::size_t i = 0; i < std::size(kSizes); ++i) {
      for (std::size_t k = 0; k < 3; ++k) {
        if (!is_intact(taken[k][i], 24, 100 + i * 3 + k)) return kOverlap;
        deallocate(taken[k][i]);
      }
    }
    FirstClassHeap::trim_all();
    ProcessHeap::get()->trim();
  }
  if (!are_whole()) return kOverlap;
  another->end();
  own.end();
  return FirstClassHeap::totals().heaps == heaps - 1 ? kGood : kMiscounted;
}

}  // namespace

TEST(malloc, "after a fork malloc and heaps of one's own go on, wherever the other thread was") {
#if defined(__SANITIZE_THREAD__)
  SKIP("ThreadSanitizer does not follow a fork among threads");
#endif
  FirstClassHeap* own = FirstClassHeap::make(0);
  void* kept[40];
  for (std::size_t i = 0; i < std::size(kept); ++i) {
    const ByteCount bytes = kSizes[i % std::size(kSizes)];
    kept[i] = i % 2 == 0 ? own->allocate(bytes) : allocate(bytes);
    fill(kept[i], 24, i);
  }
  const auto worker = std::make_unique<Worker>();
  std::thread thread([&] { worker->work(); });
  while (!worker->ready.load()) std::this_thread::yield();
  StoppedThread stopped;
  Random random(9);
  int verdict = kGood;
  int forks = 0;
  for (; forks < kForks && verdict == kGood; ++forks) {
    verdict = stopped.fork_beside(thread, random.below(100'000),
                                  [&] { return look(*own, kept, std::size(kept)); });
  }
  worker->stop = true;
  thread.join();
  const Context context("fork " + std::to_string(forks));
  CHECK_EQ(verdict, kGood);
  for (std::size_t i = 1; i < std::size(kept); i += 2) deallocate(kept[i]);
  own->end();
}

TEST(malloc, "in the child of a fork the thread that forked alone has a cache") {
#if defined(__SANITIZE_THREAD__)
  SKIP("ThreadSanitizer does not follow a fork among threads");
#endif
  FirstClassHeap* own = FirstClassHeap::make(0);  // of which nobody has the lock
  deallocate(allocate(100));
  std::atomic<bool> ready{false};
  std::atomic<bool> stop{false};
  std::thread other([&] {
    deallocate(allocate(100));
    ready = true;
    while (!stop.load()) std::this_thread::yield();
  });
  while (!ready.load()) std::this_thread::yield();
  const std::uint64_t threads = ProcessHeap::get()->heap().stats().threads;
  const int in_child =
      run_in_child([] { return static_cast<int>(ProcessHeap::get()->heap().stats().threads); });
  stop = true;
  other.join();
  own->end();
  CHECK(threads >= 2);
  CHECK_EQ(in_child, 1);
}
