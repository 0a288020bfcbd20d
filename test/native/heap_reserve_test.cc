// What a heap keeps empty for demand that comes back, and what it populates ahead of it.
#include <atomic>
#include <thread>
#include <vector>

#include "check.h"
#include "heap_fixture.h"

using namespace superslab;
using namespace superslab_test;

namespace {

constexpr ByteCount kBlock = 64 * kKiB;
const ClassIndex kClass = lease_class_for(kBlock);
const ByteCount kSlabBytes = size_class(kClass).slices * kSliceBytes;
const std::uint32_t kInSlab = size_class(kClass).block_count;

Policy purge_policy(Populate populate = Populate::kOff) {
  Policy policy = plain_policy();
  policy.populate = populate;
  policy.purge_delay_ms = Millis{100};
  return policy;
}

Reserve reserve_of(std::uint32_t slabs, ByteCount ready_bytes) {
  Reserve reserve;
  reserve.slabs[to_index(kClass)] = slabs;
  reserve.ready_bytes = ready_bytes;
  return reserve;
}

/// Takes blocks for so many slabs, writes to them and gives them back. The last refill fetches more
/// than that: half a magazine at most, a slab of them.
void burst(Script& script, std::uint32_t slabs) {
  std::vector<BlockNumber> blocks;
  for (std::uint32_t i = 0; i < slabs * kInSlab; ++i) {
    blocks.push_back(script.acquire(kBlock));
    std::memset(script.bytes_of(blocks.back()), 1, kBlock);
  }
  for (const BlockNumber block : blocks) script.release(block);
}

/// What the environment's upkeep does, for long enough that all that may goes back.
void rest(TestPool& pool, Script& script) {
  for (int turn = 0; turn < 4; ++turn) {
    pool.pass(101);
    script.cache().trim_idle();
    (void)pool->tick();
  }
}

ClassSample sample_of(Heap& heap) {
  Samples samples;
  heap.sample(samples);
  return samples.classes[to_index(kClass)];
}

}  // namespace

TEST(heap, "reserve: without one nothing stays") {
  TestPool pool(purge_policy());
  Script script(*pool.heap);
  burst(script, 8);
  rest(pool, script);
  CHECK_EQ(pool->committed_bytes(), 0u);
  script.detach();
  CHECK(pool.ends_clean());
}

TEST(heap,
     "reserve: so many empty slabs of a class stay, with their memory, and serve the next burst") {
  TestPool pool(purge_policy());
  Script script(*pool.heap);
  pool->publish_reserve(reserve_of(5, 5 * kSlabBytes));
  burst(script, 8);
  rest(pool, script);
  CHECK_EQ(pool->committed_bytes(), 5 * kSlabBytes);
  CHECK(script.cache().has_unused_slabs());
  const ClassSample before = sample_of(*pool.heap);
  CHECK_EQ(before.slabs_made - before.slabs_retired, 5u);
  burst(script, 4);
  CHECK_EQ(sample_of(*pool.heap).slabs_made, before.slabs_made);
  CHECK_EQ(pool->committed_bytes(), 5 * kSlabBytes);

  pool->publish_reserve({});
  rest(pool, script);
  CHECK_EQ(pool->committed_bytes(), 0u);
  script.detach();
  CHECK(pool.ends_clean());
}

TEST(heap, "reserve: slabs in use count as kept") {
  TestPool pool(purge_policy());
  Script script(*pool.heap);
  pool->publish_reserve(reserve_of(3, 0));
  std::vector<BlockNumber> held;
  for (std::uint32_t i = 0; i < 2 * kInSlab; ++i) held.push_back(script.acquire(kBlock));
  burst(script, 6);
  rest(pool, script);
  const ClassSample one = sample_of(*pool.heap);
  CHECK_EQ(one.slabs_made - one.slabs_retired, 3u);
  for (const BlockNumber block : held) script.release(block);
  script.detach();
  CHECK(pool.ends_clean());
}

TEST(heap, "reserve: what of it is in no slab stays as free memory for any class") {
  TestPool pool(purge_policy());
  Script script(*pool.heap);
  burst(script, 8);
  pool->publish_reserve(reserve_of(0, 2 * kSuperslabBytes));
  rest(pool, script);
  Samples samples;
  pool->sample(samples);
  CHECK(samples.free_bytes >= 2 * kSuperslabBytes);
  CHECK(samples.free_bytes < 3 * kSuperslabBytes);
  CHECK_EQ(pool->committed_bytes(), samples.free_bytes);
  script.detach();
  CHECK(pool.ends_clean());
}

TEST(heap, "reserve: trim() and flush() take all of it") {
  TestPool pool(purge_policy());
  Script script(*pool.heap);
  pool->publish_reserve(reserve_of(8, 8 * kSlabBytes));
  burst(script, 8);
  rest(pool, script);
  CHECK_EQ(pool->committed_bytes(), 8 * kSlabBytes);
  script.cache().flush();
  pool->trim(0);
  CHECK_EQ(pool->committed_bytes(), 0u);
  script.detach();
  CHECK(pool.ends_clean());
}

TEST(heap, "reserve: a thread that has ended leaves it to the next") {
  TestPool pool(purge_policy());
  auto first = std::make_unique<Script>(*pool.heap);
  pool->publish_reserve(reserve_of(4, 4 * kSlabBytes));
  burst(*first, 6);
  rest(pool, *first);
  first->detach();
  for (int turn = 0; turn < 4; ++turn) {
    pool.pass(101);
    (void)pool->tick();
  }
  // Its own flush dissolved the slabs; what is kept lies free, but for what nobody had touched.
  const ByteCount kept = pool->committed_bytes();
  CHECK(kept > 3 * kSlabBytes && kept <= 4 * kSlabBytes);
  Script second(*pool.heap);
  burst(second, 2);
  CHECK(pool->committed_bytes() >= kept && pool->committed_bytes() <= 4 * kSlabBytes);
  second.detach();
  CHECK(pool.ends_clean());
}

TEST(heap, "pages that lie free among blocks in use go back at rest, unless demand comes back") {
  for (const bool is_expected : {false, true}) {
    TestPool pool(purge_policy());
    Script script(*pool.heap);
    if (is_expected) pool->publish_reserve(reserve_of(0, kSlabBytes));
    std::vector<BlockNumber> blocks;
    for (std::uint32_t i = 0; i < 4 * kInSlab; ++i) {
      blocks.push_back(script.acquire(kBlock));
      std::memset(script.bytes_of(blocks.back()), 1, kBlock);
    }
    // One of each slab stays.
    std::vector<BlockNumber> held;
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      if (i % kInSlab == 0)
        held.push_back(blocks[i]);
      else
        script.release(blocks[i]);
    }
    const ByteCount before = pool.os().totals().purged;
    script.cache().trim_idle();  // its magazine was used since the last look
    script.cache().trim_idle();
    CHECK_EQ(pool.os().totals().purged, before);
    script.cache().trim_idle();
    const ByteCount purged = pool.os().totals().purged - before;
    if (is_expected) CHECK_EQ(purged, 0u);
    if (!is_expected) CHECK(purged >= 3 * (kInSlab - 1) * kBlock);
    for (const BlockNumber block : held) {
      CHECK_EQ(static_cast<int>(*script.bytes_of(block)), 1);
      script.release(block);
    }
    script.detach();
    CHECK(pool.ends_clean());
  }
}

TEST(heap, "busy slabs: most and fewest between two looks are told, whatever was at the looks") {
  TestPool pool(purge_policy());
  Script script(*pool.heap);
  burst(script, 6);
  script.cache().flush();
  ClassSample one = sample_of(*pool.heap);
  CHECK_EQ(one.busy_slabs, 0u);
  CHECK(one.peak_busy_slabs == 6 || one.peak_busy_slabs == 7);
  CHECK_EQ(one.acquires, 6u * kInSlab);
  CHECK_EQ(one.slab_bytes, kSlabBytes);
  pool->restart_peaks();
  CHECK_EQ(sample_of(*pool.heap).peak_busy_slabs, 0u);
  std::vector<BlockNumber> held;
  for (std::uint32_t i = 0; i < 3 * kInSlab; ++i) held.push_back(script.acquire(kBlock));
  pool->restart_peaks();
  one = sample_of(*pool.heap);
  const std::uint32_t busy = one.busy_slabs;
  CHECK(busy == 3 || busy == 4);
  CHECK_EQ(one.low_busy_slabs, busy);
  for (const BlockNumber block : held) script.release(block);
  script.cache().flush();
  one = sample_of(*pool.heap);
  CHECK_EQ(one.low_busy_slabs, 0u);
  CHECK_EQ(one.peak_busy_slabs, busy);
  script.detach();
  CHECK(pool.ends_clean());
}

TEST(heap, "acquires are told that no counter has yet") {
  TestPool pool(purge_policy());
  Script script(*pool.heap);
  const ClassIndex c = lease_class_for(64);
  std::vector<BlockNumber> held;
  for (int i = 0; i < 5; ++i) held.push_back(script.acquire(64));
  for (int i = 0; i < 1000; ++i) {
    script.release(held.back());
    held.back() = script.acquire(64);
  }
  Samples samples;
  pool->sample(samples);
  CHECK_EQ(samples.classes[to_index(c)].acquires, 1005u);
  CHECK(pool->class_stats(c).acquires < 1005u);
  script.cache().fold();
  pool->sample(samples);
  CHECK_EQ(samples.classes[to_index(c)].acquires, 1005u);
  for (const BlockNumber block : held) script.release(block);
  script.detach();
  CHECK(pool.ends_clean());
}

TEST(heap, "expand: memory is populated as free memory, and slabs are cut of it without more") {
  TestPool pool(purge_policy(Populate::kDemand));
  Script script(*pool.heap);
  CHECK(pool->expand(5 * kMiB) >= 5 * kMiB);
  Samples samples;
  pool->sample(samples);
  CHECK_EQ(samples.free_bytes, 3 * kSuperslabBytes);
  CHECK_EQ(pool->committed_bytes(), 3 * kSuperslabBytes);
  CHECK(pool->is_whole());
  CHECK_EQ(pool->expand(5 * kMiB), 0u);
  const std::uint64_t populates = pool->stats().populates;
  burst(script, static_cast<std::uint32_t>(5 * kMiB / kSlabBytes));
  CHECK_EQ(pool->stats().populates, populates);
  CHECK_EQ(pool->committed_bytes(), 3 * kSuperslabBytes);
  rest(pool, script);
  CHECK_EQ(pool->committed_bytes(), 0u);
  script.detach();
  CHECK(pool.ends_clean());
}

TEST(heap, "expand: what lies free without memory is populated before more is taken") {
  TestPool pool(purge_policy(Populate::kDemand));
  Script script(*pool.heap);
  // One block stays, so that the superslab does when the rest of it is purged.
  const BlockNumber held = script.acquire(kBlock);
  rest(pool, script);
  const std::uint64_t taken = pool->stats().superslabs_taken;
  CHECK(pool->expand(kMiB) >= kMiB);
  CHECK_EQ(pool->stats().superslabs_taken, taken);
  CHECK(pool->is_whole());
  script.release(held);
  script.detach();
  CHECK(pool.ends_clean());
}

TEST(heap, "expand: nothing where memory is not populated, or the operating system has none") {
  TestPool plain(purge_policy());
  CHECK_EQ(plain->expand(kMiB), 0u);
  CHECK_EQ(plain->committed_bytes(), 0u);
  TestPool poor(purge_policy(Populate::kDemand));
  poor.os().fail_nth(FakeOs::Call::kCommit, 1, OsStatus::kNoMemory, FakeOs::Lasts::kFromThenOn);
  CHECK_EQ(poor->expand(kMiB), 0u);
  CHECK(poor->is_whole());
}

TEST(heap, "a loop may look, keep, expand and purge while threads work") {
  TestPool pool(purge_policy(Populate::kDemand));
  std::atomic<bool> is_over{false};
  std::thread loop([&] {
    Random random(3);
    while (!is_over.load()) {
      Samples samples;
      pool->sample(samples);
      pool->restart_peaks();
      pool->publish_reserve(
          reserve_of(static_cast<std::uint32_t>(random.below(6)), random.below(8 * kMiB)));
      (void)pool->expand(random.below(6 * kMiB));
      (void)pool->tick();
    }
  });
  std::vector<std::thread> threads;
  for (std::uint64_t seed = 1; seed <= 2; ++seed) {
    threads.emplace_back([&pool, seed] {
      Script script(*pool.heap);
      Random random(seed);
      for (int round = 0; round < 60; ++round) {
        std::vector<BlockNumber> blocks;
        for (std::uint64_t i = random.below(60); i > 0; --i) {
          blocks.push_back(script.acquire(random.size(kMiB)));
          *script.bytes_of(blocks.back()) = std::byte{1};
        }
        for (const BlockNumber block : blocks) script.release(block);
        script.cache().trim_idle();
      }
      script.detach();
    });
  }
  for (std::thread& thread : threads) thread.join();
  is_over.store(true);
  loop.join();
  CHECK(pool->is_whole());
  const ClassSample one = sample_of(*pool.heap);
  CHECK_EQ(one.busy_slabs, 0u);
  CHECK_EQ(one.in_use_blocks, 0u);
  CHECK(pool.ends_clean());
}
