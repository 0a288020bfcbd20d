// A heap that is divided by memory nodes: whose memory each share gets, and what serves it when its
// node has none left.
#include "check.h"
#include "node_fixture.h"

using namespace superslab;
using namespace superslab_test;

namespace {

constexpr ByteCount kBig = 512 * kKiB;

}  // namespace

TEST(heap, "each share gets memory of its node, small, large and huge") {
  NodePool t(3);
  for (const NodeOrdinal node : {0, 1, 2}) {
    t.os().run_on(node);
    Script script(*t.pool, node);
    for (const ByteCount bytes : {ByteCount{100}, ByteCount{40'000}, kBig, 5 * kMiB}) {
      const BlockNumber block = script.acquire(bytes);
      CHECK(block != kNoBlock);
      const Superslab& region = t.region_of(script, block);
      CHECK_EQ(region.node_placement.kind, NodePlacement::Kind::kNode);
      CHECK_EQ(region.node_placement.node, node);
      CHECK_EQ(region.home_node.load(), node);
      script.bytes_of(block)[0] = std::byte{1};
      CHECK_EQ(t.os().node_of(region.base), node);
      script.release(block);
    }
  }
  CHECK_EQ(t->stats().numa_fallbacks, 0u);
  CHECK(t.ends_clean());
}

TEST(heap, "blocks go home to their node, and a cached huge one serves its node alone") {
  NodePool t(2);
  Script near(*t.pool, 0);
  Script far(*t.pool, 1);
  const BlockNumber block = near.acquire(4 * kMiB);
  near.release(block);
  const BlockNumber other = far.acquire(4 * kMiB);
  CHECK(t.region_of(far, other).index != t.region_of(near, block).index);
  CHECK_EQ(t.region_of(far, other).home_node.load(), 1);
  CHECK_EQ(near.acquire(4 * kMiB), block);
  near.release(block);
  far.release(other);
  near.detach();
  far.detach();
  CHECK(t.ends_clean());
}

TEST(heap, "the nearest node with memory serves one that has none, and that is counted") {
  NodePool t(4);
  t.os().set_distance(1, 0, 30);
  t.os().set_distance(1, 2, 12);
  t.os().set_distance(1, 3, 20);
  t.os().set_room(1, 0);
  Script script(*t.pool, 1);
  const BlockNumber first = script.acquire(kBig);
  CHECK_EQ(t.region_of(script, first).node_placement.node, 2);
  // It is for node 1 all the same: the next slab is cut there.
  const BlockNumber second = script.acquire(kBig);
  CHECK_EQ(t.region_of(script, second).index, t.region_of(script, first).index);
  CHECK_EQ(t->stats().numa_fallbacks, 1u);
  t.os().set_room(2, 0);
  const BlockNumber huge = script.acquire(6 * kMiB);
  CHECK_EQ(t.region_of(script, huge).node_placement.node, 3);
  CHECK_EQ(t->stats().numa_fallbacks, 2u);
  // Nobody has any: the kernel decides.
  for (const NodeOrdinal node : {0, 3}) t.os().set_room(node, 0);
  const BlockNumber last = script.acquire(8 * kMiB);
  CHECK_EQ(t.region_of(script, last).node_placement.node, 1);
  for (const BlockNumber block : {first, second, huge, last}) script.release(block);
  script.detach();
  CHECK(t.ends_clean());
}

TEST(heap, "a thread takes over slabs of vacant shares of its own node alone") {
  NodePool t(2);
  Script keeper(*t.pool, 0);
  Script stays(*t.pool, 0);
  const BlockNumber block = stays.acquire(kBig);
  const Superslab& region = t.region_of(stays, block);
  CHECK(stays.cache().give(block));
  stays.detach();
  Script far(*t.pool, 1);
  const BlockNumber other = far.acquire(kBig);
  CHECK(t.region_of(far, other).index != region.index);
  Script near(*t.pool, 0);
  const BlockNumber again = near.acquire(kBig);
  CHECK_EQ(t.region_of(near, again).index, region.index);
  near.release(again);
  far.release(other);
  near.detach();
  far.detach();
  keeper.detach();
  CHECK(t.ends_clean());
}
