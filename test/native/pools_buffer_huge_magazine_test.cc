// A thread's magazine of blocks beyond 2 MiB: when it grows, how much it may hold, and that nothing
// is lost in it.

#include <vector>

#include "check.h"
#include "end_fixture.h"
#include "heap_fixture.h"
#include "pools/buffer/huge_magazine.h"
#include "pools/buffer/lease_table.h"

using namespace superslab;
using namespace superslab_test;

namespace {

constexpr SliceTag kTag = LeaseMagazines::kHuge;

/// What is out, by the figures: what callers have, and not what lies in magazines.
ByteCount in_use(BufferPool& pool) {
  return pool.budget().charged() - pool.stats().held_huge_bytes;
}

std::uint64_t leases(BufferPool& pool) {
  const HeapStats stats = pool.stats();
  return stats.huge_hits + stats.huge_misses - stats.huge_releases;
}

/// Takes and gives back, so that the magazine lets `count` blocks in.
void use(Script& s, ByteCount bytes, std::size_t count) {
  for (int round = 0; round < 2; ++round) {
    std::vector<BlockNumber> blocks;
    for (std::size_t i = 0; i < count; ++i) blocks.push_back(s.acquire(bytes));
    for (const BlockNumber n : blocks) s.release(n);
  }
}

}  // namespace

TEST(pools, "a block beyond 2 MiB that is taken again stays with its thread") {
  TestPool t;
  Script s(*t.heap);
  const BlockNumber first = s.acquire(4 * kMiB);
  CHECK_EQ(s.limit(kTag), 0u);  // it was fresh
  s.release(first);
  CHECK_EQ(t->stats().big_cache_bytes, 4 * kMiB);
  CHECK_EQ(s.acquire(4 * kMiB), first);
  CHECK_EQ(s.limit(kTag), 1u);
  const std::uint64_t calls = t->stats().huge_hits;
  for (int i = 0; i < 10; ++i) {
    CHECK_EQ(in_use(*t.heap), 4 * kMiB);
    s.release(first);
    CHECK_EQ(s.depth(kTag).load(), 1u);
    CHECK_EQ(t->stats().big_cache_bytes, 0u);
    CHECK_EQ(in_use(*t.heap), 0u);
    CHECK_EQ(leases(*t.heap), 0u);
    CHECK_EQ(s.acquire(3 * kMiB + kMiB / 2), first);  // near enough
    CHECK_EQ(leases(*t.heap), 1u);
  }
  CHECK_EQ(t->stats().huge_hits, calls);
  s.cache().fold();
  CHECK_EQ(t->stats().huge_hits, calls + 10);
  CHECK_EQ(leases(*t.heap), 1u);
  s.release(first);
  const BlockNumber shorter = s.acquire(2 * kMiB + 1);  // for which it would be too long
  CHECK(shorter != first);
  CHECK_EQ(s.cache().check(), PoolFault::kNone);
  s.release(shorter);
  s.cache().flush();
  CHECK_EQ(s.depth(kTag).load(), 0u);
  CHECK_EQ(s.limit(kTag), 0u);
  s.detach();
  CHECK(t.ends_clean());
}

TEST(pools, "what threads keep of blocks beyond 2 MiB and the big cache stay within one limit") {
  Policy policy = plain_policy();
  policy.big_cache_bytes = 16 * kMiB;
  TestPool t(policy);
  Script one(*t.heap);
  Script two(*t.heap);
  const auto kept = [&] { return t->stats().held_huge_bytes + t->stats().big_cache_bytes; };
  use(one, 4 * kMiB, 3);
  use(two, 4 * kMiB, 3);
  CHECK(one.limit(kTag) >= 2);
  CHECK((one.limit(kTag) + two.limit(kTag)) * 4 * kMiB <= policy.big_cache_bytes);
  CHECK(kept() <= policy.big_cache_bytes);
  // A longer one lets fewer in.
  const BlockNumber longer = one.acquire(9 * kMiB);
  one.release(longer);
  CHECK(one.limit(kTag) * 9 * kMiB + two.limit(kTag) * 4 * kMiB <= policy.big_cache_bytes);
  use(one, 9 * kMiB, 2);
  CHECK(kept() <= policy.big_cache_bytes);
  // One that is out when everything is given up may still come in later.
  const BlockNumber out = one.acquire(9 * kMiB);
  one.cache().flush();
  use(one, 3 * kMiB, 2);
  one.release(out);
  CHECK(kept() <= policy.big_cache_bytes);
  // What one thread gives up, the other may have.
  two.cache().flush();
  CHECK_EQ(two.limit(kTag), 0u);
  use(one, 4 * kMiB, 8);
  CHECK(kept() <= policy.big_cache_bytes);
  policy.big_cache_bytes = 0;
  CHECK(t->publish(policy));
  use(one, 4 * kMiB, 2);
  CHECK_EQ(one.limit(kTag), 0u);
  one.detach();
  two.detach();
  CHECK_EQ(kept(), 0u);
  CHECK(t.ends_clean());
}

TEST(pools, "a magazine of blocks beyond 2 MiB that is full gives its older half back") {
  TestPool t;
  Script s(*t.heap);
  use(s, 3 * kMiB, 4);
  const std::uint32_t limit = s.limit(kTag);
  CHECK_EQ(limit, 4u);
  std::vector<BlockNumber> blocks;
  for (std::uint32_t i = 0; i < limit + 1; ++i) blocks.push_back(s.acquire(3 * kMiB));
  for (std::uint32_t i = 0; i < limit; ++i) s.release(blocks[i]);
  CHECK_EQ(s.depth(kTag).load(), limit);
  s.release(blocks[limit]);
  CHECK_EQ(s.depth(kTag).load(), limit / 2 + 1);
  CHECK_EQ(in_use(*t.heap), 0u);
  CHECK_EQ(leases(*t.heap), 0u);
  // The one that was released last is lent first.
  CHECK_EQ(s.acquire(3 * kMiB), blocks[limit]);
  s.release(blocks[limit]);
  s.detach();
  CHECK(t.ends_clean());
}

TEST(pools, "blocks beyond 2 MiB leave their magazine when nobody needs them, and when others do") {
  Policy policy = plain_policy();
  policy.max_bytes = 16 * kMiB;
  TestPool t(policy);
  Script s(*t.heap);
  Script other(*t.heap);
  use(s, 4 * kMiB, 2);
  CHECK_EQ(s.depth(kTag).load(), 2u);
  // Its own thread's next request finds room.
  const BlockNumber long_one = s.acquire(16 * kMiB);
  CHECK(long_one != kNoBlock);
  CHECK_EQ(s.depth(kTag).load(), 0u);
  s.release(long_one);
  use(s, 4 * kMiB, 2);
  CHECK_EQ(s.depth(kTag).load(), 2u);
  s.cache().trim_idle();  // some were acquired since it looked last
  CHECK_EQ(s.depth(kTag).load(), 2u);
  s.cache().trim_idle();
  CHECK_EQ(s.depth(kTag).load(), 0u);
  CHECK_EQ(s.limit(kTag), 0u);
  use(s, 4 * kMiB, 2);
  // Somebody waits: nothing stays in a magazine.
  t->room().start_waiting(&other.cache());
  CHECK_EQ(s.limit(kTag), 0u);
  CHECK_EQ(s.cache().take_signals() & BufferThreadCache::kFlush, BufferThreadCache::kFlush);
  s.cache().flush();
  CHECK_EQ(t->budget().charged(), 0u);
  const BlockNumber n = s.acquire(4 * kMiB);
  CHECK_EQ(s.limit(kTag), 0u);
  s.release(n);
  CHECK_EQ(t->budget().charged(), 0u);
  t->room().stop_waiting(&other.cache());
  use(s, 4 * kMiB, 2);
  CHECK_EQ(s.depth(kTag).load(), 2u);
  s.cache().close();
  CHECK_EQ(t->budget().charged(), 0u);
  CHECK_EQ(s.limit(kTag), 0u);
  s.detach();
  other.detach();
  CHECK(t.ends_clean());
}

TEST(pools, "a dead environment's kept blocks beyond 2 MiB are no leaks") {
  TestPool t;
  LeaseTable table(t.space());
  Script dead(*t.heap);
  Script next(*t.heap);
  use(dead, 4 * kMiB, 2);
  const BlockNumber lost = dead.acquire(4 * kMiB);
  CHECK_EQ(dead.depth(kTag).load(), 1u);
  CHECK(lost != kNoBlock);
  end_environment(table, dead, t.space());
  CHECK_EQ(t->stats().leaked_blocks, 1u);
  CHECK_EQ(t->stats().leaked_bytes, 4 * kMiB);
  dead.detach();
  next.detach();
  CHECK(t.ends_clean());
}

TEST(pools, "where blocks have guards none is kept, for it would be longer than asked for") {
  Policy policy = plain_policy();
  policy.guard_pages = true;
  TestPool t(policy);
  Script s(*t.heap);
  use(s, 3 * kMiB, 3);
  CHECK_EQ(s.limit(kTag), 0u);
  CHECK_EQ(s.depth(kTag).load(), 0u);
  s.detach();
  CHECK(t.ends_clean());
}

TEST(pools, "a magazine that has what is no free block beyond 2 MiB is not valid") {
  TestPool t;
  Script s(*t.heap);
  use(s, 4 * kMiB, 2);
  LeaseMagazines& m = s.cache().magazines();
  BlockNumber* const row = m.blocks + kTag * kMagazineBlocks;
  CHECK_EQ(s.cache().check(), PoolFault::kNone);
  const BlockNumber right = std::exchange(row[0], row[1]);
  CHECK_EQ(s.cache().check(), PoolFault::kMagazine);  // twice
  row[0] = s.acquire(100);
  CHECK_EQ(s.cache().check(), PoolFault::kMagazine);
  s.release(std::exchange(row[0], right));
  CHECK_EQ(s.cache().check(), PoolFault::kNone);
  s.detach();
  CHECK(t.ends_clean());
}
