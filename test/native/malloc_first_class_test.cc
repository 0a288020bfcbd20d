// Heaps that a program makes for itself, beside that of the process.
#include "malloc/first_class_heap.h"

#include <cstring>
#include <thread>
#include <vector>

#include "check.h"
#include "heap_fixture.h"
#include "malloc/allocate.h"
#include "malloc_fixture.h"

using namespace superslab;
using namespace superslab_test;

TEST(malloc, "a heap of one's own: blocks of every size are apart, whole, and end with it") {
  const std::uint32_t before = FirstClassHeap::count();
  FirstClassHeap* heap = FirstClassHeap::make(0);
  CHECK(heap != nullptr);
  CHECK_EQ(FirstClassHeap::count(), before + 1);
  struct Block {
    void* at;
    ByteCount bytes;
  };
  std::vector<Block> blocks;
  for (const ByteCount bytes : edge_sizes()) {
    const Context context(std::to_string(bytes) + " bytes");
    for (const bool is_zeroed : {false, true}) {
      void* at = is_zeroed ? heap->allocate_zeroed(bytes) : heap->allocate(bytes);
      CHECK(at != nullptr);
      CHECK_EQ(address_of(at) % 16, 0u);
      if (is_zeroed) CHECK(is_zero(at, bytes));
      CHECK(usable_bytes(at) >= bytes);
      blocks.push_back({at, usable_bytes(at)});
      fill(at, blocks.back().bytes / 8 * 8, blocks.size());
    }
  }
  for (std::size_t i = 0; i < blocks.size(); ++i)
    CHECK(is_intact(blocks[i].at, blocks[i].bytes / 8 * 8, i + 1));
  CHECK(FirstClassHeap::totals().heaps == before + 1);
  CHECK(FirstClassHeap::totals().committed_bytes >= 20 * kMiB);
  heap->end();
  CHECK_EQ(FirstClassHeap::count(), before);
  CHECK_EQ(FirstClassHeap::totals().heaps, before);
  for (const Block& block : blocks) CHECK(!owns(block.at));
}

TEST(malloc, "zeroed blocks of a heap of one's own are zero where others have been") {
  FirstClassHeap* heap = FirstClassHeap::make(0);
  for (int round = 0; round < 3; ++round) {
    for (const ByteCount bytes : {ByteCount{100}, 10 * kKiB, 300 * kKiB, 3 * kMiB}) {
      void* at = heap->allocate_zeroed(bytes);
      CHECK(is_zero(at, bytes));
      std::memset(at, 0xcc, usable_bytes(at));
      deallocate(at);
    }
  }
  heap->end();
}

TEST(malloc, "a heap of one's own has a limit, and says no there") {
  FirstClassHeap* heap = FirstClassHeap::make(4 * kMiB);
  std::vector<void*> blocks;
  while (void* block = heap->allocate(100 * kKiB)) blocks.push_back(block);
  CHECK(blocks.size() >= 30 && blocks.size() <= 41);
  CHECK(heap->allocate(5 * kMiB) == nullptr);
  CHECK(heap->allocate_zeroed(200 * kKiB) == nullptr);
  CHECK(heap->allocate_aligned(4096, 200 * kKiB) == nullptr);
  void* last = blocks.back();
  blocks.pop_back();
  std::memset(last, 0x66, 100 * kKiB);
  CHECK(heap->reallocate(last, kMiB) == nullptr);
  CHECK_EQ(static_cast<unsigned char*>(last)[100 * kKiB - 1], 0x66);
  deallocate(last);
  CHECK(heap->allocate(100 * kKiB) != nullptr);
  heap->end();
  FirstClassHeap* wide = FirstClassHeap::make(0);
  CHECK(wide->allocate(kGiB + 1) == nullptr);
  CHECK(wide->allocate_aligned(2 * kGiB, 1) == nullptr);
  wide->end();
}

TEST(malloc, "aligned blocks and resized ones of a heap of one's own") {
  FirstClassHeap* heap = FirstClassHeap::make(0);
  for (ByteCount alignment = 8; alignment <= 4 * kMiB; alignment *= 2) {
    for (const ByteCount bytes : {ByteCount{1}, ByteCount{5000}, 100 * kKiB, 5 * kMiB}) {
      void* at = heap->allocate_aligned(alignment, bytes);
      CHECK(at != nullptr && address_of(at) % alignment == 0);
      CHECK(usable_bytes(at) >= bytes);
      std::memset(at, 1, bytes);
    }
  }
  // Of this heap, of the process's, and there and back.
  for (void* from : {heap->allocate(1000), allocate(1000)}) {
    std::memset(from, 0x31, 1000);
    void* at = heap->reallocate(from, 100 * kKiB);
    CHECK_EQ(static_cast<unsigned char*>(at)[999], 0x31);
    std::memset(at, 0x32, 100 * kKiB);
    at = heap->reallocate(at, 10);
    CHECK_EQ(static_cast<unsigned char*>(at)[9], 0x32);
    CHECK_EQ(usable_bytes(at), 16u);
    CHECK(heap->reallocate(at, 16) == at);
    at = reallocate(at, 3 * kMiB);
    CHECK_EQ(static_cast<unsigned char*>(at)[9], 0x32);
    deallocate(at);
  }
  heap->end();
}

TEST(malloc, "a heap of one's own gives back what it moved a block from, and all at its end") {
  FirstClassHeap* heap = FirstClassHeap::make(2 * kMiB);
  void* block = heap->allocate(100 * kKiB);
  for (int i = 0; i < 200; ++i) {
    block = heap->reallocate(block, i % 2 == 0 ? 300 * kKiB : 100 * kKiB);
    CHECK(block != nullptr);
  }
  heap->end();
  // What ended heaps had serves the next ones.
  Space& space = ProcessHeap::get()->space();
  ByteCount before = 0;
  for (int i = 0; i < 20; ++i) {
    heap = FirstClassHeap::make(0);
    for (int n = 0; n < 400; ++n) CHECK(heap->allocate(20 * kKiB) != nullptr);
    heap->end();
    if (i == 3) before = space.reserved_bytes();
  }
  CHECK_EQ(space.reserved_bytes(), before);
}

TEST(malloc, "threads share a heap of one's own, and free each other's blocks") {
  FirstClassHeap* heap = FirstClassHeap::make(0);
  std::vector<void*> passed(2'000);
  bool good = true;
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 2; ++t) {
    threads.emplace_back([&, t] {
      for (std::size_t i = t * 1'000; i < (t + 1) * 1'000; ++i) {
        passed[i] = heap->allocate(300);
        fill(passed[i], 300 / 8 * 8, i);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (std::size_t i = 0; i < passed.size(); ++i)
    good = good && is_intact(passed[i], 300 / 8 * 8, i);
  CHECK(good);
  std::thread([&] {
    for (void* block : passed) deallocate(block);
  }).join();
  // What came home is taken again: the heap does not grow.
  const ByteCount before = FirstClassHeap::totals().committed_bytes;
  for (void*& block : passed) block = heap->allocate(300);
  CHECK_EQ(FirstClassHeap::totals().committed_bytes, before);
  for (void* block : passed) deallocate(block);
  CHECK(FirstClassHeap::trim_all() > 0);
  CHECK(FirstClassHeap::totals().committed_bytes < before);
  heap->end();
  CHECK_EQ(FirstClassHeap::trim_all(), 0u);
}

TEST(malloc, "idle memory of a heap of one's own goes back in time") {
  if (!has_setting("SUPERSLAB_MALLOC_PURGE_DELAY_MS", "1",
                   "malloc: idle memory of a heap of one's own goes back in time"))
    return;
  for (const bool is_alone : {true, false}) {
    FirstClassHeap* heap = FirstClassHeap::make(0);
    FirstClassHeap* other = is_alone ? nullptr : FirstClassHeap::make(0);
    std::vector<void*> blocks;
    for (int i = 0; i < 100; ++i) {
      blocks.push_back(heap->allocate(100 * kKiB));
      std::memset(blocks.back(), 1, 100 * kKiB);
    }
    for (void* block : blocks) deallocate(block);
    CHECK(FirstClassHeap::totals().committed_bytes >= 9 * kMiB);
    // As allocations bring it along; how many turns it takes is the clock's affair.
    while (FirstClassHeap::totals().committed_bytes > kMiB) FirstClassHeap::tick_all();
    heap->end();
    if (other != nullptr) other->end();
  }
}

TEST(malloc, "a heap of one's own has no huge pages where malloc has them") {
  if (!has_setting("SUPERSLAB_MALLOC_HUGE_PAGES", "1",
                   "malloc: a heap of one's own has no huge pages where malloc has them"))
    return;
  ProcessHeap& process = *ProcessHeap::get();
  CHECK_EQ(process.policy().huge_pages, HugePages::kTransparent);
  FirstClassHeap* heap = FirstClassHeap::make(0);
  for (const ByteCount bytes : {ByteCount{1000}, 100 * kKiB, 3 * kMiB})
    CHECK_EQ(process.space().superslab_of(heap->allocate(bytes)).pages, HugePages::kOff);
  heap->end();
}

TEST(malloc, "a heap of one's own leaves another allocator's block to that when it is resized") {
  FirstClassHeap* heap = FirstClassHeap::make(0);
  auto* block = static_cast<unsigned char*>(std::malloc(100));
  block[99] = 7;
  block = static_cast<unsigned char*>(heap->reallocate(block, 5000));
  CHECK(block != nullptr && !owns(block));
  CHECK_EQ(address_of(block) % 16, 0u);
  CHECK_EQ(block[99], 7);
  std::free(block);
  heap->end();
}

TEST(malloc, "any of several heaps can end, in any order, and the others stay") {
  const std::uint32_t before = FirstClassHeap::count();
  std::vector<FirstClassHeap*> heaps;
  for (int i = 0; i < 5; ++i) heaps.push_back(FirstClassHeap::make(0));
  for (const std::size_t i : {2u, 4u, 0u, 1u, 3u}) {
    CHECK(heaps[i]->allocate(100) != nullptr);
    heaps[i]->end();
    heaps[i] = nullptr;
    std::uint64_t left = 0;
    for (FirstClassHeap* heap : heaps) {
      if (heap == nullptr) continue;
      ++left;
      CHECK(heap->allocate(5000) != nullptr);
    }
    CHECK_EQ(FirstClassHeap::totals().heaps, before + left);
  }
}

TEST(malloc, "in check mode a heap that was deleted, or is none, ends the process") {
  if (!has_setting("SUPERSLAB_CHECK", "1",
                   "malloc: in check mode a heap that was deleted, or is none, ends the process"))
    return;
  FirstClassHeap* heap = FirstClassHeap::make(0);
  FirstClassHeap::check("ss_heap_malloc", heap);
  const auto said = [&] {
    return last_words_of([&] { FirstClassHeap::check("ss_heap_malloc", heap); });
  };
  CHECK_EQ(said(), std::string());
  void* block = heap->allocate(40 * kKiB);
  CHECK(last_words_of([&] { deallocate(static_cast<std::byte*>(block) + 64); }) != "");
  CHECK_EQ(address_of(heap->allocate(3 * kMiB)) % kSuperslabBytes, 0u);
  heap->end();
  CHECK(said().find("ss_heap_malloc(): ") != std::string::npos);
  CHECK(said().find("is not a heap") != std::string::npos);
}
