// Idle memory goes back to the operating system: when, how much, and what happens meanwhile.

#include <functional>
#include <thread>
#include <vector>

#include "check.h"
#include "heap_fixture.h"

using namespace superslab;
using namespace superslab_test;

namespace {

Policy purge_policy(std::uint32_t delay_ms) {
  Policy policy = plain_policy();
  policy.purge_delay_ms = Millis{delay_ms};
  return policy;
}

/// Runs something while a purge is under way, before or after the memory has gone.
class InterruptedOs final : public OsProxy {
 public:
  using OsProxy::OsProxy;
  std::function<void()> before_purge;
  OsStatus purge(const OsRange* ranges, std::size_t count) override {
    if (auto act = std::exchange(before_purge, nullptr)) act();
    return OsProxy::purge(ranges, count);
  }
};

void fill_all(ThreadCache* cache, std::vector<void*>& blocks, ByteCount size, int count) {
  for (int i = 0; i < count; ++i) {
    blocks.push_back(cache->allocate(size));
    std::memset(blocks.back(), 0xa5, size);
  }
}

}  // namespace

TEST(heap, "a superslab in use of which nothing lies idle needs no second look") {
  TestHeap t(purge_policy(1000));
  ThreadCache* cache = t.attach();
  void* block = cache->allocate(64);
  t.pass(5000);
  t->tick();
  CHECK(!t->tick());
  cache->free(block);
  cache->flush();
  t.pass(999);
  CHECK(t->tick());
  cache->detach();
}

TEST(heap, "free memory is purged after the delay, not before, and reads as zero") {
  TestHeap t(purge_policy(1000));
  ThreadCache* cache = t.attach();
  t.pass(5000);
  std::vector<void*> blocks;
  fill_all(cache, blocks, 60'000, 64);  // two superslabs
  const ByteCount committed = t->committed_bytes();
  CHECK(committed >= 64 * 60'000);
  for (void* p : blocks) cache->free(p);
  cache->flush();
  CHECK_EQ(t->committed_bytes(), committed);
  t.pass(999);
  CHECK(t->tick());
  CHECK_EQ(t->committed_bytes(), committed);
  CHECK_EQ(t->stats().purges, 0u);
  t.pass(1);
  CHECK(!t->tick());
  CHECK_EQ(t->committed_bytes(), 0u);
  CHECK_EQ(t->stats().purged_bytes, committed);
  CHECK_EQ(t->stats().purges, 1u);
  for (void* p : blocks) CHECK(is_zero(p, 60'000));
  cache->detach();
  CHECK(t.ends_clean());
}

TEST(heap, "of a superslab in use only the free slices are purged") {
  TestHeap t(purge_policy(10));
  ThreadCache* cache = t.attach();
  std::vector<void*> blocks;
  fill_all(cache, blocks, 64 * kKiB, 20);  // three slabs, with what is cached
  void* kept = cache->allocate(100);
  std::memset(kept, 0x77, 100);
  for (void* p : blocks) cache->free(p);
  cache->flush();
  t.pass(1000);
  t->tick();
  CHECK_EQ(t->committed_bytes(), kSliceBytes);  // the slab of the block that is kept
  CHECK_EQ(t->stats().superslabs_given, 0u);
  CHECK_EQ(static_cast<unsigned char*>(kept)[99], 0x77);
  for (void* p : blocks) CHECK(is_zero(p, 64 * kKiB));
  // What was purged is used again without a new superslab.
  const std::uint64_t taken = t->stats().superslabs_taken;
  blocks.clear();
  fill_all(cache, blocks, 64 * kKiB, 16);
  CHECK_EQ(t->stats().superslabs_taken, taken);
  for (void* p : blocks) cache->free(p);
  cache->free(kept);
  cache->detach();
  CHECK(t.ends_clean());
}

TEST(heap, "committed bytes follow slabs that are made from purged, dirty and fresh slices") {
  TestHeap t(purge_policy(0));
  ThreadCache* cache = t.attach();
  Random random(3);
  std::vector<std::pair<void*, ByteCount>> held;
  for (int i = 0; i < 3000; ++i) {
    if (held.size() < 60 && random.below(2) == 0) {
      const ByteCount bytes = 20'000 + random.below(300'000);
      held.push_back({cache->allocate(bytes), bytes});
      fill(held.back().first, bytes, 5);
    } else if (!held.empty()) {
      const std::size_t which = random.below(held.size());
      CHECK(is_intact(held[which].first, held[which].second, 5));
      cache->free(held[which].first);
      held[which] = held.back();
      held.pop_back();
    }
    if (i % 50 == 0) {
      cache->flush();
      t.pass(1);
      t->tick();
      // All that is committed lies in slabs: the blocks that are out, and at most as much again
      // and a slab a class for the rest of their slabs.
      CHECK(t->committed_bytes() >= t->budget().charged());
      CHECK(t->committed_bytes() <= 10 * t->budget().charged() + 64 * 768 * kKiB);
    }
  }
  for (const auto& [p, bytes] : held) cache->free(p);
  cache->flush();
  t->trim(0);
  CHECK_EQ(t->committed_bytes(), 0u);
  cache->detach();
  CHECK(t.ends_clean());
}

TEST(heap, "what a thread that rests left free goes back each time, not the first time alone") {
  TestHeap t(purge_policy(100));
  ThreadCache* cache = t.attach();
  ThreadCache* other = t.attach();
  const auto settle = [&] {
    // The first look notes that the owner has been at work; then it must rest for the delay.
    t->purger().give_back_unused(t.clock.now() - 100 * kMillisecond);
    t.pass(101);
    while (t->purger().give_back_unused(t.clock.now() - 100 * kMillisecond)) {
    }
  };
  t.pass(5000);
  std::vector<void*> kept;
  fill_all(cache, kept, 1000, 10);
  for (int round = 0; round < 4; ++round) {
    std::vector<void*> blocks;
    fill_all(cache, blocks, 1000, 3000);
    fill_all(cache, blocks, 60'000, 40);
    const ByteCount committed = t->committed_bytes();
    // In odd rounds another thread frees, and the owner does nothing at all.
    if (round % 2 != 0) settle();
    for (void* p : blocks) (round % 2 == 0 ? cache : other)->free(p);
    // A flush would dissolve what is unused: this owner's thread rests as soon as it has freed.
    if (round % 2 != 0) other->flush();
    settle();
    const Context context("round " + std::to_string(round));
    CHECK(committed > 4 * kMiB);
    CHECK(t->committed_bytes() <= 8 * kSliceBytes);
    for (void* p : kept) CHECK_EQ(static_cast<unsigned char*>(p)[999], 0xa5);
  }
  for (void* p : kept) cache->free(p);
  cache->detach();
  other->detach();
  CHECK(t.ends_clean());
}

TEST(heap, "free pages go back between blocks in use, and of those not a byte is lost") {
  TestHeap t;
  ThreadCache* cache = t.attach();
  for (std::size_t c = 0; c < kFixedClasses; ++c) {
    const ByteCount bytes = class_bytes(c);
    const Context context(std::to_string(bytes) + " bytes");
    // Out: first and last ones, single ones, two neighbours. Most are free, and no two runs alike.
    const std::size_t count = std::max<std::size_t>(2 * kSliceBytes / bytes, 64);
    std::vector<void*> blocks;
    for (std::size_t i = 0; i < count; ++i) blocks.push_back(cache->allocate(bytes));
    std::vector<void*> out;
    for (std::size_t i = 0; i < count; ++i) {
      std::memset(blocks[i], 0xa5, bytes);
      const std::size_t part = i % std::max<std::size_t>(20'000 / bytes, 7);
      if (i == 0 || i + 1 == count || part == 3 || part == 4) {
        out.push_back(blocks[i]);
      } else {
        cache->free(blocks[i]);
      }
    }
    cache->flush();
    const ByteCount before = t.os().totals().purged;
    ByteCount gone = 0;
    while (cache->owner().purge_pages(gone)) {
    }
    CHECK_EQ(t.os().totals().purged - before, gone);
    if (bytes <= 4096) CHECK(gone > 0);
    for (void* p : out) {
      for (ByteCount i = 0; i < bytes; ++i) CHECK_EQ(static_cast<unsigned char*>(p)[i], 0xa5);
    }
    for (void* p : out) cache->free(p);
    cache->flush();
  }
  cache->detach();
  CHECK_EQ(t.os().misuse().total(), 0u);
  CHECK(t.ends_clean());
}

TEST(heap, "trim purges until the target and says how much went") {
  TestHeap t(purge_policy(100'000));
  ThreadCache* cache = t.attach();
  std::vector<void*> blocks;
  fill_all(cache, blocks, 2 * kMiB, 10);
  for (void* p : blocks) cache->free(p);
  cache->free(cache->allocate(5 * kMiB));
  cache->flush();
  CHECK_EQ(t->committed_bytes(), 25 * kMiB);
  CHECK_EQ(t->trim(30 * kMiB), 0u);
  CHECK_EQ(t->trim(25 * kMiB), 0u);
  CHECK_EQ(t->trim(21 * kMiB), 5 * kMiB);  // what is beyond 2 MiB goes first
  CHECK_EQ(t->trim(11 * kMiB), 10 * kMiB);
  CHECK_EQ(t->committed_bytes(), 10 * kMiB);
  CHECK_EQ(t->trim(0), 10 * kMiB);
  CHECK_EQ(t->trim(0), 0u);
  cache->detach();
  CHECK(t.ends_clean());
}

TEST(heap, "slabs made while a purge is under way get none of its slices") {
  FakeOs fake(system_os());
  {
    InterruptedOs os(fake);
    auto space = std::make_unique<Space>();
    CHECK(space->open(os, superslab_test::kTestArenas));
    ManualClock clock;
    auto heap = std::make_unique<Heap>(*space, clock, purge_policy(0));
    ThreadCache* cache = ThreadCache::attach(*heap);
    std::vector<void*> blocks;
    std::vector<void*> meanwhile;
    fill_all(cache, blocks, 64 * kKiB, 16);
    void* kept = cache->allocate(100);
    for (void* p : blocks) cache->free(p);
    cache->flush();
    const std::uint64_t taken = heap->stats().superslabs_taken;
    os.before_purge = [&] { fill_all(cache, meanwhile, 64 * kKiB, 8); };
    clock.advance(1);
    heap->tick();
    CHECK(os.before_purge == nullptr);
    for (void* p : meanwhile) {
      for (ByteCount i = 0; i < 64 * kKiB; ++i) CHECK_EQ(static_cast<unsigned char*>(p)[i], 0xa5);
    }
    CHECK(heap->stats().superslabs_taken <= taken + 1);
    // A slab retired while a purge is under way, then all of it once more.
    for (void* p : meanwhile) cache->free(p);
    os.before_purge = [&] {
      cache->free(kept);
      cache->flush();
      heap->tick();  // a second purge inside the first
    };
    cache->flush();
    clock.advance(1);
    heap->tick();
    clock.advance(1);
    CHECK(!heap->tick());
    CHECK_EQ(heap->committed_bytes(), 0u);
    CHECK_EQ(heap->stats().superslabs_taken, heap->stats().superslabs_given);
    cache->detach();
    heap.reset();
    space->close();
  }
  CHECK_EQ(fake.misuse().total(), 0u);
  CHECK_EQ(fake.reserved_bytes(), 0u);
}

TEST(heap, "a superslab whose last slab goes while the rest is being purged is given back") {
  FakeOs fake(system_os());
  {
    InterruptedOs os(fake);
    auto space = std::make_unique<Space>();
    CHECK(space->open(os, superslab_test::kTestArenas));
    ManualClock clock;
    auto heap = std::make_unique<Heap>(*space, clock, purge_policy(0));
    ThreadCache* cache = ThreadCache::attach(*heap);
    void* kept = cache->allocate(64 * kKiB);
    void* other = cache->allocate(100);
    cache->free(other);
    cache->flush();
    // The inner purge takes the slices that the outer one does not have; neither sees the
    // superslab whole.
    os.before_purge = [&] {
      cache->free(kept);
      cache->flush();
      heap->tick();
      CHECK_EQ(heap->stats().superslabs_given, 0u);
    };
    clock.advance(1);
    heap->tick();
    clock.advance(1);
    CHECK(!heap->tick());  // clean and whole, though nothing is committed
    CHECK_EQ(heap->stats().superslabs_given, 1u);
    cache->detach();
    heap.reset();
    space->close();
  }
  CHECK_EQ(fake.reserved_bytes(), 0u);
}

TEST(heap, "memory that cannot be purged stays where it was, and goes when it can") {
  TestHeap t(purge_policy(0));
  ThreadCache* cache = t.attach();
  std::vector<void*> blocks;
  fill_all(cache, blocks, 64 * kKiB, 10);
  void* kept = cache->allocate(100);
  for (void* p : blocks) cache->free(p);
  cache->free(cache->allocate(3 * kMiB));
  cache->free(cache->allocate(2 * kMiB));
  cache->flush();
  t.pass(10'000);
  const ByteCount committed = t->committed_bytes();
  t.os().fail_nth(FakeOs::Call::kPurge, 1, OsStatus::kNoMemory, FakeOs::Lasts::kFromThenOn);
  CHECK(t->tick());
  CHECK_EQ(t->trim(0), 0u);
  CHECK_EQ(t->committed_bytes(), committed);
  CHECK_EQ(t->stats().purged_bytes, 0u);
  CHECK_EQ(t->stats().big_cache_bytes, 3 * kMiB);
  // It is of use meanwhile.
  const std::uint64_t taken = t->stats().superslabs_taken;
  void* again = cache->allocate(3 * kMiB);
  CHECK_EQ(t->stats().superslabs_taken, taken);
  cache->free(again);
  // The batch fails, its parts go one by one.
  t.os().fail_nth(FakeOs::Call::kPurge, 1, OsStatus::kNoMemory);
  CHECK(t->trim(0) > 0);
  CHECK_EQ(t->committed_bytes(), kSliceBytes);
  cache->free(kept);
  cache->detach();
  CHECK(t.ends_clean());
}

TEST(heap, "a heap that ends where nothing can be purged leaves zeros") {
  TestHeap t(purge_policy(0));
  ThreadCache* cache = t.attach();
  auto* small = static_cast<std::byte*>(cache->allocate(1000));
  auto* huge = static_cast<std::byte*>(cache->allocate(3 * kMiB));
  std::memset(small, 1, 1000);
  std::memset(huge, 1, 3 * kMiB);
  cache->free(small);
  cache->free(huge);
  cache->detach();
  t.os().fail_nth(FakeOs::Call::kPurge, 1, OsStatus::kUnsupported, FakeOs::Lasts::kFromThenOn);
  t.heap.reset();
  CHECK(is_zero(small, 1000));
  CHECK(is_zero(huge, 3 * kMiB));
  t.world.close();
  CHECK(t.world.is_balanced());
}

TEST(heap, "explicit huge pages are not purged and stay with those who ask for them") {
  Policy policy = purge_policy(0);
  policy.huge_pages = HugePages::k2MiB;
  TestHeap t(policy);
  t.os().set_huge_pages(HugePages::k2MiB, 4);
  ThreadCache* cache = t.attach();
  void* p = cache->allocate(1000);
  CHECK_EQ(t.os().free_huge_pages(HugePages::k2MiB), 3u);
  cache->free(p);
  cache->flush();
  t.pass(1000);
  CHECK(!t->tick());
  CHECK_EQ(t->trim(0), 0u);
  CHECK_EQ(t->committed_bytes(), kSuperslabBytes);
  CHECK_EQ(t->stats().huge_page_fallbacks, 0u);
  void* huge = cache->allocate(9 * kMiB);
  CHECK_EQ(t->stats().huge_page_fallbacks, 5u);
  cache->free(huge);
  t.pass(100'000);
  t->tick();
  CHECK_EQ(t->committed_bytes(), kSuperslabBytes);
  cache->detach();
  CHECK(t.ends_clean());
}

TEST(heap, "several threads tick and trim while others allocate") {
  Policy policy = purge_policy(0);
  policy.cache_blocks = 4;
  TestHeap t(policy);
  std::atomic<bool> stop{false};
  std::atomic<bool> intact{true};
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&, i] {
      while (!stop.load()) i == 0 ? void(t->tick()) : void(t->trim(0));
    });
  }
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&, i] {
      Random random(static_cast<std::uint64_t>(i) + 11);
      for (int life = 0; life < 20; ++life) {
        ThreadCache* cache = t.attach();
        std::vector<std::pair<void*, ByteCount>> held;
        for (int op = 0; op < 150; ++op) {
          const ByteCount bytes = 1 + random.size(3 * kMiB);
          held.push_back({cache->allocate(bytes), bytes});
          fill(held.back().first, bytes, 17);
          if (held.size() < 20) continue;
          const std::size_t which = random.below(held.size());
          if (!is_intact(held[which].first, held[which].second, 17)) intact = false;
          cache->free(held[which].first);
          held[which] = held.back();
          held.pop_back();
          if (op % 10 == 0) cache->flush();
        }
        for (const auto& [p, bytes] : held) {
          if (!is_intact(p, bytes, 17)) intact = false;
          cache->free(p);
        }
        cache->detach();
      }
    });
  }
  for (std::size_t i = 2; i < threads.size(); ++i) threads[i].join();
  stop = true;
  threads[0].join();
  threads[1].join();
  CHECK(intact.load());
  t->trim(0);
  CHECK_EQ(t->committed_bytes(), 0u);
  // A superslab that became free while it was being purged holds no memory, so trim() may leave it.
  CHECK(!t->tick());
  CHECK_EQ(t->stats().superslabs_taken, t->stats().superslabs_given);
  CHECK(t.ends_clean());
}
