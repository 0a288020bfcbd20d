// Many threads on one heap through malloc's thread caches: blocks freed where they were not
// allocated, threads that come and go. Meant to run under ThreadSanitizer as well.

#include <mutex>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "check.h"
#include "heap_fixture.h"

using namespace superslab;
using namespace superslab_test;

namespace {

struct Block {
  void* at;
  ByteCount bytes;
  std::uint64_t seed;
};

/// Where threads leave blocks for each other.
class Exchange {
 public:
  void put(const Block& block) {
    const std::lock_guard guard(mutex_);
    blocks_.push_back(block);
  }
  bool take(Block& out) {
    const std::lock_guard guard(mutex_);
    if (blocks_.empty()) return false;
    out = blocks_.back();
    blocks_.pop_back();
    return true;
  }

 private:
  std::mutex mutex_;
  std::vector<Block> blocks_;
};

bool check_and_free(ThreadCache* cache, const Block& block) {
  const bool intact = is_intact(block.at, block.bytes, block.seed);
  cache->free(block.at);
  return intact;
}

}  // namespace

TEST(heap, "producers allocate, consumers free") {
  TestHeap t;
  Exchange exchange;
  std::atomic<int> producing{2};
  std::atomic<bool> intact{true};
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&, i] {
      ThreadCache* cache = t.attach();
      Random random(static_cast<std::uint64_t>(i) + 5);
      for (int op = 0; op < 20'000; ++op) {
        const ByteCount bytes = random.size(20'000);
        const Block block{cache->allocate(bytes), bytes, static_cast<std::uint64_t>(op)};
        fill(block.at, bytes, block.seed);
        exchange.put(block);
      }
      cache->detach();
      --producing;
    });
    threads.emplace_back([&] {
      ThreadCache* cache = t.attach();
      for (bool more = true; more;) {
        more = producing.load() != 0;
        for (Block block; exchange.take(block);) {
          if (!check_and_free(cache, block)) intact = false;
        }
      }
      cache->detach();
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(intact.load());
  CHECK_EQ(t->budget().charged(), 0u);
  t.pass(10'000);
  for (int i = 0; i < 3; ++i) t->tick();  // slabs stay for a new thread until the next tick
  CHECK_EQ(t->stats().slabs_made, t->stats().slabs_retired);
  CHECK(t.ends_clean());
}

TEST(heap, "threads come and go while their blocks travel") {
  TestHeap t;
  Exchange exchanges[4];
  std::atomic<bool> intact{true};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      Random random(static_cast<std::uint64_t>(i) + 77);
      for (int life = 0; life < 25; ++life) {
        ThreadCache* cache = t.attach();
        for (int op = 0; op < 500; ++op) {
          const ByteCount bytes = random.size(op % 100 == 0 ? 3 * kMiB : 9000);
          const Block block{cache->allocate(bytes), bytes, random.below(1 << 30)};
          fill(block.at, bytes, block.seed);
          exchanges[random.below(4)].put(block);
          Block other;
          for (std::uint64_t n = random.below(3); n > 0; --n) {
            if (exchanges[i].take(other) && !check_and_free(cache, other)) intact = false;
          }
        }
        cache->detach();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(intact.load());
  ThreadCache* last = t.attach();
  for (Exchange& exchange : exchanges) {
    for (Block block; exchange.take(block);) CHECK(check_and_free(last, block));
  }
  last->flush();
  CHECK_EQ(t->budget().charged(), 0u);
  for (std::size_t c = 0; c < kFixedClasses; ++c) {
    const ClassStats s = t->class_stats(static_cast<ClassIndex>(c));
    CHECK_EQ(s.acquires + s.releases + s.hits, 0u);
    CHECK_EQ(s.refilled_blocks, s.flushed_blocks);
    CHECK_EQ(s.in_use_blocks + s.cached_blocks, 0u);
  }
  CHECK_EQ(t->stats().double_frees, 0u);
  last->detach();
  for (int i = 0; i < 3; ++i) t->tick();
  CHECK_EQ(t->stats().slabs_made, t->stats().slabs_retired);
  CHECK(t.ends_clean());
}

TEST(heap, "two threads free into each other's slabs as fast as they can") {
  Policy policy = plain_policy();
  policy.cache_blocks = 1;  // every free is a remote free
  TestHeap t(policy);
  std::atomic<void*> mail[2] = {};
  std::vector<std::thread> threads;
  std::atomic<int> running{2};
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&, i] {
      ThreadCache* cache = t.attach();
      for (int op = 0; op < 30'000; ++op) {
        if (void* old = mail[1 - i].exchange(cache->allocate(3000))) cache->free(old);
        if (void* got = mail[i].exchange(nullptr)) cache->free(got);
      }
      --running;
      cache->detach();
    });
  }
  for (std::thread& thread : threads) thread.join();
  ThreadCache* last = t.attach();
  for (auto& box : mail) {
    if (void* p = box.load()) last->free(p);
  }
  last->detach();
  CHECK_EQ(t->stats().double_frees, 0u);
  for (int i = 0; i < 3; ++i) t->tick();
  CHECK_EQ(t->stats().slabs_made, t->stats().slabs_retired);
  CHECK(t.ends_clean());
}

TEST(heap, "threads never hold more than maxBytes together") {
  Policy policy = plain_policy();
  policy.max_bytes = 4 * kMiB;
  TestHeap t(policy);
  std::atomic<bool> over{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&, i] {
      ThreadCache* cache = t.attach();
      Random random(static_cast<std::uint64_t>(i) + 3);
      std::vector<void*> held;
      for (int op = 0; op < 20'000; ++op) {
        if (void* p = random.below(2) == 0 ? cache->allocate(random.size(400'000)) : nullptr) {
          held.push_back(p);
        } else if (!held.empty()) {
          cache->free(held.back());
          held.pop_back();
        }
        if (t->budget().charged() > policy.max_bytes) over = true;
      }
      for (void* p : held) cache->free(p);
      cache->detach();
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(!over.load());
  CHECK(t->budget().peak() <= policy.max_bytes);
  CHECK_EQ(t->budget().charged(), 0u);
  CHECK(t.ends_clean());
}

TEST(heap, "heaps are made, used and ended by several threads on one space") {
  TestSpace world(kTestArenas);
  SystemClock clock;
  std::atomic<bool> zero{true};
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&, i] {
      for (int life = 0; life < 30; ++life) {
        auto heap = std::make_unique<Heap>(*world.space, clock, plain_policy());
        ThreadCache* cache = ThreadCache::attach(*heap);
        void* blocks[3];
        for (void*& p : blocks) {
          p = cache->allocate(static_cast<ByteCount>(i + 1) * kMiB);
          // Fresh from the space, whoever had it before.
          if (!is_zero(p, static_cast<ByteCount>(i + 1) * kMiB)) zero = false;
          std::memset(p, 0xee, 100'000);
        }
        for (void* p : blocks) cache->free(p);
        cache->detach();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(zero.load());
  world.close();
  CHECK(world.is_balanced());
}
