// What a heap keeps of idle memory while nobody looks after it, and what goes back with the free
// that makes it too much.
#include "heap/idle_bound.h"

#include <thread>
#include <vector>

#include "check.h"
#include "heap_fixture.h"

using namespace superslab;
using namespace superslab_test;

namespace {

constexpr Nanos kDelay = 100 * kMillisecond;
constexpr ByteCount kMinBytes = 8 * kMiB;
constexpr ByteCount kPage = 4096;

/// As the heap behind malloc, with the hook that gives back what is too much.
struct KeepingHeap : TestHeap {
  explicit KeepingHeap(ByteCount min_bytes = kMinBytes) : TestHeap(policy(min_bytes)) {
    heap = std::make_unique<Heap>(
        space(), clock, policy(min_bytes),
        HeapShape{.access = Access::kPointers, .is_always_charged = false, .purges_tables = true});
    current = this;
    heap->account().set_excess_hook([] {
      current->heap->purger().give_back_excess(cache == nullptr ? nullptr : &cache->owner());
    });
    cache = attach();
    pass(5000);
  }
  ~KeepingHeap() {
    if (cache != nullptr) cache->detach();
    cache = nullptr;
  }

  static Policy policy(ByteCount min_bytes) {
    Policy policy = plain_policy();
    policy.purge_delay_ms = Millis{100};
    policy.malloc_idle_bytes = min_bytes;
    return policy;
  }

  std::vector<void*> take(std::size_t count, ByteCount bytes) {
    return take_blocks(*cache, count, bytes);
  }
  void give(const std::vector<void*>& blocks) { give_blocks(*cache, blocks); }
  ByteCount gone() const { return heap->account().excess_bytes(); }

  static KeepingHeap* current;
  static ThreadCache* cache;
};
KeepingHeap* KeepingHeap::current;
ThreadCache* KeepingHeap::cache;

}  // namespace

TEST(heap, "an idle bound is the larger of its minimum and a quarter of what is live") {
  const IdleBound bound(kMinBytes, 25);
  CHECK_EQ(bound.bytes(0), kMinBytes);
  CHECK_EQ(bound.bytes(4 * kMinBytes), kMinBytes);
  CHECK_EQ(bound.bytes(8 * kMinBytes), 2 * kMinBytes);
}

TEST(heap, "an idle bound rises by what is taken again within the delay, and no more") {
  IdleBound bound(kMinBytes, 25);
  CHECK(!bound.is_watching());
  bound.given_back(5 * kMiB, 20 * kMiB, 1000);
  CHECK(bound.is_watching());
  CHECK_EQ(bound.taken(3 * kMiB, 1000 + kDelay, kDelay), 3 * kMiB);
  CHECK_EQ(bound.bytes(0), kMinBytes + 3 * kMiB);
  CHECK_EQ(bound.taken(3 * kMiB, 1000 + kDelay, kDelay), 2 * kMiB);
  CHECK(!bound.is_watching());
  CHECK_EQ(bound.taken(3 * kMiB, 1000, kDelay), 0u);
  CHECK_EQ(bound.earned(), 5 * kMiB);
}

TEST(heap, "an idle bound does not rise by what is taken later, and falls by what lies unused") {
  IdleBound bound(kMinBytes, 25);
  bound.given_back(5 * kMiB, 20 * kMiB, 1000);
  CHECK_EQ(bound.taken(3 * kMiB, 1001 + kDelay, kDelay), 0u);
  CHECK(!bound.is_watching());
  bound.given_back(5 * kMiB, 20 * kMiB, 2 * kDelay);
  CHECK_EQ(bound.taken(5 * kMiB, 2 * kDelay, kDelay), 5 * kMiB);
  bound.lay_unused(2 * kMiB);
  CHECK_EQ(bound.bytes(0), kMinBytes + 3 * kMiB);
  bound.lay_unused(20 * kMiB);
  CHECK_EQ(bound.bytes(0), kMinBytes);
}

TEST(heap, "what is idle beyond the bound goes back with the free, of each kind of block") {
  for (const ByteCount bytes : {ByteCount{600}, 20 * kKiB, 200 * kKiB, 1900 * kKiB, 5 * kMiB}) {
    KeepingHeap t;
    t.give(t.take(64 * kMiB / bytes, bytes));
    CHECK(t->idle_bytes() <= kMinBytes + kMiB);
    CHECK(t->committed_bytes() + t.space().idle_bytes() <= kMinBytes + 4 * kMiB);
    CHECK(t.gone() >= 50 * kMiB);
    CHECK_EQ(t->account().regretted_bytes(), 0u);
    // Counted as one: nothing was forgotten on the way.
    t.cache->flush();
    t->trim(0);
    t.space().purge_idle(~Nanos{0});
    CHECK_EQ(t->idle_bytes(), 0u);
  }
}

TEST(heap, "up to the bound nothing goes back, and a quarter of what is live is kept") {
  KeepingHeap t;
  t.give(t.take(7, kMiB));
  CHECK_EQ(t.gone(), 0u);
  const auto live = t.take(80, kMiB);
  t.give(t.take(18, kMiB));
  CHECK_EQ(t.gone(), 0u);
  t.give(live);
  CHECK(t->idle_bytes() <= kMinBytes + kMiB);
}

TEST(heap, "idle memory is counted once while superslabs serve slabs and huge blocks in turn") {
  KeepingHeap t(64 * kMiB);
  for (int round = 0; round < 10; ++round) {
    t.give(t.take(20, 200 * kKiB));
    t.cache->flush();
    // The superslabs of the slabs that were dissolved serve it.
    t.give(t.take(1, 7 * kMiB));
    CHECK(t->idle_bytes() <= 16 * kMiB);
    CHECK_EQ(t.gone(), 0u);
  }
  t.cache->flush();
  t->trim(0);
  t.space().purge_idle(~Nanos{0});
  CHECK_EQ(t->committed_bytes(), 0u);
  CHECK_EQ(t->idle_bytes(), 0u);
}

TEST(heap, "no loop earns more than there was") {
  IdleBound bound(kMinBytes, 25);
  for (Nanos now = 0; now < 10; ++now) {
    bound.given_back(5 * kMiB, 12 * kMiB, now);
    CHECK_EQ(bound.taken(5 * kMiB, now, kDelay), 5 * kMiB);
  }
  CHECK_EQ(bound.earned(), 12 * kMiB);
}

TEST(heap, "what there was once does not count for a bound that lay unused since") {
  IdleBound bound(kMinBytes, 25);
  bound.given_back(5 * kMiB, 20 * kMiB, 0);
  CHECK_EQ(bound.taken(5 * kMiB, 0, kDelay), 5 * kMiB);
  bound.lay_unused(5 * kMiB);
  CHECK_EQ(bound.earned(), 0u);
  for (Nanos now = 0; now < 4; ++now) {
    bound.given_back(2 * kMiB, 3 * kMiB, now);
    bound.taken(2 * kMiB, now, kDelay);
  }
  CHECK_EQ(bound.earned(), 3 * kMiB);
}

TEST(heap, "a loop that takes its memory again at once pays once") {
  for (const ByteCount bytes : {ByteCount{600}, kMiB, 5 * kMiB}) {
    KeepingHeap t;
    const auto round = [&] { t.give(t.take(50 * kMiB / bytes, bytes)); };
    for (int i = 0; i < 3; ++i) round();
    const ByteCount gone = t.gone();
    CHECK(gone >= 40 * kMiB && gone <= 100 * kMiB);
    CHECK(t->account().regretted_bytes() > 25 * kMiB);
    for (int i = 0; i < 10; ++i) round();
    CHECK_EQ(t.gone(), gone);
    // What then lies unused lowers the bound again.
    CHECK(t->account().earned_idle_bytes() > 25 * kMiB);
    t.cache->flush();
    t.pass(200);
    while (t->purger().give_back_unused(t.clock.now() - kDelay)) {
    }
    CHECK_EQ(t->account().earned_idle_bytes(), 0u);
    CHECK(t->idle_bytes() < 256 * kKiB);  // what an owner need not tell
  }
}

TEST(heap, "a loop that comes later than the delay earns nothing") {
  KeepingHeap t;
  for (int round = 0; round < 5; ++round) {
    t.give(t.take(50, kMiB));
    t.pass(101);
  }
  CHECK_EQ(t->account().regretted_bytes(), 0u);
  CHECK(t->idle_bytes() <= kMinBytes + kMiB);
}

TEST(heap, "free pages between blocks in use go back beyond the bound, once") {
  KeepingHeap t;
  const auto blocks = t.take(64 * kMiB / 600, 600);
  std::vector<void*> kept;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    if (i % 200 == 0) {
      kept.push_back(blocks[i]);
      fill(blocks[i], 600, i);
    } else {
      std::memset(blocks[i], 1, 600);
      t.cache->free(blocks[i]);
    }
  }
  CHECK(t.os().purged_bytes() > 40 * kMiB);
  CHECK(t->idle_bytes() <= kMinBytes + kMiB);
  for (std::size_t i = 0; i < kept.size(); ++i) CHECK(is_intact(kept[i], 600, i * 200));
  const std::uint64_t calls = t.os().calls(FakeOs::Call::kPurge);
  for (int i = 0; i < 1000; ++i) t.give(t.take(100, 600));
  CHECK_EQ(t.os().calls(FakeOs::Call::kPurge), calls);
  t.give(kept);
}

TEST(heap, "what another thread freed goes back too, while its owner rests") {
  KeepingHeap t;
  const auto blocks = t.take(64 * kMiB / 600, 600);
  std::thread([&] {
    ThreadCache* const owner = t.cache;
    t.cache = t.attach();
    t.give(blocks);
    t.cache->detach();
    t.cache = owner;
  }).join();
  CHECK(t->idle_bytes() <= kMinBytes + kMiB);
  CHECK(t.gone() >= 50 * kMiB);
  CHECK_EQ(t.gone() % kPage, 0u);
}

TEST(heap, "what a thread that rests freed itself goes back when another's free lowers the bound") {
  KeepingHeap t;
  const auto live = t.take(64 * kMiB / 600, 600);
  ThreadCache* const mine = t.cache;
  ThreadCache* resting = nullptr;
  std::thread([&] {
    t.cache = resting = t.attach();
    t.give(t.take(14 * kMiB / 600, 600));
  }).join();
  CHECK(t->idle_bytes() >= 13 * kMiB);
  CHECK_EQ(t.gone(), 0u);
  t.cache = mine;
  t.give(live);
  CHECK(t->idle_bytes() <= kMinBytes + kMiB);
  CHECK(t.gone() >= 68 * kMiB);
  std::thread([&] { resting->detach(); }).join();
}

TEST(heap, "what a thread without a share frees is idle at once") {
  KeepingHeap t;
  SlabOwner& owner = t.cache->owner();
  const ByteCount unit = size_class(class_for(600)).block_bytes;
  void* blocks[3];
  CHECK_EQ(owner.take(class_for(600), blocks, 3), 3u);
  CHECK_EQ(t->idle_bytes(), 0u);
  for (ByteCount freed = 1; freed <= 3; ++freed) {
    CHECK(SlabOwner::give_remote(t.heap->slabs(), blocks[freed - 1], nullptr));
    CHECK_EQ(t->idle_bytes(), freed * unit);
  }
  owner.collect();
  CHECK_EQ(t->idle_bytes(), 3 * unit);
}

TEST(heap, "memory that cannot go back is not looked for at each free") {
  KeepingHeap t;
  const auto blocks = t.take(60, kMiB);
  t.os().fail_nth(FakeOs::Call::kPurge, 1, OsStatus::kNoMemory, FakeOs::Lasts::kFromThenOn);
  t.give(blocks);
  const std::uint64_t calls = t.os().calls(FakeOs::Call::kPurge);
  CHECK(calls < 400);
  for (int i = 0; i < 1000; ++i) t.give(t.take(2, kMiB));
  CHECK(t.os().calls(FakeOs::Call::kPurge) < calls + 40);
  t.os().fail_none();
}
