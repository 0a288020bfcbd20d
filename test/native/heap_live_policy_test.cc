// A heap's policy is published anew while the heap is used: limits hold at once, what threads keep
// follows at their next slow path.
#include <atomic>
#include <thread>
#include <vector>

#include "check.h"
#include "heap_fixture.h"

using namespace superslab;
using namespace superslab_test;

namespace {

Policy with_blocks(std::uint32_t blocks) {
  Policy policy = plain_policy();
  policy.cache_blocks = blocks;
  policy.cache_bytes = 128 * kMiB;
  return policy;
}

/// Whether every class keeps as many blocks at most, once a slow path of each has come by.
bool keeps_no_more_than(ThreadCache& cache, ByteCount bytes, std::uint32_t blocks) {
  give_blocks(cache, take_blocks(cache, 3 * kMagazineBlocks, bytes));
  return cache.cached(class_for(bytes)) <= blocks;
}

}  // namespace

TEST(heap, "a thread cache keeps fewer blocks from the next slow path on, and more again") {
  TestHeap t(with_blocks(60));
  ThreadCache* cache = t.attach();
  constexpr ByteCount kBytes = 128;
  const ClassIndex c = class_for(kBytes);
  give_blocks(*cache, take_blocks(*cache, 100, kBytes));
  const std::uint32_t before = cache->cached(c);
  CHECK(before > 16 && before <= 60);

  CHECK(t->publish(with_blocks(4)));
  CHECK_EQ(cache->cached(c), before);  // nobody touches what is another thread's
  // The next spill is the first slow path of the class.
  std::vector<void*> held;
  for (std::uint32_t i = 0; i < before; ++i) held.push_back(cache->allocate(kBytes));
  std::vector<void*> more = take_blocks(*cache, 8, kBytes);
  give_blocks(*cache, more);
  give_blocks(*cache, held);
  CHECK(cache->cached(c) <= 4 + 1);
  CHECK(cache->is_valid());

  CHECK(t->publish(with_blocks(60)));
  bool is_more = false;
  for (int round = 0; round < 4; ++round) {
    give_blocks(*cache, take_blocks(*cache, 100, kBytes));
    is_more |= cache->cached(c) > 16;
  }
  CHECK(is_more);
  cache->detach();
  CHECK(t.ends_clean());
}

TEST(heap, "a thread that only allocates goes by a raised limit from its next refill on") {
  TestHeap t(with_blocks(2));
  ThreadCache* cache = t.attach();
  constexpr ByteCount kBytes = 128;
  const ClassIndex c = class_for(kBytes);
  std::vector<void*> held;
  for (int i = 0; i < 8; ++i) {
    held.push_back(cache->allocate(kBytes));
    CHECK_EQ(cache->cached(c), 0u);  // a batch is half a magazine at most
  }

  CHECK(t->publish(with_blocks(60)));
  for (const std::uint32_t batch : {2u, 4u, 8u, 16u, 30u, 30u}) {
    held.push_back(cache->allocate(kBytes));
    CHECK_EQ(cache->cached(c), batch - 1);
    while (cache->cached(c) != 0) held.push_back(cache->allocate(kBytes));
  }

  CHECK(t->publish(with_blocks(2)));
  held.push_back(cache->allocate(kBytes));
  CHECK_EQ(cache->cached(c), 0u);
  CHECK(cache->is_valid());
  give_blocks(*cache, held);
  cache->detach();
  CHECK(t.ends_clean());
}

TEST(heap, "a full magazine that must keep less gives the rest back when it spills") {
  TestHeap t(with_blocks(60));
  ThreadCache* cache = t.attach();
  constexpr ByteCount kBytes = 256;
  const ClassIndex c = class_for(kBytes);
  std::vector<void*> blocks = take_blocks(*cache, 200, kBytes);
  // Up to one before the spill.
  while (cache->cached(c) < 60 && !blocks.empty()) {
    cache->free(blocks.back());
    blocks.pop_back();
  }
  CHECK_EQ(cache->cached(c), 60u);
  CHECK(t->publish(with_blocks(2)));
  cache->free(blocks.back());
  blocks.pop_back();
  cache->free(blocks.back());
  blocks.pop_back();
  CHECK(cache->cached(c) <= 3);
  CHECK(cache->is_valid());
  give_blocks(*cache, blocks);
  cache->detach();
  CHECK(t.ends_clean());
}

TEST(heap, "a class has the limit that the policy gives it alone") {
  Policy policy = with_blocks(8);
  policy.class_blocks[to_index(class_for(512))] = 40;
  TestHeap t(policy);
  ThreadCache* cache = t.attach();
  give_blocks(*cache, take_blocks(*cache, 40, 512));
  give_blocks(*cache, take_blocks(*cache, 40, 1024));
  CHECK(cache->cached(class_for(512)) > 8);
  CHECK(cache->cached(class_for(1024)) <= 9);
  policy.class_blocks[to_index(class_for(512))] = 0;
  CHECK(t->publish(policy));
  CHECK(keeps_no_more_than(*cache, 512, 9));
  cache->detach();
  CHECK(t.ends_clean());
}

TEST(heap, "one class's magazine becomes shorter before another one's becomes longer") {
  Policy policy = with_blocks(8);
  const ClassIndex shorter = class_for(512);
  const ClassIndex longer = class_for(1024);
  policy.class_blocks[to_index(shorter)] = 40;
  TestHeap t(policy);
  ThreadCache* cache = t.attach();
  give_blocks(*cache, take_blocks(*cache, 30, 512));
  const std::uint32_t before = cache->cached(shorter);
  CHECK(before > 8);
  policy.class_blocks[to_index(shorter)] = 4;
  policy.class_blocks[to_index(longer)] = 20;
  CHECK(t->publish(policy));
  CHECK_EQ(cache->cached(shorter), before);
  // A slow call, of the other class alone.
  std::vector<void*> other = take_blocks(*cache, 1, 1024);
  CHECK_EQ(cache->cached(shorter), 4u);
  CHECK(cache->is_valid());
  // Its room is that, too: what is beyond spills.
  give_blocks(*cache, take_blocks(*cache, 12, 512));
  CHECK(cache->cached(shorter) <= 4);
  give_blocks(*cache, other);
  cache->detach();
  CHECK(t.ends_clean());
}

TEST(heap, "spare blocks follow a new limit") {
  TestHeap t(with_blocks(16));
  ThreadCache* cache = t.attach();
  constexpr ByteCount kBytes = 64 * kKiB;
  const ClassIndex c = class_for(kBytes);
  for (int round = 0; round < 40; ++round) give_blocks(*cache, take_blocks(*cache, 8, kBytes));
  CHECK(cache->owner().spare_blocks(c) > 1);
  CHECK(t->publish(with_blocks(1)));
  give_blocks(*cache, take_blocks(*cache, 12, kBytes));
  CHECK(cache->owner().spare_blocks(c) <= 1);
  CHECK(cache->owner().is_valid());
  cache->detach();
  CHECK(t.ends_clean());
}

TEST(heap, "JavaScript's magazines follow at their next refill or spill") {
  TestPool t(with_blocks(32));
  {
    Script script(*t.heap);
    const SliceTag tag = tag_of(lease_class_for(1024));
    std::vector<BlockNumber> held;
    for (int i = 0; i < 100; ++i) held.push_back(script.acquire(1024));
    for (int i = 0; i < 31; ++i) {
      script.release(held.back());
      held.pop_back();
    }
    CHECK(t->publish(with_blocks(4)));
    CHECK_EQ(script.limit(tag), 32u);
    // Full: the next but one comes by.
    for (int i = 0; i < 10; ++i) {
      script.release(held.back());
      held.pop_back();
    }
    CHECK_EQ(script.limit(tag), 4u);
    CHECK(script.depth(tag).load() <= 4);
    CHECK(t->publish(with_blocks(64)));
    while (script.depth(tag).load() != 0) held.push_back(script.acquire(1024));
    held.push_back(script.acquire(1024));
    CHECK_EQ(script.limit(tag), 64u);
    for (const BlockNumber n : held) script.release(n);
  }
  CHECK(t.ends_clean());
}

TEST(heap, "a squeezed pool stays squeezed when its policy changes") {
  Policy policy = with_blocks(32);
  policy.max_bytes = 64 * kMiB;
  TestPool t(policy);
  {
    Script script(*t.heap);
    const SliceTag tag = tag_of(lease_class_for(1024));
    t->room().start_waiting(&script.cache());
    CHECK_EQ(script.limit(tag), 0u);
    policy.cache_blocks = 8;
    CHECK(t->publish(policy));
    const BlockNumber n = script.acquire(1024);
    CHECK_EQ(script.limit(tag), 0u);
    script.release(n);
    t->room().stop_waiting(&script.cache());
    CHECK_EQ(script.limit(tag), 8u);
  }
  CHECK(t.ends_clean());
}

TEST(heap, "a limit falls and rises: what is out stays out, and who waits is told") {
  Policy policy = with_blocks(1);
  policy.max_bytes = 8 * kMiB;
  TestPool t(policy);
  {
    Script script(*t.heap);
    std::vector<BlockNumber> held;
    for (int i = 0; i < 6; ++i) held.push_back(script.acquire(kMiB));
    policy.max_bytes = 4 * kMiB;
    CHECK(t->publish(policy));
    CHECK_EQ(t->budget().max_bytes(), 4 * kMiB);
    CHECK_EQ(script.acquire(kMiB), kNoBlock);
    for (int i = 0; i < 2; ++i) {
      script.release(held.back());
      held.pop_back();
    }
    // One of them lies in the magazine, and is charged all the same.
    held.push_back(script.acquire(kMiB));
    CHECK(held.back() != kNoBlock);
    CHECK_EQ(script.acquire(kMiB), kNoBlock);
    t->room().start_waiting(&script.cache());
    const unsigned before = script.woken();
    policy.max_bytes = 0;
    CHECK(t->publish(policy));
    CHECK(script.woken() > before);
    t->room().stop_waiting(&script.cache());
    for (int i = 0; i < 20; ++i) {
      held.push_back(script.acquire(kMiB));
      CHECK(held.back() != kNoBlock);
    }
    for (const BlockNumber n : held) script.release(n);
  }
  CHECK(t.ends_clean());
}

TEST(heap, "what the big cache holds beyond a new limit goes back at once") {
  Policy policy = plain_policy();
  policy.big_cache_bytes = 64 * kMiB;
  TestPool t(policy);
  {
    Script script(*t.heap);
    std::vector<BlockNumber> held;
    for (int i = 0; i < 4; ++i) held.push_back(script.acquire(4 * kMiB));
    for (const BlockNumber n : held) script.release(n);
    CHECK_EQ(t->stats().big_cache_bytes, 16 * kMiB);
    policy.big_cache_bytes = 8 * kMiB;
    CHECK(t->publish(policy));
    CHECK(t->stats().big_cache_bytes <= 8 * kMiB);
    CHECK(t->committed_bytes() <= 8 * kMiB);
  }
  CHECK(t.ends_clean());
}

TEST(heap,
     "new superslabs and huge blocks are of the pages and on the node of the policy that is "
     "current") {
  Policy policy = plain_policy();
  policy.thp_from_bytes = 0;  // from the first superslab on
  TestHeap t(policy);
  t.os().set_nodes(4);
  ThreadCache* cache = t.attach();
  const auto placed_on = [&](std::uint16_t node) {
    return t.os().last_node_placement().kind == NodePlacement::Kind::kNode &&
           t.os().last_node_placement().node == node;
  };
  // What lies idle in the space serves as it is: each size is longer than what was there before.
  ByteCount bytes = 3 * kMiB;
  for (std::uint16_t node = 1; node <= 3; ++node, bytes *= 4) {
    policy.numa = {NodePlacement::Kind::kNode, node};
    policy.huge_pages = node == 2 ? HugePages::kTransparent : HugePages::kOff;
    policy.populate = node == 3 ? Populate::kSuperslab : Populate::kOff;
    CHECK(t->publish(policy));
    const std::uint64_t populates = t->stats().populates;
    Superslab* head = t->huge().take(bytes, nullptr);
    CHECK(head != nullptr && placed_on(node));
    CHECK_EQ(head->pages, policy.huge_pages);
    CHECK_EQ(t->stats().populates - populates, node == 3 ? 1u : 0u);
    CHECK(t->give_huge(head));
    (void)t->trim(0);

    void* block = cache->allocate(64 * kKiB);
    const Superslab& s = t.space().superslab_of(block);
    CHECK(placed_on(node));
    CHECK_EQ(s.pages, policy.huge_pages);
    cache->free(block);
    cache->flush();
    (void)t->trim(0);
  }
  cache->detach();
  CHECK(t.ends_clean());
}

TEST(heap, "delays are those of the policy that is current") {
  Policy policy = plain_policy();
  policy.purge_delay_ms = Millis{10'000};
  TestHeap t(policy);
  CHECK_EQ(t->account().purge_delay(), 10'000 * kMillisecond);
  policy.purge_delay_ms = Millis{5};
  CHECK(t->publish(policy));
  CHECK_EQ(t->account().purge_delay(), 5 * kMillisecond);
  CHECK(t.ends_clean());
}

TEST(heap, "what a heap cannot do any more is refused, and nothing changes") {
  TestSpace world(kTestArenas);
  ManualClock clock;
  {
    Policy policy = plain_policy();
    Heap heap(*world.space, clock, policy,
              {.access = Access::kPointers, .is_always_charged = false});
    const std::uint64_t before = heap.policy_generation();
    policy.max_bytes = kMiB;
    CHECK(!heap.publish(policy));
    CHECK_EQ(heap.policy_generation(), before);
    CHECK_EQ(heap.policy()->max_bytes, 0u);
  }
  {
    Policy policy = plain_policy();
    Heap heap(*world.space, clock, policy, {.secrecy = Secrecy::kNoDump | Secrecy::kWipeOnFork});
    policy.huge_pages = HugePages::k2MiB;
    CHECK(!heap.publish(policy));
    policy.huge_pages = HugePages::kTransparent;
    CHECK(heap.publish(policy));
  }
  world.close();
  CHECK(world.is_balanced());
}

TEST(heap, "a million snapshots while eight threads allocate: the last one holds everywhere") {
  constexpr std::uint32_t kThreads = 8;
  constexpr std::uint32_t kSnapshots = 1'000'000;
  constexpr ByteCount kSizes[] = {16, 100, 1000, 5000, 40'000, 300'000};
  TestHeap t(with_blocks(60));
  std::atomic<bool> is_over{false};
  std::atomic<std::uint32_t> wrong{0};
  std::vector<std::thread> threads;
  for (std::uint32_t who = 0; who < kThreads; ++who) {
    threads.emplace_back([&, who] {
      ThreadCache* cache = t.attach();
      Random random(who + 1);
      std::vector<std::pair<void*, ByteCount>> held;
      const auto free_one = [&] {
        const std::size_t at = random.below(held.size());
        if (!is_intact(held[at].first, held[at].second, who)) wrong.fetch_add(1);
        cache->free(held[at].first);
        held[at] = held.back();
        held.pop_back();
      };
      while (!is_over.load()) {
        const ByteCount bytes = kSizes[random.below(std::size(kSizes))];
        if (void* block = cache->allocate(bytes)) {
          fill(block, bytes, who);
          held.push_back({block, bytes});
        }
        while (held.size() > 40) free_one();
      }
      while (!held.empty()) free_one();
      // One slow path of each class is all it takes.
      for (const ByteCount bytes : kSizes) {
        if (!keeps_no_more_than(*cache, bytes, 3)) wrong.fetch_add(1);
      }
      if (!cache->is_valid()) wrong.fetch_add(1);
      cache->detach();
    });
  }
  bool published = true;
  for (std::uint32_t n = 0; n < kSnapshots; ++n) {
    Policy policy = with_blocks(n % 60 + 1);
    policy.class_blocks[n % kFixedClasses] = static_cast<std::uint8_t>(n % 50);
    policy.big_cache_bytes = n % 7 * kMiB;
    published = t->publish(policy) && published;
  }
  published = t->publish(with_blocks(2)) && published;
  is_over.store(true);
  for (std::thread& thread : threads) thread.join();
  CHECK(published);
  CHECK_EQ(wrong.load(), 0u);
  CHECK_EQ(t->policy_generation(), kSnapshots + 1);
  for (int i = 0; i < 3; ++i) t->tick();
  CHECK(t.ends_clean());
}
