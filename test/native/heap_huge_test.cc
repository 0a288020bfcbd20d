// Blocks beyond 2 MiB and the big cache.

#include <vector>

#include "check.h"
#include "heap/huge.h"
#include "heap_fixture.h"

using namespace superslab;
using namespace superslab_test;

namespace {

Policy big_policy(ByteCount cache, std::uint32_t age_ms = 2000) {
  Policy policy = plain_policy();
  policy.big_cache_bytes = cache;
  policy.big_cache_age_ms = Millis{age_ms};
  return policy;
}

}  // namespace

TEST(heap, "what a block beyond 2 MiB commits") {
  CHECK_EQ(huge_block_bytes(2 * kMiB + 1, HugePages::kOff), 2 * kMiB + 64 * kKiB);
  CHECK_EQ(huge_block_bytes(3 * kMiB, HugePages::kOff), 3 * kMiB);
  // Half a superslab or more of the last one: taken whole for its huge page.
  CHECK_EQ(huge_block_bytes(3 * kMiB, HugePages::kTransparent), 4 * kMiB);
  CHECK_EQ(huge_block_bytes(3 * kMiB - 1, HugePages::kTransparent), 3 * kMiB);
  CHECK_EQ(huge_block_bytes(2 * kMiB + 1, HugePages::k2MiB), 4 * kMiB);
  CHECK_EQ(huge_block_bytes(kMaxHugeBytes, HugePages::kTransparent), kMaxHugeBytes);
}

TEST(heap, "a freed huge block is kept and serves the next request of about its size") {
  TestHeap t(big_policy(64 * kMiB));
  ThreadCache* cache = t.attach();
  void* a = cache->allocate(8 * kMiB);
  void* b = cache->allocate(5 * kMiB);
  CHECK_EQ(t->stats().huge_misses, 2u);
  CHECK_EQ(t->committed_bytes(), 13 * kMiB);
  cache->free(a);
  cache->free(b);
  CHECK_EQ(t->stats().big_cache_bytes, 13 * kMiB);
  CHECK_EQ(t->budget().charged(), 0u);
  CHECK_EQ(t->committed_bytes(), 13 * kMiB);
  // Best fit, and at most a quarter too large.
  CHECK(cache->allocate(4 * kMiB) == b);
  CHECK_EQ(t->budget().charged(), 4 * kMiB);  // charged for what was asked
  void* c = cache->allocate(6 * kMiB);        // 8 MiB is more than 7.5
  CHECK(c != a && c != b);
  CHECK(cache->allocate(6 * kMiB + 512 * kKiB) == a);
  CHECK_EQ(t->stats().huge_hits, 2u);
  CHECK_EQ(t->stats().huge_misses, 3u);
  for (void* p : {a, b, c}) cache->free(p);
  cache->detach();
  CHECK(t.ends_clean());
}

TEST(heap, "the smallest cached block that fits is taken") {
  TestHeap t(big_policy(64 * kMiB));
  ThreadCache* cache = t.attach();
  void* huge = cache->allocate(10 * kMiB);
  void* fitting = cache->allocate(9 * kMiB);
  void* larger = cache->allocate(9 * kMiB + 64 * kKiB);
  for (void* p : {fitting, huge, larger}) cache->free(p);
  CHECK(cache->allocate(9 * kMiB - 1000) == fitting);
  CHECK(cache->allocate(9 * kMiB) == larger);
  CHECK(cache->allocate(9 * kMiB) == huge);
  for (void* p : {fitting, huge, larger}) cache->free(p);
  cache->detach();
  CHECK(t.ends_clean());
}

TEST(heap, "the big cache is bounded in bytes: the oldest goes first") {
  TestHeap t(big_policy(12 * kMiB));
  ThreadCache* cache = t.attach();
  void* blocks[3];
  for (void*& p : blocks) p = cache->allocate(5 * kMiB);
  for (void* p : blocks) {
    std::memset(p, 1, 5 * kMiB);
    t.pass(1);
    cache->free(p);
    CHECK(t->stats().big_cache_bytes <= 12 * kMiB);
  }
  CHECK_EQ(t->committed_bytes(), 10 * kMiB);
  CHECK_EQ(t->stats().purged_bytes, 5 * kMiB);
  CHECK(is_zero(blocks[0], 5 * kMiB));
  CHECK(!is_zero(blocks[1], 5 * kMiB));
  cache->detach();
  CHECK(t.ends_clean());
}

TEST(heap, "it is told how many bytes of huge blocks are leased") {
  TestHeap t(big_policy(64 * kMiB, 2000));
  ThreadCache* cache = t.attach();
  CHECK_EQ(t->huge().leased_bytes(), 0u);
  void* one = cache->allocate(3 * kMiB);
  void* other = cache->allocate(5 * kMiB);
  CHECK_EQ(t->huge().leased_bytes(), 8 * kMiB);
  cache->free(one);
  CHECK_EQ(t->huge().leased_bytes(), 5 * kMiB);
  cache->free(other);
  cache->detach();
}

TEST(heap, "the big cache is bounded in age") {
  TestHeap t(big_policy(64 * kMiB, 2000));
  ThreadCache* cache = t.attach();
  void* old = cache->allocate(3 * kMiB);
  void* young = cache->allocate(3 * kMiB);
  t.pass(5000);
  cache->free(old);
  t.pass(1500);
  cache->free(young);
  CHECK(t->tick());
  CHECK_EQ(t->stats().big_cache_bytes, 6 * kMiB);
  t.pass(500);
  CHECK(t->tick());
  CHECK_EQ(t->stats().big_cache_bytes, 3 * kMiB);
  t.pass(1500);
  CHECK(!t->tick());
  CHECK_EQ(t->stats().big_cache_bytes, 0u);
  CHECK_EQ(t->committed_bytes(), 0u);
  cache->detach();
  CHECK(t.ends_clean());
}

TEST(heap, "a cache of no bytes keeps nothing") {
  TestHeap t(big_policy(0));
  ThreadCache* cache = t.attach();
  cache->free(cache->allocate(3 * kMiB));
  CHECK_EQ(t->committed_bytes(), 0u);
  CHECK_EQ(t->stats().superslabs_taken, t->stats().superslabs_given);
  cache->detach();
  CHECK(t.ends_clean());
}

TEST(heap, "without memory the big cache is given up for a request") {
  TestHeap t(big_policy(64 * kMiB));
  ThreadCache* cache = t.attach();
  cache->free(cache->allocate(9 * kMiB));
  // The system has no more to give than what came back.
  t.os().fail_nth(FakeOs::Call::kCommit, 1, OsStatus::kNoMemory, FakeOs::Lasts::kFromThenOn);
  void* p = cache->allocate(4 * kMiB);
  CHECK(p != nullptr);
  CHECK(is_zero(p, 4 * kMiB));
  CHECK_EQ(t->stats().big_cache_bytes, 0u);
  CHECK_EQ(t->committed_bytes(), 4 * kMiB);
  CHECK(cache->allocate(20 * kMiB) == nullptr);
  CHECK_EQ(t->stats().os_failures, 1u);
  cache->free(p);
  cache->detach();
  CHECK(t.ends_clean());
}

TEST(heap, "the largest block is a whole arena") {
  TestHeap t(big_policy(0));
  ThreadCache* cache = t.attach();
  auto* p = static_cast<char*>(cache->allocate(kMaxHugeBytes));
  CHECK(p != nullptr);
  p[0] = p[kMaxHugeBytes - 1] = 1;
  CHECK_EQ(t->budget().charged(), kMaxHugeBytes);
  cache->free(p);
  CHECK_EQ(p[0] | p[kMaxHugeBytes - 1], 0);
  cache->detach();
  CHECK(t.ends_clean());
}
