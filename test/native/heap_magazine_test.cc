// Magazines of malloc's thread cache: a front cache without a heap, rows that are empty and full,
// what a spill keeps, blocks of other owners, and that no block is ever in two places.

#include <algorithm>
#include <set>
#include <thread>
#include <unordered_map>
#include <vector>

#include "check.h"
#include "heap_fixture.h"

using namespace superslab;
using namespace superslab_test;

namespace {

Policy limited_to(std::uint32_t blocks) {
  Policy policy = plain_policy();
  policy.cache_blocks = blocks;
  policy.cache_bytes = 128 * kMiB;  // so that the number alone counts
  return policy;
}

/// The most that a magazine keeps: of its places one is for the null pointer and one for the block
/// that makes it spill.
std::uint32_t max_kept(std::uint32_t cache_blocks) {
  return std::min(cache_blocks, kMagazineBlocks - 2);
}

std::vector<void*> allocate_many(ThreadCache* cache, ByteCount bytes, std::size_t count) {
  std::vector<void*> blocks;
  for (std::size_t i = 0; i < count; ++i) blocks.push_back(cache->allocate(bytes));
  return blocks;
}

bool all_differ(const std::vector<void*>& blocks) {
  return std::set<void*>(blocks.begin(), blocks.end()).size() == blocks.size() &&
         std::count(blocks.begin(), blocks.end(), nullptr) == 0;
}

}  // namespace

TEST(heap, "a front cache without a heap has no block and takes none") {
  constinit static FrontCache constant;
  FrontCache* volatile at = &constant;  // the compiler does not know what it is, as malloc does not
  FrontCache& none = *at;
  for (const ByteCount bytes : {ByteCount{0}, ByteCount{1}, kMaxSmallBytes, kMaxSmallBytes + 1,
                                kMaxMediumBytes, kMaxMediumBytes + 1, ~ByteCount{0}})
    CHECK(none.try_allocate(bytes) == nullptr);
  TestHeap t;
  ThreadCache* cache = t.attach();
  int local = 0;
  void* block = cache->allocate(100);
  for (void* p : {static_cast<void*>(&local), block, static_cast<void*>(nullptr),
                  reinterpret_cast<void*>(~std::uintptr_t{0})}) {
    CHECK(none.own_class(p) >= kFixedClasses);
    CHECK(!none.try_free(p));
  }
  cache->free(block);
  cache->detach();
  CHECK(t.ends_clean());
}

TEST(heap, "a thread cache without memory for itself lets its owner go") {
  TestHeap t;
  SlabOwner* owner = t->attach();  // so that no owner needs memory
  t->detach(owner);
  t.os().fail_nth(1, OsStatus::kNoMemory, FakeOs::Lasts::kFromThenOn);
  // What is left of the last chunk goes.
  for (ByteCount bytes = 64 * kKiB; bytes >= 128; bytes /= 2) {
    while (t.space().metadata().allocate(t.os(), bytes, 128) != nullptr) {
    }
  }
  CHECK(t.attach() == nullptr);
  CHECK(t->is_abandoned());
  t.os().fail_none();
  ThreadCache* cache = t.attach();
  CHECK(cache != nullptr);
  CHECK(&cache->owner() == owner);
  cache->detach();
  CHECK(t.ends_clean());
}

TEST(heap, "a fresh thread cache is empty in every class, and beyond them") {
  TestHeap t;
  ThreadCache* cache = t.attach();
  for (std::size_t i = 0; i < kFixedClasses; ++i) {
    if (class_bytes(i) <= kMaxMediumBytes) CHECK(cache->try_allocate(class_bytes(i)) == nullptr);
    CHECK_EQ(cache->cached(static_cast<ClassIndex>(i)), 0u);
  }
  for (const ByteCount bytes : {kMaxMediumBytes + 1, kMaxClassBytes, 5 * kMiB, ~ByteCount{0}})
    CHECK(cache->try_allocate(bytes) == nullptr);
  CHECK_EQ(t->budget().charged(), 0u);
  cache->detach();
  CHECK(t.ends_clean());
}

TEST(heap, "a block of a cache's own goes into its magazine and comes out again") {
  TestHeap t;
  ThreadCache* cache = t.attach();
  for (std::size_t i = 0; class_bytes(i) <= kMaxMediumBytes; ++i) {
    const auto c = static_cast<ClassIndex>(i);
    void* block = cache->allocate(class_bytes(i));
    CHECK_EQ(cache->own_class(block), i);
    CHECK(cache->cached(c) == 0);  // batches begin with one
    CHECK(cache->try_free(block));
    CHECK_EQ(cache->cached(c), 1u);
    CHECK(cache->try_allocate(class_bytes(i)) == block);
    CHECK(cache->try_allocate(class_bytes(i)) == nullptr);
    CHECK(cache->try_allocate(class_bytes(i)) == nullptr);  // refusing changes nothing
    CHECK_EQ(cache->cached(c), 0u);
    cache->free(block);
  }
  cache->detach();
  CHECK(t.ends_clean());
}

TEST(heap, "addresses that are no blocks of its own are not taken by a front cache") {
  TestHeap t;
  ThreadCache* cache = t.attach();
  ThreadCache* other = t.attach();
  void* mine = cache->allocate(100);
  void* foreign = other->allocate(100);
  void* huge = cache->allocate(5 * kMiB);
  void* beyond_medium = cache->allocate(kMaxMediumBytes + 1);
  int local = 0;
  const Region& region = t.space().region();
  const ClassIndex c = class_for(100);
  const std::uint32_t cached = cache->cached(c);
  for (void* p : {foreign, huge, beyond_medium, static_cast<void*>(&local),
                  static_cast<void*>(nullptr), reinterpret_cast<void*>(region.base - 1),
                  reinterpret_cast<void*>(region.base + region.slices * kSliceBytes),
                  reinterpret_cast<void*>(region.base + region.slices * kSliceBytes - 1),
                  reinterpret_cast<void*>(~std::uintptr_t{0})}) {
    CHECK(p == beyond_medium || cache->own_class(p) >= kFixedClasses);
    CHECK(!cache->try_free(p));
  }
  CHECK_EQ(cache->cached(c), cached);
  CHECK(cache->own_class(mine) < kFixedClasses && other->own_class(mine) >= kFixedClasses);
  for (void* p : {mine, foreign, huge, beyond_medium}) cache->free(p);
  cache->detach();
  other->detach();
  CHECK(t.ends_clean());
}

TEST(heap, "every limit in every class: a magazine keeps so many, then the older half goes") {
  for (const std::uint32_t limit : {1u, 2u, 3u, 7u, 8u, 31u, 61u, 62u, 63u, 64u}) {
    const std::uint32_t max = max_kept(limit);
    TestHeap t(limited_to(limit));
    ThreadCache* cache = t.attach();
    for (std::size_t i = 0; class_bytes(i) <= kMaxMediumBytes; ++i) {
      const Context context(std::to_string(limit) + " of " + std::to_string(class_bytes(i)));
      const auto c = static_cast<ClassIndex>(i);
      std::vector<void*> blocks = allocate_many(cache, class_bytes(i), max + 1);
      CHECK(all_differ(blocks));
      // What the last batch brought too much is taken as well.
      while (void* more = cache->try_allocate(class_bytes(i))) blocks.push_back(more);
      const ByteCount charged = t->budget().charged();
      for (std::uint32_t n = 0; n < max; ++n) {
        cache->free(blocks[n]);
        CHECK_EQ(cache->cached(c), n + 1);
      }
      CHECK_EQ(t->budget().charged(), charged);
      cache->free(blocks[max]);
      const std::uint32_t kept = (max + 1) / 2;
      CHECK_EQ(cache->cached(c), kept);
      CHECK_EQ(charged - t->budget().charged(), (max + 1 - kept) * class_bytes(i));
      // Those that stayed are the last ones, and the very last is the first to come.
      for (std::uint32_t n = 0; n < kept; ++n)
        CHECK(cache->try_allocate(class_bytes(i)) == blocks[max - n]);
      CHECK(cache->try_allocate(class_bytes(i)) == nullptr);
      for (std::uint32_t n = 0; n < kept; ++n) cache->free(blocks[max - n]);
      for (std::size_t n = max + 1; n < blocks.size(); ++n) cache->free(blocks[n]);
      cache->flush();
      CHECK_EQ(t->budget().charged(), 0u);
      CHECK_EQ(cache->cached(c), 0u);
    }
    cache->detach();
    CHECK(t.ends_clean());
  }
}

TEST(heap, "a thread that only frees keeps less and less, until it allocates again") {
  TestHeap t(limited_to(64));
  ThreadCache* cache = t.attach();
  const ClassIndex c = class_for(64);
  std::vector<void*> blocks = allocate_many(cache, 64, 1000);
  while (void* more = cache->try_allocate(64)) blocks.push_back(more);
  std::uint32_t highest = 0;
  std::vector<std::uint32_t> after_spill;
  std::uint32_t before = 0;
  for (std::size_t i = 0; i < 900; ++i) {
    cache->free(blocks[i]);
    const std::uint32_t now = cache->cached(c);
    if (now <= before) {
      after_spill.push_back(now);
      highest = 0;
    }
    highest = std::max(highest, now);
    before = now;
  }
  // Twice half, then nothing, and what lies there between two spills is little.
  CHECK_EQ(after_spill[0], 31u);
  CHECK_EQ(after_spill[1], 31u);
  for (std::size_t i = 2; i < after_spill.size(); ++i) CHECK_EQ(after_spill[i], 0u);
  CHECK(highest <= 31);  // at most half as many as otherwise
  // A refill forgets it: the magazine is as large as ever.
  std::vector<void*> again;
  while (void* block = cache->try_allocate(64)) again.push_back(block);
  again.push_back(cache->allocate(64));
  for (int i = 0; i < 100; ++i) again.push_back(cache->allocate(64));
  while (void* more = cache->try_allocate(64)) again.push_back(more);
  CHECK(all_differ(again));
  for (std::size_t i = 0; i < 62; ++i) cache->free(again[i]);
  CHECK_EQ(cache->cached(c), 62u);
  for (std::size_t i = 62; i < again.size(); ++i) cache->free(again[i]);
  for (std::size_t i = 900; i < blocks.size(); ++i) cache->free(blocks[i]);
  cache->detach();
  CHECK(t.ends_clean());
}

TEST(heap, "a flushed cache is as a fresh one") {
  TestHeap t(limited_to(62));
  ThreadCache* cache = t.attach();
  std::vector<void*> blocks;
  for (const ByteCount bytes : {ByteCount{16}, ByteCount{1024}, ByteCount{1025}, kMaxMediumBytes}) {
    for (void* p : allocate_many(cache, bytes, 40)) blocks.push_back(p);
  }
  for (void* p : blocks) cache->free(p);
  cache->flush();
  for (std::size_t i = 0; i < kFixedClasses; ++i) {
    CHECK_EQ(cache->cached(static_cast<ClassIndex>(i)), 0u);
    if (class_bytes(i) <= kMaxMediumBytes) CHECK(cache->try_allocate(class_bytes(i)) == nullptr);
  }
  CHECK_EQ(t->budget().charged(), 0u);
  CHECK_EQ(t->stats().slabs_made, t->stats().slabs_retired);
  // Batches begin with one again.
  void* one = cache->allocate(16);
  CHECK_EQ(cache->cached(class_for(16)), 0u);
  cache->free(one);
  cache->flush();
  cache->flush();
  cache->detach();
  CHECK(t.ends_clean());
}

TEST(heap, "blocks of others wait, but never more than 128 KiB of them") {
  TestHeap t;
  ThreadCache* owner = t.attach();
  ThreadCache* other = t.attach();
  for (const ByteCount bytes : {ByteCount{64}, ByteCount{4096}, 28 * kKiB, 100 * kKiB, kMiB}) {
    const Context context(std::to_string(bytes));
    const ByteCount unit = class_bytes(to_index(class_for(bytes)));
    std::vector<void*> blocks = allocate_many(owner, bytes, 300'000 / bytes + 20);
    owner->flush();
    const ByteCount charged = t->budget().charged();
    CHECK_EQ(charged, blocks.size() * unit);
    bool waited = false;
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      other->free(blocks[i]);
      const ByteCount freed = (i + 1) * unit;
      const ByteCount home = charged - t->budget().charged();
      CHECK(home <= freed);
      CHECK(freed - home <= 128 * kKiB);
      waited |= home < freed;
    }
    CHECK_EQ(waited, unit <= 128 * kKiB);
    other->flush();
    CHECK_EQ(t->budget().charged(), 0u);
    owner->flush();
  }
  CHECK_EQ(t->stats().double_frees, 0u);
  owner->detach();
  other->detach();
  CHECK(t.ends_clean());
}

TEST(heap, "blocks of very many slabs wait no longer than those of a few") {
  TestHeap t;
  ThreadCache* owner = t.attach();
  ThreadCache* other = t.attach();
  // Every block in a slab or word of its own.
  std::vector<void*> all = allocate_many(owner, 16, 64 * 200);
  std::vector<void*> apart;
  std::vector<void*> rest;
  for (std::size_t i = 0; i < all.size(); ++i) (i % 64 == 7 ? apart : rest).push_back(all[i]);
  for (void* p : rest) owner->free(p);
  owner->flush();
  CHECK_EQ(t->budget().charged(), apart.size() * 16);
  for (std::size_t i = 0; i < apart.size(); ++i) {
    other->free(apart[i]);
    const ByteCount home = apart.size() - t->budget().charged() / 16;
    CHECK(i + 1 - home <= 64);
  }
  other->flush();
  CHECK_EQ(t->budget().charged(), 0u);
  owner->detach();
  other->detach();
  CHECK(t.ends_clean());
}

TEST(heap, "the outbox goes home when its thread ends") {
  TestHeap t;
  ThreadCache* owner = t.attach();
  ThreadCache* other = t.attach();
  void* block = owner->allocate(100);
  owner->flush();
  other->free(block);
  CHECK(t->budget().charged() != 0);
  other->detach();
  CHECK_EQ(t->budget().charged(), 0u);
  owner->detach();
  CHECK(t.ends_clean());
}

TEST(heap, "random operations on several caches: no block is in two places") {
  for (const std::uint32_t limit : {1u, 5u, 64u}) {
    TestHeap t(limited_to(limit));
    constexpr std::size_t kCaches = 3;
    ThreadCache* caches[kCaches];
    for (ThreadCache*& cache : caches) cache = t.attach();
    struct Held {
      ByteCount bytes;
      std::uint64_t seed;
    };
    std::unordered_map<void*, Held> out;
    std::vector<void*> order;
    Random random(limit);
    constexpr ByteCount kSizes[] = {16,   64,        100,       1000,      1025,
                                    9000, 32 * kKiB, 40 * kKiB, 200 * kKiB};
    for (std::uint64_t op = 0; op < 40'000; ++op) {
      ThreadCache*& cache = caches[random.below(kCaches)];
      // Waves of allocations and of frees, so that magazines run full and empty.
      const bool grows = (op / 700) % 2 == 0;
      if (order.empty() || (order.size() < 900 && random.below(100) < (grows ? 80u : 20u))) {
        const ByteCount bytes = kSizes[random.below(std::size(kSizes))];
        void* p = cache->try_allocate(bytes);
        if (p == nullptr) p = cache->allocate(bytes);
        CHECK(p != nullptr);
        CHECK(out.emplace(p, Held{bytes, op}).second);
        fill(p, bytes, op);
        order.push_back(p);
      } else {
        std::swap(order[random.below(order.size())], order.back());
        void* p = order.back();
        order.pop_back();
        const Held held = out[p];
        CHECK(is_intact(p, held.bytes, held.seed));
        out.erase(p);
        cache->free(p);
      }
      if (op % 997 == 0) cache->flush();
      if (op % 1999 == 0) {
        cache->detach();
        cache = t.attach();
      }
      if (op % 512 == 0) {
        t.pass(500);
        t->tick();
        t->purger().settle();
      }
    }
    for (void* p : order) {
      CHECK(is_intact(p, out[p].bytes, out[p].seed));
      caches[0]->free(p);
    }
    for (ThreadCache* cache : caches) cache->detach();
    CHECK_EQ(t->stats().double_frees, 0u);
    CHECK_EQ(t->budget().charged(), 0u);
    for (std::size_t c = 0; c < kFixedClasses; ++c) {
      const ClassStats s = t->class_stats(static_cast<ClassIndex>(c));
      CHECK_EQ(s.refilled_blocks, s.flushed_blocks);
      CHECK_EQ(s.in_use_blocks + s.cached_blocks, 0u);
    }
    for (int i = 0; i < 3; ++i) t->trim(0);
    CHECK_EQ(t->stats().slabs_made, t->stats().slabs_retired);
    CHECK(t.ends_clean());
  }
}

TEST(heap, "threads that pass blocks on: no block is with two of them") {
  TestHeap t(limited_to(6));
  constexpr int kThreads = 3;
  std::atomic<void*> mail[16] = {};
  std::atomic<bool> good{true};
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      ThreadCache* cache = t.attach();
      Random random(static_cast<std::uint64_t>(i) + 1);
      const auto mark = static_cast<std::uint64_t>(i) + 1;
      for (std::uint64_t op = 0; op < 20'000; ++op) {
        constexpr ByteCount kSizes[] = {32, 500, 5000, 70'000};
        const ByteCount bytes = kSizes[random.below(std::size(kSizes))];
        auto* p = static_cast<std::uint64_t*>(cache->allocate(bytes));
        // The first word says whose it is while it is out: somebody else's mark would stay.
        p[0] = mark << 32 | op;
        p[1] = ~p[0];
        auto* old = static_cast<std::uint64_t*>(mail[random.below(std::size(mail))].exchange(p));
        if (old != nullptr) {
          if (old[1] != ~old[0]) good = false;
          old[0] = old[1] = 0;
          cache->free(old);
        }
        if (op % 3000 == 2999) {
          cache->detach();
          cache = t.attach();
        }
      }
      cache->detach();
    });
  }
  // Somebody looks on: what statistics read is what the threads are writing.
  std::thread looking([&] {
    while (!stop.load()) {
      for (std::size_t c = 0; c < kFixedClasses; ++c)
        (void)t->class_stats(static_cast<ClassIndex>(c));
      t->tick();
      t->purger().settle();
    }
  });
  for (std::thread& thread : threads) thread.join();
  stop = true;
  looking.join();
  CHECK(good.load());
  ThreadCache* last = t.attach();
  for (auto& box : mail) {
    if (void* p = box.load()) last->free(p);
  }
  last->detach();
  CHECK_EQ(t->stats().double_frees, 0u);
  CHECK_EQ(t->budget().charged(), 0u);
  for (int i = 0; i < 3; ++i) t->trim(0);
  CHECK_EQ(t->stats().slabs_made, t->stats().slabs_retired);
  CHECK(t.ends_clean());
}

TEST(heap,
     "a magazine that nobody used since the heap last grew is given back when it grows again") {
  TestHeap t;
  ThreadCache* cache = t.attach();
  const ClassIndex c = class_for(100);
  cache->free(cache->allocate(100));
  std::vector<void*> blocks;
  const auto grow = [&] { blocks.push_back(cache->allocate(kMaxClassBytes)); };
  grow();
  CHECK(cache->cached(c) != 0);
  cache->free(cache->allocate(300));
  grow();
  CHECK_EQ(cache->cached(c), 0u);
  CHECK(cache->cached(class_for(300)) != 0);  // the last growth did not see it
  grow();
  CHECK_EQ(cache->cached(class_for(300)), 0u);
  for (void* block : blocks) cache->free(block);
  cache->detach();
  CHECK(t.ends_clean());
}
