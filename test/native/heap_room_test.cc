// Waiting for room under maxBytes.

#include <algorithm>
#include <chrono>
#include <thread>
#include <vector>

#include "check.h"
#include "end_fixture.h"
#include "heap_fixture.h"
#include "pools/buffer/recent_blocks.h"

using namespace superslab;
using namespace superslab_test;

namespace {

Policy limited(ByteCount max_bytes) {
  Policy policy = plain_policy();
  policy.max_bytes = max_bytes;
  return policy;
}

constexpr Nanos kLong = 60'000 * kMillisecond;

}  // namespace

TEST(heap, "a discharge wakes a waiting thread") {
  TestPool t(limited(64 * kKiB));
  Script holder(*t.heap);
  Script waiter(*t.heap);
  for (int round = 0; round < 50; ++round) {
    const BlockNumber block = holder.acquire(64 * kKiB);
    CHECK(block != kNoBlock);
    CHECK(waiter.acquire(64) == kNoBlock);
    std::thread thread([&] {
      Room& room = t->room();
      room.start_waiting(&waiter.cache());
      BlockNumber got = kNoBlock;
      while (got == kNoBlock) {
        const std::uint64_t seen = room.ticket();
        got = waiter.acquire(64 * kKiB);
        if (got == kNoBlock) room.wait(seen, kLong);
      }
      room.stop_waiting(&waiter.cache());
      waiter.release(got);
      waiter.cache().flush();
    });
    if (round % 2 == 0) std::this_thread::yield();
    holder.release(block);
    // As the signal would ask for, and as a squeezed release does by itself.
    holder.cache().flush();
    thread.join();
  }
  CHECK_EQ(t->budget().charged(), 0u);
  holder.detach();
  waiter.detach();
  CHECK(t.ends_clean());
}

TEST(heap, "a request for which there is no room is counted") {
  TestPool t(limited(64 * kKiB));
  Script s(*t.heap);
  const BlockNumber n = s.acquire(64 * kKiB);
  CHECK(n != kNoBlock);
  CHECK_EQ(t->stats().failed_requests, 0u);
  CHECK_EQ(s.cache().refill(lease_class_for(64)), 0u);
  CHECK_EQ(t->stats().failed_requests, 1u);
  s.release(n);
  s.detach();
  CHECK(t.ends_clean());
}

TEST(heap, "who finds no room asks all others for what they cache, and not itself") {
  TestPool t(limited(kMiB));
  CHECK_EQ(t->stats().max_bytes, kMiB);
  Script scripts[3] = {Script(*t.heap), Script(*t.heap), Script(*t.heap)};
  t->caches().ask_for_flush(&scripts[1].cache());
  CHECK_EQ(scripts[0].cache().take_signals(), std::uint32_t{BufferThreadCache::kFlush});
  CHECK_EQ(scripts[1].cache().take_signals(), 0u);
  CHECK_EQ(scripts[2].cache().take_signals(), std::uint32_t{BufferThreadCache::kFlush});
  for (Script& script : scripts) script.detach();
}

TEST(heap, "a wait ends after its time, and a ticket that is old does not wait at all") {
  TestPool t(limited(64 * kKiB));
  Script one(*t.heap);
  Room& room = t->room();
  room.start_waiting(&one.cache());
  const auto before = std::chrono::steady_clock::now();
  room.wait(room.ticket(), 5 * kMillisecond);
  CHECK(std::chrono::steady_clock::now() - before >= std::chrono::milliseconds(5));
  const std::uint64_t seen = room.ticket();
  one.cache().give(one.acquire(64));
  CHECK(room.ticket() != seen);
  room.wait(seen, kLong);
  room.stop_waiting(&one.cache());
  one.detach();
  CHECK(t.ends_clean());
}

TEST(heap, "nobody hears of a discharge while nobody waits") {
  TestPool t(limited(64 * kKiB));
  Script one(*t.heap);
  const std::uint64_t ticket = t->room().ticket();
  one.cache().give(one.acquire(64));
  CHECK_EQ(t->room().ticket(), ticket);
  CHECK_EQ(one.woken(), 0u);
  one.detach();
  CHECK(t.ends_clean());
}

TEST(heap, "while one waits, everybody is squeezed: magazines are given up and stay empty") {
  TestPool t(limited(kMiB));
  Script idle(*t.heap);
  Script waiter(*t.heap);
  ThreadCache* plain = t.attach();
  const SliceTag tag = tag_of(lease_class_for(1000));
  idle.release(idle.acquire(1000));
  plain->free(plain->allocate(1000));
  CHECK(idle.limit(tag) > 0);
  CHECK(idle.depth(tag).load() == 1);

  t->room().start_waiting(&waiter.cache());
  t->room().start_waiting(&waiter.cache());  // once more says nothing new
  CHECK_EQ(idle.limit(tag), 0u);
  CHECK_EQ(waiter.limit(tag), 0u);
  CHECK_EQ(idle.woken(), 1u);
  CHECK_EQ(idle.cache().take_signals() & BufferThreadCache::kFlush, BufferThreadCache::kFlush);
  CHECK_EQ(idle.cache().take_signals(), 0u);
  // What the signal's handler does.
  idle.cache().flush();
  const BlockNumber n = idle.acquire(1000);
  idle.release(n);  // straight to its slab
  CHECK_EQ(idle.depth(tag).load(), 0u);
  // malloc's path has no limit to look at: see "a squeezed thread cache ...".
  plain->flush();
  CHECK_EQ(t->budget().charged(), 0u);
  CHECK(waiter.cache().take_signals() & BufferThreadCache::kRoomMade);
  // A newcomer is squeezed from the start.
  Script late(*t.heap);
  CHECK_EQ(late.limit(tag), 0u);
  CHECK_EQ(late.acquire(1000) != kNoBlock, true);
  late.release(late.acquire(1000));

  t->room().stop_waiting(&waiter.cache());
  for (Script* s : {&idle, &waiter, &late}) CHECK(s->limit(tag) > 0);
  late.cache().reclaim(kAllGoHome);
  for (Script* s : {&idle, &waiter, &late}) s->detach();
  plain->detach();
  CHECK(t.ends_clean());
}

TEST(heap,
     "a squeezed thread cache fetches one block at a time and keeps none of a full magazine") {
  Policy policy = limited(kMiB);
  policy.cache_blocks = 8;
  TestPool t(policy);
  Script waiter(*t.heap);
  ThreadCache* plain = t.attach();
  ThreadCache* other = t.attach();
  const ClassIndex c = class_for(1000);
  t->room().start_waiting(&waiter.cache());
  std::vector<void*> blocks;
  for (int i = 0; i < 9; ++i) blocks.push_back(plain->allocate(1000));
  CHECK_EQ(t->class_stats(c).refills, 9u);
  CHECK_EQ(t->budget().charged(), 9 * 1024u);
  for (std::size_t i = 0; i < 8; ++i) {
    plain->free(blocks[i]);
    CHECK_EQ(plain->cached(c), i + 1);
  }
  plain->free(blocks[8]);
  CHECK_EQ(plain->cached(c), 0u);
  CHECK_EQ(t->budget().charged(), 0u);
  // What is somebody else's goes home at once.
  void* foreign = plain->allocate(1000);
  other->free(foreign);
  CHECK_EQ(t->budget().charged(), 0u);
  CHECK(waiter.cache().take_signals() & BufferThreadCache::kRoomMade);
  // A newcomer is squeezed from the start; the end of the squeeze ends all this.
  ThreadCache* late = t.attach();
  for (int i = 0; i < 3; ++i) blocks[static_cast<std::size_t>(i)] = late->allocate(1000);
  CHECK_EQ(t->budget().charged(), 3 * 1024u);
  t->room().stop_waiting(&waiter.cache());
  for (std::size_t i = 3; i < 5; ++i) blocks[i] = late->allocate(1000);
  CHECK(t->budget().charged() > 5 * 1024u);
  for (std::size_t i = 0; i < 5; ++i) late->free(blocks[i]);
  waiter.detach();
  for (ThreadCache* cache : {plain, other, late}) cache->detach();
  CHECK(t.ends_clean());
}

TEST(heap, "a member that leaves while it waits ends the squeeze") {
  TestPool t(limited(kMiB));
  Script stays(*t.heap);
  Script leaves(*t.heap);
  const SliceTag tag = tag_of(lease_class_for(64));
  t->room().start_waiting(&leaves.cache());
  t->room().start_waiting(&stays.cache());
  leaves.detach();
  CHECK_EQ(stays.limit(tag), 0u);  // still waits itself
  t->room().stop_waiting(&stays.cache());
  t->room().stop_waiting(&stays.cache());
  CHECK(stays.limit(tag) > 0);
  stays.detach();
  CHECK(t.ends_clean());
}

TEST(heap, "a closed pool caches nothing, also when a squeeze ends later") {
  TestPool t(limited(kMiB));
  Script closed(*t.heap);
  Script waiter(*t.heap);
  const SliceTag tag = tag_of(lease_class_for(64));
  const BlockNumber n = closed.acquire(64);
  t->room().start_waiting(&waiter.cache());
  closed.cache().close();
  t->room().stop_waiting(&waiter.cache());
  CHECK_EQ(closed.limit(tag), 0u);
  CHECK(waiter.limit(tag) > 0);
  closed.release(n);
  CHECK_EQ(t->budget().charged(), 0u);
  closed.detach();
  waiter.detach();
  CHECK(t.ends_clean());
}

TEST(heap, "a pool that is closed while others start and stop waiting has no limits left") {
  TestPool t(limited(kMiB));
  Script waiter(*t.heap);
  std::atomic<bool> stop{false};
  std::thread squeezing([&] {
    while (!stop.load()) {
      t->room().start_waiting(&waiter.cache());
      t->room().stop_waiting(&waiter.cache());
    }
  });
  unsigned with_limits = 0;
  for (int round = 0; round < 2000; ++round) {
    Script closing(*t.heap);
    closing.cache().close();
    std::this_thread::yield();
    for (std::size_t tag = 0; tag <= kFixedClasses; ++tag)
      with_limits += closing.limit(static_cast<SliceTag>(tag)) != 0;
  }
  stop = true;
  squeezing.join();
  CHECK_EQ(with_limits, 0u);
  waiter.detach();
  CHECK(t.ends_clean());
}

TEST(heap, "many threads share less room than they want, and none starves") {
  constexpr int kThreads = 4;
  TestPool t(limited(8 * 64 * kKiB));
  std::vector<std::thread> threads;
  std::atomic<int> done{0};
  std::atomic<bool> over{false};
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      Script script(*t.heap);
      Random random(static_cast<std::uint64_t>(i) + 1);
      Room& room = t->room();
      for (int round = 0; round < 100; ++round) {
        BlockNumber held[4] = {};
        const std::size_t wanted = 1 + random.below(2);  // all together ask for 8 at most
        for (std::size_t k = 0; k < wanted; ++k) {
          bool waiting = false;
          while (held[k] == kNoBlock) {
            if (script.cache().take_signals() & BufferThreadCache::kFlush) script.cache().flush();
            const std::uint64_t seen = room.ticket();
            held[k] = script.acquire(64 * kKiB);
            if (held[k] != kNoBlock) break;
            if (!waiting) room.start_waiting(&script.cache());
            if (waiting) room.wait(seen, 50 * kMillisecond);
            waiting = true;
          }
          if (waiting) room.stop_waiting(&script.cache());
          if (t->budget().charged() > t->budget().max_bytes()) over = true;
        }
        for (std::size_t k = 0; k < wanted; ++k) script.release(held[k]);
      }
      ++done;
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK_EQ(done.load(), kThreads);
  CHECK(!over.load());
  CHECK_EQ(t->budget().charged(), 0u);
  CHECK(t.ends_clean());
}

TEST(heap, "a room shows the magazines of each of its members once") {
  TestPool t(limited(kMiB));
  Script scripts[3] = {Script(*t.heap), Script(*t.heap), Script(*t.heap)};
  const SliceTag tag = tag_of(lease_class_for(64));
  for (int i = 0; i < 3; ++i) {
    for (int n = 0; n <= i; ++n) scripts[i].release(scripts[i].acquire(64));
  }
  struct : RecentBlocks {
    void look_at(const void* whose, const std::uint32_t* acquired, const BlockNumber*) override {
      seen.emplace_back(whose, acquired[tag_of(lease_class_for(64))]);
    }
    std::vector<std::pair<const void*, std::uint32_t>> seen;
  } recent;
  t->show_recent(recent);
  CHECK_EQ(recent.seen.size(), 3u);
  for (Script& script : scripts) {
    const LeaseMagazines& m = script.cache().magazines();
    CHECK_EQ(std::count(recent.seen.begin(), recent.seen.end(),
                        std::pair<const void*, std::uint32_t>(&m, m.acquired[tag])),
             1);
    script.detach();
  }
}
