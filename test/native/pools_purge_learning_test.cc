// Purge delays that real heaps learn, on synthetic time: from memory that lay idle and came back to
// the delay by which it is purged; modes; values set by hand; and what holds when the loop stops.
#include <memory>
#include <vector>

#include "check.h"
#include "heap_fixture.h"
#include "pools/capacity_learning.h"

using namespace superslab;
using namespace superslab_test;

namespace {

Policy learning_policy(LearnMode mode = LearnMode::kLearn) {
  Policy policy = plain_policy();
  policy.learn = mode;
  policy.adaptive = false;
  return policy;
}

/// A pool with bursts: of blocks in slabs, and of one beyond 2 MiB.
class Bursts {
 public:
  explicit Bursts(const Policy& policy = learning_policy()) : pool(policy), script_(*pool.heap) {}

  /// Memory is in use for a moment, and then idle for so long.
  void burst(std::uint64_t idle_ms) {
    std::vector<BlockNumber> blocks;
    for (int i = 0; i < 64; ++i) blocks.push_back(script_.acquire(256 * kKiB));
    blocks.push_back(script_.acquire(5 * kMiB));
    (void)pool->adapt();
    for (const BlockNumber block : blocks) script_.release(block);
    // What upkeep does, twice in each delay.
    for (int i = 0; i < 2; ++i) script_.cache().trim_idle();
    for (std::uint64_t ms = 0; ms < idle_ms; ms += 50) {
      pool.pass(50);
      pool->tick();
      if (ms % 1000 == 0) (void)pool->adapt();
    }
  }
  void bursts(int count, std::uint64_t idle_ms) {
    while (count-- > 0) burst(idle_ms);
  }
  Millis delay() { return purge_delay_of(*pool->policy()); }
  Millis age() { return big_cache_age_of(*pool->policy()); }
  LearningFigures figures() {
    auto figures = std::make_unique<PoolFigures>();
    pool->stats(FaultCounts{}, *figures);
    return figures->learning;
  }
  bool ends_clean() {
    script_.detach();
    return pool.ends_clean();
  }

  TestPool pool;

 private:
  Script script_;
};

}  // namespace

TEST(pools,
     "purge learning: bursts that are far apart make idle memory go soon, and that is told") {
  Bursts bursts;
  bursts.bursts(25, 6000);
  CHECK(bursts.delay() < Millis{300});
  CHECK(bursts.age() < Millis{600});
  const HeapStats stats = bursts.pool->stats();
  CHECK(stats.learn_delay_moves >= 4);
  CHECK(stats.learn_saved_us > 0);
  CHECK(stats.learn_late_bytes < 16 * kMiB);  // while the first delays were longer than it pays
  CHECK_EQ(stats.learn_fallbacks, 0u);
  const LearningFigures figures = bursts.figures();
  CHECK(figures.delays.of[0] == bursts.delay());
  CHECK(figures.events[0].learner == LearningFigures::Learner::kPurge);
  CHECK(figures.events[0].at != 0);
  CHECK(bursts.ends_clean());
}

TEST(pools, "purge learning: bursts that come back soon are kept, whatever the policy began with") {
  Policy policy = learning_policy();
  policy.purge_delay_ms = Millis{100};
  policy.big_cache_age_ms = Millis{100};
  Bursts bursts(policy);
  bursts.bursts(25, 700);
  CHECK(bursts.delay() >= Millis{700} && bursts.delay() < Millis{2000});
  CHECK(bursts.age() >= Millis{700} && bursts.age() < Millis{2000});
  CHECK(bursts.pool->stats().learn_early_bytes > kMiB);
  CHECK(bursts.ends_clean());
}

TEST(pools, "purge learning: a delay that is set by hand never changes, and the other one does") {
  Policy policy = learning_policy();
  PolicyError error{};
  CHECK(apply_option(policy, "purgeDelayMs", 1500.0, error));
  Bursts bursts(policy);
  bursts.bursts(25, 6000);
  CHECK(bursts.delay() == Millis{1500});
  CHECK(bursts.age() < Millis{600});
  CHECK(bursts.ends_clean());
}

TEST(pools, "purge learning: frozen keeps what was learned, and off takes it back") {
  Bursts bursts;
  bursts.bursts(25, 6000);
  const Millis learned = bursts.delay();
  HeapSnapshot policy = *bursts.pool->policy();
  policy.learn = LearnMode::kFrozen;
  CHECK(bursts.pool->publish(policy));
  bursts.bursts(20, 700);
  CHECK(bursts.delay() == learned);
  policy = *bursts.pool->policy();
  policy.learn = LearnMode::kOff;
  CHECK(bursts.pool->publish(policy));
  bursts.bursts(2, 700);
  CHECK(bursts.delay() == Millis{1000});
  CHECK(bursts.age() == Millis{2000});
  CHECK(bursts.ends_clean());
}

TEST(pools, "purge learning: where nothing stays, nothing is learned of delays") {
  Bursts bursts(learning_policy(LearnMode::kTrial));
  bursts.bursts(20, 6000);
  CHECK(bursts.delay() == Millis{1000});
  CHECK_EQ(bursts.pool->stats().learn_delay_moves, 0u);
  CHECK(bursts.ends_clean());
}

TEST(pools, "purge learning: when the loop stops, watching or frozen, the last delay holds") {
  for (const int before : {12, 90}) {
    Bursts bursts;
    bursts.bursts(before, 6000);
    const Millis learned = bursts.delay();
    CHECK(learned != Millis{1000});
    // Nobody takes a turn from here on; memory goes back by the delay that was published last.
    const std::uint64_t purged = bursts.pool->stats().purged_bytes;
    for (int i = 0; i < 100; ++i) {
      bursts.pool.pass(50);
      bursts.pool->tick();
    }
    CHECK(bursts.delay() == learned);
    CHECK(bursts.pool->stats().purged_bytes >= purged);
    CHECK(bursts.pool->check() == PoolFault::kNone);
    CHECK(bursts.ends_clean());
  }
}
