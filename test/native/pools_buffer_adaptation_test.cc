// A pool that adapts, on synthetic time: from leases to what is kept, told and counted.
#include <vector>

#include "check.h"
#include "heap_fixture.h"

using namespace superslab;
using namespace superslab_test;

namespace {

constexpr ByteCount kBlock = 64 * kKiB;
constexpr std::size_t kBurst = 120;
const ByteCount kSlabBytes = size_class(lease_class_for(kBlock)).slices * kSliceBytes;

/// What is kept for a burst: its last refill fetches up to a slab more.
bool is_of_burst(ByteCount bytes) {
  return bytes >= kBurst * kBlock && bytes <= kBurst * kBlock + kSlabBytes;
}

Policy adaptive_policy() {
  Policy policy = plain_policy();
  policy.populate = Populate::kDemand;
  policy.purge_delay_ms = Millis{1000};
  policy.demand_interval_ms = Millis{60'000};
  return policy;
}

class Day {
 public:
  /// Somebody takes a block, and the first interval begins.
  explicit Day(const Policy& policy = adaptive_policy()) : pool(policy), script(*pool.heap) {
    take(1);
    give_all();
    second();
  }

  /// A second passes, in which the loop has a turn, and upkeep two.
  void second() {
    for (int half = 0; half < 2; ++half) {
      pool.pass(500);
      script.cache().trim_idle();
      (void)pool->tick();
    }
    again = pool->adapt();
  }
  void seconds(int count) {
    while (count-- > 0) second();
  }
  void take(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      held.push_back(script.acquire(kBlock));
      *script.bytes_of(held.back()) = std::byte{1};
    }
  }
  void give_all() {
    for (const BlockNumber block : held) script.release(block);
    held.clear();
  }
  void burst() {
    seconds(10);
    take(kBurst);
    give_all();
    seconds(50);
  }

  TestPool pool;
  Script script;
  std::vector<BlockNumber> held;
  bool again = false;
};

}  // namespace

TEST(pools,
     "adaptation: bursts between two looks are kept from the third on, and let go of when they "
     "stop") {
  Day day;
  for (int minute = 0; minute < 2; ++minute) {
    day.burst();
    CHECK_EQ(day.pool->committed_bytes(), 0u);
    CHECK(!day.again);
  }
  for (int minute = 0; minute < 4; ++minute) {
    day.burst();
    CHECK(is_of_burst(day.pool->committed_bytes()));
    CHECK(is_of_burst(day.pool->stats().ready_bytes));
    CHECK(day.again);
  }
  day.seconds(300);
  CHECK_EQ(day.pool->committed_bytes(), 0u);
  CHECK_EQ(day.pool->stats().ready_bytes, 0u);
  CHECK_EQ(day.pool->stats().shrinks, 1u);
  CHECK(!day.again);
  day.script.detach();
  CHECK(day.pool.ends_clean());
}

TEST(pools, "adaptation: what it did is told, the latest first, and what goes on once") {
  Day day;
  for (int minute = 0; minute < 6; ++minute) day.burst();
  day.seconds(300);
  PoolFigures figures;
  day.pool->stats(FaultCounts{}, figures);
  const auto& actions = figures.adaptation.actions;
  CHECK(actions[0].action.kind == Action::Kind::kShrink);
  CHECK(actions[1].action.kind == Action::Kind::kKeep);
  CHECK(is_of_burst(actions[1].action.bytes));
  CHECK(is_of_burst(actions[1].action.evidence_bytes));
  CHECK(actions[1].action.size_class == lease_class_for(kBlock));
  CHECK(actions[1].at != 0);
  CHECK_EQ(actions[2].at, 0u);
  day.script.detach();
  CHECK(day.pool.ends_clean());
}

TEST(pools, "adaptation: a ramp finds memory that is there") {
  Day day;
  for (int second = 0; second < 12; ++second) {
    day.take(64);
    day.second();
  }
  const HeapStats stats = day.pool->stats();
  CHECK(stats.expansions >= 5);
  CHECK(stats.expanded_bytes >= 5 * 4 * kMiB);
  CHECK(stats.committed_bytes >= (12 + 1) * 64 * kBlock);
  PoolFigures figures;
  day.pool->stats(FaultCounts{}, figures);
  CHECK(figures.adaptation.actions[0].action.kind == Action::Kind::kExpand);
  CHECK_EQ(figures.adaptation.actions[1].at, 0u);
  day.give_all();
  day.seconds(5);
  CHECK_EQ(day.pool->committed_bytes(), 0u);
  day.script.detach();
  CHECK(day.pool.ends_clean());
}

TEST(pools, "adaptation: the history is as new as the question, with leases that no counter has") {
  Day day;
  day.take(7);
  const auto copy = std::make_unique<DemandHistory>();
  CHECK(day.pool->history(*copy));
  const std::size_t c = to_index(lease_class_for(kBlock));
  CHECK_EQ(copy->count, 1u);
  CHECK_EQ(copy->intervals[0].classes[c].acquires, 8u);
  CHECK_EQ(copy->interval, 60'000 * kMillisecond);
  day.give_all();
  day.seconds(61);
  CHECK(day.pool->history(*copy));
  CHECK_EQ(copy->count, 2u);
  CHECK_EQ(copy->intervals[1].classes[c].acquires, 8u);
  CHECK_EQ(copy->intervals[0].classes[c].acquires, 0u);
  const Nanos apart = copy->intervals[0].started - copy->intervals[1].started;
  CHECK_EQ(apart, 60'000 * kMillisecond);
  day.script.detach();
  CHECK(day.pool.ends_clean());
}

TEST(pools, "adaptation: one that is switched off keeps and tells nothing, also while it is open") {
  Policy off = adaptive_policy();
  off.adaptive = false;
  Day day(off);
  for (int minute = 0; minute < 5; ++minute) day.burst();
  CHECK_EQ(day.pool->committed_bytes(), 0u);
  const auto copy = std::make_unique<DemandHistory>();
  CHECK(!day.pool->history(*copy));
  day.script.detach();
  CHECK(day.pool.ends_clean());

  Day other;
  for (int minute = 0; minute < 5; ++minute) other.burst();
  CHECK(other.pool->committed_bytes() != 0);
  CHECK(other.pool->publish(off));
  other.seconds(5);
  CHECK_EQ(other.pool->committed_bytes(), 0u);
  CHECK(!other.again);
  other.script.detach();
  CHECK(other.pool.ends_clean());
}

TEST(pools, "adaptation: a pool that is closed keeps nothing") {
  Day day;
  for (int minute = 0; minute < 5; ++minute) day.burst();
  CHECK(day.pool->committed_bytes() != 0);
  day.script.cache().close();
  day.pool->close();
  CHECK_EQ(day.pool->committed_bytes(), 0u);
  CHECK(!day.pool->adapt());
  CHECK_EQ(day.pool->stats().ready_bytes, 0u);
  day.script.detach();
  CHECK(day.pool.ends_clean());
}

TEST(pools, "adaptation: there is nothing to come again for in a pool that never lent anything") {
  TestPool pool(adaptive_policy());
  CHECK(!pool->adapt());
  CHECK(pool.ends_clean());
}
