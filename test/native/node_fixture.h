// A pool with a share for each of several simulated memory nodes.
#pragma once

#include <memory>
#include <vector>

#include "heap_fixture.h"

namespace superslab_test {

struct NodePool {
  static constexpr superslab::Nanos kInterval = 1000 * superslab::kMillisecond;

  TestSpace world{kTestArenas};
  superslab::ManualClock clock;
  std::unique_ptr<superslab::BufferPool> pool;
  superslab::Nanos now = kInterval;

  explicit NodePool(unsigned nodes, const superslab::Policy& policy = plain_policy()) {
    world.os.set_nodes(nodes);
    pool = std::make_unique<superslab::BufferPool>(*world.space, clock, policy, superslab::kNoLimit,
                                                   "nodes", true, true);
  }
  /// A test that failed half-way leaves blocks out: the pool is then left as it is. A sanitizer
  /// finds it by this list.
  ~NodePool() {
    if (pool == nullptr || pool->budget().charged() == 0) return;
    static auto* left = new std::vector<const void*>;
    left->push_back(pool.release());
    left->push_back(world.space.release());
    world.open = false;
  }
  NodePool(const NodePool&) = delete;
  NodePool& operator=(const NodePool&) = delete;
  superslab::BufferPool* operator->() const { return pool.get(); }
  superslab::FakeOs& os() { return world.os; }
  superslab::Superslab& region_of(const Script& script, superslab::BlockNumber block) const {
    return world.space->superslab_of(script.bytes_of(block));
  }

  /// Lets so many intervals pass, in each of which the migrator comes by as often as it wants.
  void pass_intervals(unsigned count) {
    for (const superslab::Nanos end = now + count * kInterval; now < end;)
      now += pool->migrator().step(now);
  }

  /// The thread that runs this runs on that node from now on, as upkeep of its caches notices.
  void run_on(superslab::NodeOrdinal node, std::initializer_list<Script*> scripts) {
    os().run_on(node);
    for (Script* script : scripts) script->cache().trim_idle();
  }

  bool ends_clean() {
    if (pool->budget().charged() != 0) return false;
    pool.reset();
    world.close();
    return world.is_balanced();
  }
};

}  // namespace superslab_test
