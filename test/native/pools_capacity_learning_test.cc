// Capacities that real heaps learn, on synthetic time: from slow calls to limits of magazines;
// modes; and what holds when the loop stops in any of its states.
#include <memory>
#include <vector>

#include "check.h"
#include "heap_fixture.h"
#include "pools/capacity_learning.h"

using namespace superslab;
using namespace superslab_test;

namespace {

constexpr ByteCount kBusy = 64 * kKiB;
constexpr ByteCount kQuiet = 80 * kKiB;
constexpr std::uint32_t kBusyBlocks = 16;
constexpr std::uint32_t kQuietBlocks = 12;

Policy learning_policy(LearnMode mode = LearnMode::kLearn) {
  Policy policy = plain_policy();
  policy.learn = mode;
  policy.adaptive = false;
  policy.cache_share = 0;
  return policy;
}

/// What one thread does with a pool: its demand for one size wanders far, for another a little.
class Worker {
 public:
  Worker(BufferPool& pool, std::uint64_t seed) : script(pool), random_(seed) {
    for (int i = 0; i < 300; ++i) held_[0].push_back(script.acquire(kBusy));
    for (int i = 0; i < 100; ++i) held_[1].push_back(script.acquire(kQuiet));
  }
  void work() {
    for (int i = 0; i < 100; ++i) {
      wander(0, kBusy, 14, 25);
      wander(1, kQuiet, 1, 4);
    }
  }
  void end() {
    for (auto& blocks : held_) {
      for (const BlockNumber block : blocks) script.release(block);
      blocks.clear();
    }
    script.detach();
  }
  std::uint32_t limit(ByteCount bytes) { return script.limit(tag_of(lease_class_for(bytes))); }

  Script script;

 private:
  void wander(std::size_t which, ByteCount bytes, std::uint32_t least, std::uint32_t most) {
    const auto blocks = [&] { return least + random_.below(most - least + 1); };
    std::vector<BlockNumber>& held = held_[which];
    for (std::uint64_t left = blocks(); left != 0; --left) held.push_back(script.acquire(bytes));
    for (std::uint64_t left = blocks(); left != 0 && !held.empty(); --left) {
      script.release(held.back());
      held.pop_back();
    }
  }
  Random random_;
  std::vector<BlockNumber> held_[2];
};

class Life {
 public:
  explicit Life(std::size_t workers, const Policy& policy = learning_policy()) : pool(policy) {
    for (std::size_t i = 0; i < workers; ++i)
      all.push_back(std::make_unique<Worker>(*pool.heap, i + 1));
  }
  void window() {
    for (auto& worker : all) worker->work();
    pool.pass(1000);
    again = pool->adapt();
  }
  void windows(int count) {
    while (count-- > 0) window();
  }
  LearningFigures figures() {
    auto figures = std::make_unique<PoolFigures>();
    pool->stats(FaultCounts{}, *figures);
    return figures->learning;
  }
  bool ends_clean() {
    for (auto& worker : all) worker->end();
    return pool.ends_clean();
  }

  TestPool pool;
  std::vector<std::unique_ptr<Worker>> all;
  bool again = false;
};

std::uint32_t learned(Life& life, ByteCount bytes) {
  return life.pool->policy()->class_blocks[to_index(lease_class_for(bytes))];
}

}  // namespace

TEST(pools, "learning: magazines of a pool follow what was learned, and that is told") {
  Life life(2);
  life.windows(25);
  CHECK(learned(life, kBusy) > kBusyBlocks);
  CHECK(learned(life, kQuiet) < kQuietBlocks && learned(life, kQuiet) != 0);
  CHECK_EQ(life.all[0]->limit(kBusy), learned(life, kBusy));
  CHECK_EQ(life.all[1]->limit(kQuiet), learned(life, kQuiet));
  CHECK(life.again);
  const HeapStats stats = life.pool->stats();
  CHECK(stats.learn_trials >= 1);
  CHECK(stats.learn_kept >= 1);
  CHECK(stats.learn_saved_calls > 100);
  CHECK_EQ(stats.learn_fallbacks, 0u);
  const LearningFigures figures = life.figures();
  CHECK(figures.mode == LearnMode::kLearn);
  CHECK(figures.events[0].at != 0);
  CHECK_EQ(std::uint32_t{figures.blocks[to_index(lease_class_for(kBusy))]}, learned(life, kBusy));
  CHECK(figures.own_bytes > 0 && figures.own_bytes < 512 * kKiB);
  CHECK(life.ends_clean());
}

TEST(pools, "learning: it takes fewer slow calls for the same demand than without") {
  bool is_clean = true;
  const auto slow_calls = [&](LearnMode mode) {
    Life life(2, learning_policy(mode));
    life.windows(25);
    ClassStats before[kClassSlots];
    ClassStats after[kClassSlots];
    life.pool->class_stats(before);
    life.windows(25);
    life.pool->class_stats(after);
    std::uint64_t calls = 0;
    for (std::size_t i = 0; i < kClassSlots; ++i)
      calls += after[i].refills - before[i].refills + after[i].flushes - before[i].flushes;
    is_clean &= life.ends_clean();
    return static_cast<double>(calls);
  };
  const double off = slow_calls(LearnMode::kOff);
  const double on = slow_calls(LearnMode::kLearn);
  CHECK(is_clean);
  CHECK(on < 0.8 * off);
}

TEST(pools, "learning: while half of the threads try a proposal the others keep what there was") {
  Life life(2);
  while (life.pool->policy()->trial_arms == 0) life.window();
  for (auto& worker : life.all) worker->work();
  CHECK(life.all[0]->limit(kBusy) != life.all[1]->limit(kBusy));
  const std::uint32_t least = std::min(life.all[0]->limit(kBusy), life.all[1]->limit(kBusy));
  CHECK_EQ(least, kBusyBlocks);
  CHECK(life.ends_clean());
}

TEST(pools, "learning: in whatever state the loop stops, the pool goes on with the last snapshot") {
  using State = Rollout::State;
  for (const State state : {State::kWatching, State::kTrial, State::kResting, State::kFrozen}) {
    // A budget that nothing fits better makes it freeze; the mode of trials alone makes it rest.
    Life life(2, learning_policy(state == State::kResting ? LearnMode::kTrial : LearnMode::kLearn));
    int windows = 0;
    do life.window();
    while ((life.figures().state != state || windows < 8) && ++windows < 400);
    CHECK(life.figures().state == state);
    // From here on nobody takes a turn.
    for (auto& worker : life.all) worker->work();
    std::vector<std::uint32_t> limits;
    for (auto& worker : life.all) limits.push_back(worker->limit(kBusy));
    for (int i = 0; i < 20; ++i)
      for (auto& worker : life.all) worker->work();
    for (std::size_t i = 0; i < life.all.size(); ++i)
      CHECK_EQ(life.all[i]->limit(kBusy), limits[i]);
    CHECK(life.pool->check() == PoolFault::kNone);
    // It can be taken up again, much later.
    life.pool.pass(3'600'000);
    life.windows(3);
    CHECK(life.pool->stats().learn_fallbacks <= 1);
    CHECK(life.ends_clean());
  }
}

TEST(pools, "learning: frozen keeps what was learned, and off takes it back") {
  Life life(2);
  life.windows(25);
  const std::uint32_t blocks = learned(life, kBusy);
  CHECK(life.pool->publish(learning_policy(LearnMode::kFrozen)));  // which knows nothing of it
  life.windows(20);
  CHECK_EQ(learned(life, kBusy), blocks);
  CHECK_EQ(life.all[0]->limit(kBusy), blocks);
  CHECK_EQ(int{life.pool->policy()->trial_arms}, 0);
  CHECK(life.pool->publish(learning_policy(LearnMode::kOff)));
  life.windows(2);
  CHECK_EQ(learned(life, kBusy), 0u);
  CHECK_EQ(life.all[0]->limit(kBusy), kBusyBlocks);
  CHECK(!life.again);
  CHECK(life.ends_clean());
}

TEST(pools, "learning: a pool that is tuned meanwhile keeps both") {
  Life life(1);
  life.windows(25);
  const std::uint32_t blocks = learned(life, kBusy);
  CHECK(blocks > kBusyBlocks);
  Policy tuned = learning_policy();
  tuned.purge_delay_ms = Millis{77};
  CHECK(life.pool->publish(tuned));
  life.window();
  CHECK(learned(life, kBusy) >= blocks);
  CHECK(life.pool->policy()->purge_delay_ms == Millis{77});
  CHECK(life.ends_clean());
}

TEST(pools, "learning: what was set by hand stays") {
  Policy policy = learning_policy();
  policy.size_blocks[0] = {kBusy, 9};
  Life life(2, policy);
  life.windows(25);
  CHECK_EQ(life.all[0]->limit(kBusy), 9u);
  CHECK_EQ(learned(life, kBusy), 0u);
  CHECK(life.ends_clean());
}

TEST(pools,
     "learning: a pool in use for which nobody came for an hour goes back to the fixed limits") {
  Life life(2);
  life.windows(25);
  CHECK(learned(life, kBusy) > kBusyBlocks);
  for (auto& worker : life.all) worker->work();
  life.pool.pass(3'600'000);
  (void)life.pool->adapt();
  CHECK_EQ(learned(life, kBusy), 0u);
  CHECK_EQ(life.pool->stats().learn_fallbacks, 1u);
  CHECK(life.figures().events[0].event.cause == CapacityEvent::Cause::kLate);
  CHECK(life.ends_clean());
}

TEST(pools, "learning: switched off it costs no memory and counts nothing") {
  Life life(1, learning_policy(LearnMode::kOff));
  life.windows(3);
  CHECK_EQ(life.pool->run_counter_bytes(), 0u);
  CHECK(life.figures().mode == LearnMode::kOff);
  CHECK(life.ends_clean());
}

TEST(pools, "learning: malloc's magazines learn by the same steps") {
  Policy policy = learning_policy();
  policy.cache_bytes = 128 * kKiB;
  TestHeap heap(policy);
  ThreadCache* const cache = heap.attach();
  auto learning = std::make_unique<CapacityLearning>(policy, ThreadCache::kMostBlocks, Nanos{0});
  Random random(3);
  std::vector<void*> held[2];
  const ByteCount sizes[2] = {8 * kKiB, 16 * kKiB};  // 16 and 8 blocks
  for (int window = 0; window < 40; ++window) {
    for (int i = 0; i < 200; ++i) {
      for (std::size_t which = 0; which < 2; ++which) {
        const auto blocks = [&] {
          return which == 0 ? 14 + random.below(12) : 1 + random.below(3);
        };
        for (std::uint64_t left = blocks(); left != 0; --left)
          held[which].push_back(cache->allocate(sizes[which]));
        for (std::uint64_t left = blocks(); left != 0 && !held[which].empty(); --left) {
          cache->free(held[which].back());
          held[which].pop_back();
        }
      }
    }
    heap.pass(1000);
    learning->step(*heap.heap, 0);
  }
  CHECK(heap->policy()->class_blocks[to_index(class_for(8 * kKiB))] > 16);
  CHECK(heap->stats().learn_saved_calls > 0);
  CHECK(cache->is_valid());
  for (auto& blocks : held) give_blocks(*cache, blocks);
  cache->detach();
  CHECK(heap.ends_clean());
}
