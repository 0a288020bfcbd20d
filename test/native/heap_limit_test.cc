// A heap where memory is limited: what it keeps idle, and for how long, follows the room that is
// left.
#include <vector>

#include "check.h"
#include "heap/idle_bound.h"
#include "heap_fixture.h"

using namespace superslab;
using namespace superslab_test;

namespace {

constexpr ByteCount kMemory = 64 * kMiB;

/// As the heap behind malloc, with a bound on idle memory that does not count here.
struct LimitedHeap : TestHeap {
  explicit LimitedHeap(ByteCount memory = kMemory) : TestHeap(policy()) {
    heap = std::make_unique<Heap>(space(), clock, policy(),
                                  HeapShape{.access = Access::kPointers,
                                            .is_always_charged = false,
                                            .purges_tables = true,
                                            .memory = memory});
    current = this;
    heap->account().set_excess_hook(
        [] { current->heap->purger().give_back_excess(&cache->owner()); });
    cache = attach();
    pass(5000);
  }
  ~LimitedHeap() { cache->detach(); }

  static Policy policy() {
    Policy policy = plain_policy();
    policy.purge_delay_ms = Millis{1000};
    policy.malloc_idle_bytes = kGiB;
    fit_to_memory(policy, kMemory);
    return policy;
  }
  ByteCount resident() const { return space().resident_bytes() + space().idle_bytes(); }
  std::vector<void*> take(std::size_t count, ByteCount bytes) {
    return take_blocks(*cache, count, bytes);
  }
  void give(const std::vector<void*>& blocks) { give_blocks(*cache, blocks); }

  static LimitedHeap* current;
  static ThreadCache* cache;
};
LimitedHeap* LimitedHeap::current;
ThreadCache* LimitedHeap::cache;

}  // namespace

TEST(heap, "an idle bound is at most seven eighths of the room that is left, or 1 MiB") {
  const IdleBound bound(16 * kMiB, 25);
  CHECK_EQ(bound.bytes(100 * kMiB, kGiB), 25 * kMiB);
  CHECK_EQ(bound.bytes(100 * kMiB, 16 * kMiB), 14 * kMiB);
  CHECK_EQ(bound.bytes(100 * kMiB, 0), kMiB);
}

TEST(heap, "under a limit what is idle goes back as live memory comes near it") {
  for (const ByteCount bytes : {ByteCount{600}, 20 * kKiB, 200 * kKiB, kMiB, 3 * kMiB}) {
    LimitedHeap t;
    const auto live = t.take(40 * kMiB / bytes, bytes);
    for (int round = 0; round < 3; ++round) {
      t.give(t.take(20 * kMiB / bytes, bytes));
      CHECK(t.resident() <= kMemory);
    }
    t.give(live);
  }
}

TEST(heap, "without one it does not") {
  LimitedHeap t(kNoLimit);
  const auto live = t.take(40, kMiB);
  t.give(t.take(40, kMiB));
  CHECK(t.resident() > 75 * kMiB);
  CHECK_EQ(t->account().excess_bytes(), 0u);
  t.give(live);
}

TEST(heap, "memory that slabs never touched, or gave back, does not count as resident") {
  LimitedHeap t(kNoLimit);
  const auto one = t.take(1, 64 * kKiB);
  CHECK(t.resident() <= 128 * kKiB);
  t.give(one);
  auto blocks = t.take(400, 64 * kKiB);
  CHECK(t.resident() >= 25 * kMiB && t.resident() <= 26 * kMiB);
  std::vector<void*> kept;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    if (i % 8 == 0) {
      kept.push_back(blocks[i]);
    } else {
      t.cache->free(blocks[i]);
    }
  }
  ByteCount bytes = 0;
  while (t.cache->owner().purge_pages(bytes)) {
  }
  CHECK(t.resident() <= 6 * kMiB);
  // Twice is once.
  while (t.cache->owner().purge_pages(bytes)) {
  }
  CHECK(t.resident() >= 3 * kMiB);
  blocks = t.take(350, 64 * kKiB);
  CHECK(t.resident() >= 24 * kMiB && t.resident() <= 27 * kMiB);
  t.give(blocks);
  t.give(kept);
  t.cache->flush();
  t->trim(0);
  CHECK_EQ(t.resident(), 0u);
}

TEST(heap, "slices that a slab never touched are not given back, and read as zero") {
  LimitedHeap t(kNoLimit);
  const auto blocks = t.take(1, 64 * kKiB);  // of a slab of eight
  t.give(blocks);
  t.cache->flush();
  CHECK_EQ(t->committed_bytes(), 64 * kKiB);
  bool is_zero = false;
  void* block = t.cache->allocate_zeroed(448 * kKiB, is_zero);
  CHECK(!is_zero || *static_cast<char*>(block) == 0);
  t.cache->free(block);
}

TEST(heap, "the less room a limit leaves, the shorter memory stays idle") {
  LimitedHeap t;
  CHECK_EQ(t->account().purge_delay(), 1000 * kMillisecond);
  const auto some = t.take(46, kMiB);
  CHECK_EQ(t->account().purge_delay(), 1000 * kMillisecond);
  const auto more = t.take(10, kMiB);
  const Nanos half = t->account().purge_delay();
  CHECK(half > 400 * kMillisecond && half < 600 * kMillisecond);
  const auto most = t.take(8, kMiB);
  CHECK_EQ(t->account().purge_delay(), 250 * kMillisecond);
  for (const auto& blocks : {some, more, most}) t.give(blocks);
}

TEST(heap, "under a limit a thread has no huge blocks at hand that are more than it may cache") {
  for (const ByteCount memory : {kMemory, kNoLimit}) {
    LimitedHeap t(memory);
    for (int i = 0; i < 10; ++i) t.give(t.take(2, kMiB));
    CHECK_EQ(t.cache->owner().spare_blocks(class_for(kMiB)) != 0, memory == kNoLimit);
  }
}

TEST(heap, "what caches may keep is a part of the memory that there is") {
  Policy policy;
  const Policy before = policy;
  fit_to_memory(policy, kNoLimit);
  CHECK_EQ(policy.cache_bytes, before.cache_bytes);
  CHECK_EQ(policy.big_cache_bytes, before.big_cache_bytes);
  fit_to_memory(policy, 128 * kMiB);
  CHECK_EQ(policy.cache_bytes, 128 * kKiB);
  CHECK_EQ(policy.big_cache_bytes, 16 * kMiB);
}

TEST(heap, "before a pool grows near its limit, its cached huge blocks and empty superslabs go") {
  for (const ByteCount memory : {kMemory, kNoLimit}) {
    TestHeap t;
    t.heap =
        std::make_unique<Heap>(t.space(), t.clock, plain_policy(), HeapShape{.memory = memory});
    SlabOwner* const owner = t->attach();
    Superslab* const cached = t->huge().take(40 * kMiB, owner);
    CHECK(cached != nullptr);
    t->give_huge(cached);
    Superslab* const next = t->huge().take(20 * kMiB, owner);
    CHECK(next != nullptr);
    const ByteCount resident = t.space().resident_bytes();
    CHECK_EQ(resident, memory == kMemory ? 20 * kMiB : 60 * kMiB);
    t->give_huge(next);
    t->detach(owner);
  }
}
