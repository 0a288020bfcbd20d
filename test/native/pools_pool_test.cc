// The contract of every kind of pool, by that of buffers.
#include "pools/pool.h"
#include "addon/end_ledger.h"
#include "check.h"
#include "heap_fixture.h"

using namespace superslab;
using namespace superslab_test;

namespace {

Policy limited_policy() {
  Policy policy = plain_policy();
  policy.max_bytes = 64 * kMiB;
  return policy;
}

PoolFigures figures_of(const Pool& pool) {
  PoolFigures figures;
  pool.stats({}, figures);
  return figures;
}

}  // namespace

TEST(pools, "a pool has a name, whole to its last character, a limit and figures") {
  TestPool t;
  const std::string_view euros =
      "\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac";
  BufferPool long_named(t.space(), t.clock, limited_policy(), kNoLimit,
                        std::string(euros) + std::string(euros));
  const Pool& pool = long_named;
  CHECK_EQ(pool.name().size(), 63u);  // 21 characters of 3 bytes
  CHECK(pool.name().substr(0, euros.size()) == euros);
  CHECK_EQ(pool.limit(), 64 * kMiB);
  CHECK_EQ(static_cast<const Pool&>(*t.heap).limit(), 0u);
  Script s(long_named);
  const BlockNumber block = s.acquire(3 * kMiB);
  const PoolFigures figures = figures_of(pool);
  CHECK(figures.name == pool.name());
  CHECK_EQ(figures.heap.charged_bytes, 3 * kMiB);
  CHECK(!figures.closed);
  s.release(block);
  s.detach();
}

TEST(pools, "a pool of objects tells what JavaScript counts, and its heap holds nothing") {
  TestPool t;
  Script s(*t.heap);
  CHECK_EQ(figures_of(*t.heap).objects.is_counted, 0.0);
  ObjectCounts& counts = s.cache().magazines().objects;
  counts.in_use = 7;  // of a pool that does not say that it counts
  CHECK_EQ(figures_of(*t.heap).objects.in_use, 0.0);
  counts.is_counted = 1;
  counts.acquires = 0x1p40;
  const PoolFigures figures = figures_of(*t.heap);
  CHECK_EQ(figures.objects.in_use, 7.0);
  CHECK_EQ(figures.objects.acquires, 0x1p40);
  CHECK_EQ(figures.heap.charged_bytes, 0u);
  CHECK_EQ(figures.heap.committed_bytes, 0u);
  s.detach();
}

TEST(pools, "trim gives back what lies idle, and close does, once for all") {
  TestPool t;
  Pool& pool = *t.heap;
  Script s(*t.heap);
  const auto make_idle = [&] {
    s.release(s.acquire(3 * kMiB));
    s.release(s.acquire(1000));
    s.cache().flush();
    return pool.heap().committed_bytes();
  };
  CHECK(make_idle() != 0);
  CHECK(pool.trim(0) != 0);
  CHECK_EQ(pool.heap().committed_bytes(), 0u);
  CHECK(make_idle() != 0);
  pool.close();
  CHECK_EQ(pool.heap().committed_bytes(), 0u);
  CHECK(pool.is_closed() && figures_of(pool).closed);
  s.detach();
  CHECK(t.ends_clean());
}

TEST(pools, "check sees a magazine that has too many blocks, one twice, or somebody else's") {
  TestPool t;
  const Pool& pool = *t.heap;
  Script s(*t.heap);
  Script other(*t.heap);
  const BlockNumber foreign = other.acquire(1000);
  std::vector<BlockNumber> held;
  for (int i = 0; i < 5; ++i) held.push_back(s.acquire(1000));
  for (const BlockNumber block : held) s.release(block);
  CHECK_EQ(pool.check(), PoolFault::kNone);
  const SliceTag tag = tag_of(lease_class_for(1000));
  LeaseMagazines& m = s.cache().magazines();
  BlockNumber* const row = m.blocks + tag * kMagazineBlocks;
  const auto with = [&](auto& field, auto wrong) {
    const auto right = field;
    field = wrong;
    const PoolFault found = pool.check();
    field = right;
    return found;
  };
  CHECK(m.depth[tag] >= 5);
  CHECK_EQ(with(m.depth[tag], std::uint32_t{kMagazineBlocks + 1}), PoolFault::kDepth);
  CHECK_EQ(with(m.depth[kTagNone + 1], 1u), PoolFault::kDepth);  // 16 bytes: no class of leases
  CHECK_EQ(with(row[0], row[1]), PoolFault::kMagazine);
  CHECK_EQ(with(row[0], foreign), PoolFault::kMagazine);
  CHECK_EQ(with(row[0], BlockNumber{}), PoolFault::kMagazine);
  CHECK_EQ(pool.check(), PoolFault::kNone);
  s.cache().flush();
  CHECK(s.cache().refill(lease_class_for(1000)) != 0);
  CHECK_EQ(pool.check(), PoolFault::kNone);
  CHECK_EQ(with(m.staged, 1000u), PoolFault::kStaged);
  CHECK_EQ(with(m.staged_tag, 0u), PoolFault::kStaged);
  CHECK_EQ(with(m.staged_blocks[0], foreign), PoolFault::kStaged);
  other.release(foreign);
  s.detach();
  other.detach();
  CHECK(t.ends_clean());
}

TEST(pools, "check sees a list of slabs that is broken") {
  TestPool t;
  const Pool& pool = *t.heap;
  Script s(*t.heap);
  const BlockNumber block = s.acquire(1000);
  Slab& slab = *t.space().slab_of(s.bytes_of(block));
  Slab* const before = slab.prev;
  slab.prev = &slab;
  CHECK_EQ(pool.check(), PoolFault::kHeap);
  slab.prev = before;
  CHECK_EQ(pool.check(), PoolFault::kNone);
  s.release(block);
  s.detach();
  CHECK(t.ends_clean());
}
