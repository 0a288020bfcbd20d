// Which memory is to move: from what was counted in each interval, without time or memory.
#include "check.h"
#include "heap/region_judge.h"

using namespace superslab;

namespace {

constexpr std::uint32_t kShare = 30;

RegionUse use(std::uint32_t local, NodeOrdinal node = 1, std::uint32_t remote = 0) {
  RegionUse counted;
  counted.local = local;
  if (remote != 0) counted.add_remote(node, remote);
  return counted;
}

/// What the last of so many intervals says that are all alike.
NodeOrdinal after(RegionHistory& history, unsigned intervals, const RegionUse& counted) {
  NodeOrdinal to = kNoNode;
  for (unsigned i = 0; i < intervals; ++i) to = end_interval(history, counted, kShare);
  return to;
}

}  // namespace

TEST(heap, "a region moves after three intervals in a row of remote use, and not before") {
  RegionHistory history;
  CHECK_EQ(after(history, 2, use(10, 3, 90)), kNoNode);
  CHECK_EQ(after(history, 1, use(10, 3, 90)), 3);
  // What was decided is forgotten.
  CHECK_EQ(after(history, 2, use(10, 3, 90)), kNoNode);
  CHECK_EQ(after(history, 1, use(100)), kNoNode);
  CHECK_EQ(after(history, 2, use(10, 3, 90)), kNoNode);
  CHECK_EQ(after(history, 1, use(0)), kNoNode);  // nobody used it
  CHECK_EQ(after(history, 2, use(10, 3, 90)), kNoNode);
  CHECK_EQ(after(history, 1, use(10, 3, 90)), 3);
}

TEST(heap, "the share of remote use counts from just beyond the limit on") {
  RegionHistory history;
  CHECK_EQ(after(history, 3, use(70, 1, 30)), kNoNode);
  CHECK_EQ(history.intervals, 0u);
  CHECK_EQ(after(history, 1, use(69, 1, 31)), kNoNode);
  CHECK_EQ(history.intervals, 1u);
  // In the three together the other node used it more.
  CHECK_EQ(after(history, 1, use(40, 1, 60)), kNoNode);
  CHECK_EQ(after(history, 1, use(40, 1, 60)), 1);
}

TEST(heap, "a region stays where moving it would make more of its use remote") {
  RegionHistory history;
  for (int i = 0; i < 100; ++i) CHECK_EQ(after(history, 1, use(60, 1, 40)), kNoNode);
  // When the other node comes to use it most, what was long ago does not keep it.
  NodeOrdinal to = kNoNode;
  int intervals = 0;
  while (to == kNoNode && intervals < 10) {
    to = after(history, 1, use(20, 1, 80));
    ++intervals;
  }
  CHECK_EQ(to, 1);
  CHECK(intervals <= 3);
}

TEST(heap, "of several other nodes the region goes to the one that uses it most") {
  RegionUse counted = use(10);
  for (int i = 0; i < 20; ++i) {
    counted.add_remote(2, 3);
    counted.add_remote(1, 1);
    counted.add_remote(3, 1);
  }
  CHECK_EQ(counted.total(), 110u);
  CHECK_EQ(counted.vote.candidate, 2);
  RegionHistory history;
  CHECK_EQ(after(history, 3, counted), 2);
  // None uses it more than all others and its own: nothing is gained for certain.
  RegionUse even = use(10);
  even.add_remote(1, 10);
  even.add_remote(2, 10);
  CHECK_EQ(after(history, 10, even), kNoNode);
}

TEST(heap, "uses are counted by many threads at once, each once, up to a bound") {
  RegionUseCounter counter;
  counter.note(1, 0, 5);
  counter.note(0, 0);
  counter.note(2, 0, 2);
  const RegionUse counted = counter.take();
  CHECK_EQ(counted.local, 1u);
  CHECK_EQ(counted.remote, 7u);
  CHECK_EQ(counted.vote.candidate, 1);
  CHECK_EQ(counted.vote.lead, 3u);
  CHECK_EQ(counter.take().total(), 0u);
  for (int i = 0; i < 3; ++i) counter.note(1, 0, 60'000);
  CHECK_EQ(counter.take().remote, 65'535u);
}
