// Memory follows the threads that use it from node to node: what moves, when, how much at once, and
// what becomes of pages that do not.
#include <atomic>
#include <thread>
#include <vector>

#include "base/racy_read.h"
#include "check.h"
#include "node_fixture.h"

using namespace superslab;
using namespace superslab_test;

namespace {

constexpr ByteCount kBlock = kMiB;
constexpr std::uint64_t kPagesOfBlock = kBlock / 4096;

struct Blocks {
  std::vector<BlockNumber> all;

  Blocks(Script& script, std::size_t count, ByteCount bytes = kBlock) {
    for (std::size_t i = 0; i < count; ++i) {
      all.push_back(script.acquire(bytes));
      std::memset(script.bytes_of(all.back()), static_cast<int>(i + 1), bytes);
    }
  }
  bool lie_on(NodePool& t, const Script& script, NodeOrdinal node) const {
    for (const BlockNumber block : all)
      if (t.os().node_of(script.bytes_of(block)) != node) return false;
    return true;
  }
  void release(Script& script) {
    for (const BlockNumber block : all) script.release(block);
    all.clear();
  }
};

Policy with(std::uint32_t share, ByteCount bytes_a_second) {
  Policy policy = plain_policy();
  policy.numa_remote_share = share;
  policy.numa_move_bytes = bytes_a_second;
  return policy;
}

}  // namespace

TEST(heap, "memory moves after its thread, once that has used it from another node for long") {
  NodePool t(2);
  Script script(*t.pool, 0);
  Blocks blocks(script, 5);
  Blocks huge(script, 1, 5 * kMiB);
  t.pass_intervals(4);
  CHECK(blocks.lie_on(t, script, 0));  // all use was local
  t.run_on(1, {&script});
  t.pass_intervals(2);
  CHECK(blocks.lie_on(t, script, 0));
  CHECK_EQ(t.os().calls(FakeOs::Call::kMovePages), 0u);
  t.pass_intervals(2);
  CHECK(blocks.lie_on(t, script, 1));
  CHECK(huge.lie_on(t, script, 1));
  const HeapStats stats = t->stats();
  CHECK_EQ(stats.numa_moved_regions, 4u);
  CHECK_EQ(stats.numa_moved_pages, 10 * kPagesOfBlock);
  CHECK_EQ(stats.numa_unmoved_pages, 0u);
  // 1,024 pages a call: 2 superslabs.
  CHECK_EQ(t.os().calls(FakeOs::Call::kMovePages), 3u);
  const Superslab& region = t.region_of(script, blocks.all[0]);
  CHECK_EQ(region.node_placement.node, 1);
  CHECK_EQ(region.home_node.load(), 1);
  // It is at home there.
  t.pass_intervals(5);
  CHECK_EQ(t.os().calls(FakeOs::Call::kMovePages), 3u);
  t.run_on(0, {&script});
  t.pass_intervals(5);
  CHECK(blocks.lie_on(t, script, 0));
  blocks.release(script);
  huge.release(script);
  script.detach();
  CHECK(t.ends_clean());
}

TEST(heap, "who adopts blocks counts for where they should lie") {
  NodePool t(2);
  Script script(*t.pool, 0);
  Blocks blocks(script, 2);
  t.pass_intervals(1);
  // A worker on node 1, which has no owner here. Each interval counts 32 uses of the owner's.
  for (int i = 0; i < 4; ++i) {
    t.os().run_on(1);
    for (int uses = 0; uses < 100; ++uses)
      Migrator::note_use_here(t.os(), t.region_of(script, blocks.all[0]));
    t.os().run_on(0);
    t.pass_intervals(1);
  }
  CHECK(blocks.lie_on(t, script, 1));
  blocks.release(script);
  script.detach();
  CHECK(t.ends_clean());
}

TEST(heap, "no more moves in a second than the policy allows, and in the end all of it") {
  constexpr ByteCount kRate = 3 * kMiB;
  NodePool t(2, with(30, kRate));
  Script script(*t.pool, 0);
  Blocks blocks(script, 40);
  t.run_on(1, {&script});
  t.pass_intervals(4);
  std::uint64_t before = t->stats().numa_moved_pages * 4096;
  CHECK(before != 0 && before <= 2 * kRate + 4 * kMiB);
  unsigned seconds = 0;
  for (; !blocks.lie_on(t, script, 1) && seconds < 60; ++seconds) {
    t.pass_intervals(1);
    const std::uint64_t moved = t->stats().numa_moved_pages * 4096;
    CHECK(moved - before <= kRate + 4 * kMiB);
    before = moved;
  }
  CHECK(seconds >= 9 && seconds <= 20);
  CHECK_EQ(t->stats().numa_moved_pages, 40 * kPagesOfBlock);
  blocks.release(script);
  script.detach();
  CHECK(t.ends_clean());
}

TEST(heap, "pages that are busy or absent are counted, and busy ones move later") {
  NodePool t(2);
  Script script(*t.pool, 0);
  Blocks blocks(script, 1);
  std::byte* const start = script.bytes_of(blocks.all[0]);
  t.os().keep_busy(start, 64 * kKiB);
  t.run_on(1, {&script});
  t.pass_intervals(4);
  HeapStats stats = t->stats();
  CHECK_EQ(stats.numa_moved_pages, kPagesOfBlock - 16);
  CHECK_EQ(stats.numa_unmoved_pages, 16u);
  CHECK_EQ(stats.numa_absent_pages, kPagesOfBlock);  // half of the superslab was never touched
  CHECK_EQ(t.os().node_of(start), 0);
  t.os().keep_busy(start, 64 * kKiB, false);
  t.pass_intervals(8);
  stats = t->stats();
  CHECK_EQ(stats.numa_moved_pages, kPagesOfBlock);
  CHECK(blocks.lie_on(t, script, 1));
  blocks.release(script);
  script.detach();
  CHECK(t.ends_clean());
}

TEST(heap, "memory stays while the other node has no room for it") {
  NodePool t(2);
  Script script(*t.pool, 0);
  Blocks blocks(script, 2);
  t.os().set_room(1, kMiB);
  t.run_on(1, {&script});
  t.pass_intervals(8);
  CHECK(blocks.lie_on(t, script, 0));
  CHECK_EQ(t.os().calls(FakeOs::Call::kMovePages), 0u);
  CHECK(t->stats().numa_unmoved_pages >= 2 * kPagesOfBlock);
  t.os().set_room(1, 64 * kMiB);
  t.pass_intervals(4);
  CHECK(blocks.lie_on(t, script, 1));
  blocks.release(script);
  script.detach();
  CHECK(t.ends_clean());
}

TEST(heap, "a refusal to move harms nothing and is counted") {
  NodePool t(2);
  Script script(*t.pool, 0);
  Blocks blocks(script, 3);
  t.os().fail_nth(FakeOs::Call::kMovePages, 1, OsStatus::kNoMemory, FakeOs::Lasts::kFromThenOn);
  t.os().fail_nth(FakeOs::Call::kPlace, 1, OsStatus::kUnsupported, FakeOs::Lasts::kFromThenOn);
  t.run_on(1, {&script});
  t.pass_intervals(10);
  CHECK(blocks.lie_on(t, script, 0));
  CHECK(t->stats().numa_unmoved_pages >= 3 * kPagesOfBlock);
  CHECK_EQ(t->stats().numa_moved_pages, 0u);
  CHECK(t->check() == PoolFault::kNone);
  blocks.release(script);
  script.detach();
  t.os().fail_none();
  CHECK(t.ends_clean());
}

TEST(heap, "nothing moves where the policy says so, or there is one node") {
  for (const Policy& policy : {with(100, 64 * kMiB), with(30, 0)}) {
    NodePool t(2, policy);
    Script script(*t.pool, 0);
    Blocks blocks(script, 2);
    t.run_on(1, {&script});
    t.pass_intervals(6);
    CHECK(!t->migrator().is_wanted());
    CHECK(blocks.lie_on(t, script, 0));
    // It may be changed while the pool is open.
    CHECK(t->publish(with(30, 64 * kMiB)));
    t.pass_intervals(5);
    CHECK(blocks.lie_on(t, script, 1));
    blocks.release(script);
    script.detach();
    CHECK(t.ends_clean());
  }
  NodePool t(1);
  CHECK(!t->migrator().is_wanted());
  CHECK_EQ(t->migrator().step(1), NodePool::kInterval);
  CHECK(t.ends_clean());
}

TEST(heap, "memory that was given back while it was on its way is nobody's loss") {
  NodePool t(2, with(30, 2 * kMiB));
  Script script(*t.pool, 0);
  Blocks blocks(script, 12);
  Blocks huge(script, 1, 20 * kMiB);
  t.run_on(1, {&script});
  t.pass_intervals(4);
  CHECK(t->stats().numa_moved_pages != 0);
  blocks.release(script);
  huge.release(script);
  script.cache().flush();
  CHECK(t->trim(0) != 0);
  Blocks others(script, 12);
  t.pass_intervals(40);
  CHECK(others.lie_on(t, script, 1));
  for (std::size_t i = 0; i < others.all.size(); ++i)
    CHECK_EQ(script.bytes_of(others.all[i])[kBlock - 1], static_cast<std::byte>(i + 1));
  others.release(script);
  script.detach();
  CHECK(t.ends_clean());
}

namespace {

/// Writes, reads and exchanges blocks until `stop`. False when a byte was lost.
bool use_blocks(BufferPool& pool, NodeOrdinal node, const std::atomic<bool>& stop) {
  Script script(pool, node);
  constexpr std::size_t kHeld = 48;
  constexpr ByteCount kBytes = 40'000;
  BlockNumber held[kHeld];
  Random random(node + 1);
  for (std::size_t i = 0; i < kHeld; ++i) {
    held[i] = script.acquire(kBytes);
    fill(script.bytes_of(held[i]), kBytes, held[i]);
  }
  bool intact = true;
  for (std::uint64_t round = 0; !stop.load(std::memory_order_relaxed); ++round) {
    const std::size_t i = random.below(kHeld);
    intact &= is_intact(script.bytes_of(held[i]), kBytes, held[i]);
    script.release(held[i]);
    held[i] = script.acquire(kBytes);
    fill(script.bytes_of(held[i]), kBytes, held[i]);
    if (round % 64 == 0) script.cache().trim_idle();
  }
  for (const BlockNumber block : held) {
    intact &= is_intact(script.bytes_of(block), kBytes, block);
    script.release(block);
  }
  return intact;
}

}  // namespace

TEST(heap, "nothing is lost of what is written while the kernel moves it") {
  Os& os = system_os();
  Space space;
  CHECK(space.open(os, kTestArenas));
  ManualClock clock;
  const unsigned nodes = os.node_count();
  {
    BufferPool pool(space, clock, Policy{}, kNoLimit, "moved", true, true);
    std::atomic<bool> stop{false};
    std::atomic<bool> intact{true};
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < 2; ++i) {
      threads.emplace_back([&, i] {
        if (!use_blocks(pool, static_cast<NodeOrdinal>(i % nodes), stop)) intact = false;
      });
    }
    PageMoves moves;
    // The threads may begin late.
    const Nanos end = precise_now() + 10'000 * kMillisecond;
    for (unsigned round = 0; round < 200 || (moves.total() == 0 && precise_now() < end); ++round) {
      const auto to = static_cast<NodeOrdinal>(round % nodes);
      for (SuperslabIndex i = kSuperslabsPerArena; i < space.index_limit(); i += 2) {
        OsRange ranges[2];
        std::size_t count = 0;
        for (const SuperslabIndex at : {i, i + 1}) {
          if (space.has_entry(at) &&
              racy_read(space.superslab(at).committed_bytes) == kSuperslabBytes)
            ranges[count++] = {space.superslab(at).base, kSuperslabBytes};
        }
        if (count != 0) moves += os.move_pages(ranges, count, to);
      }
    }
    stop = true;
    for (std::thread& thread : threads) thread.join();
    CHECK(intact.load());
    CHECK(pool.check() == PoolFault::kNone);
    CHECK(moves.total() != 0);
    if (nodes == 1) CHECK_EQ(moves.moved, 0u);
    if (nodes > 1) CHECK(moves.moved > 1000);
  }
  space.close();
}
