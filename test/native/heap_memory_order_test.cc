// What one thread did before it set a sign is done for the thread that sees the sign.
//
// On x86 every load acquires and every store releases: without ThreadSanitizer these tests see only
// what is grossly wrong. With it each order that is weaker than it has to be is a report, because
// the sign is all that the two threads have in common: no lock, no join, no other atomic lies
// between the write and the read.

#include <thread>

#include "check.h"
#include "heap/slab_bits.h"
#include "heap_fixture.h"
#include "pools/buffer/slow_path_latency.h"

using namespace superslab;
using namespace superslab_test;

namespace {

/// A slab of blocks of `bytes`, all of them out.
struct TakenSlab {
  explicit TakenSlab(ByteCount bytes) {
    slab_init(slab, class_for(bytes), memory, words);
    void* blocks[64];
    slab_take(slab, blocks + slab.block_count, slab.block_count);
  }
  Slab slab{};
  std::uint64_t words[kWordsPerSlice];
  alignas(64) std::byte memory[8 * 64 * kKiB];
};

/// Runs `first` in a thread of its own while the calling one does `second`.
template <class First, class Second>
void together(First first, Second second) {
  std::thread other(first);
  second();
  other.join();
}

/// Whether what a thread writes into block 0 before it calls `give` is there for the one for which
/// `has_come` turns true.
template <class Give, class HasCome>
bool hands_over_a_word(TakenSlab& taken, Give give, HasCome has_come) {
  auto* word = reinterpret_cast<std::uint64_t*>(taken.memory);
  std::uint64_t seen = 0;
  together(
      [&] {
        *word = 42;
        give();
      },
      [&] {
        while (!has_come()) std::this_thread::yield();
        seen = *word;
      });
  return seen == 42;
}

}  // namespace

TEST(heap, "order: who sees a block free sees what the thread that freed it did") {
  const auto taken = std::make_unique<TakenSlab>(32 * kKiB);
  CHECK(hands_over_a_word(
      *taken, [&] { remote_free(taken->slab, 0, 1); }, [&] { return slab_holds(taken->slab, 0); }));
}

TEST(heap, "order: who collects a block sees what the thread that freed it did") {
  const auto taken = std::make_unique<TakenSlab>(32 * kKiB);
  // The bits alone: a thread that stands between the two steps of remote_free().
  CHECK(hands_over_a_word(
      *taken, [&] { remote_word(taken->slab, 0).fetch_or(1, std::memory_order_release); },
      [&] { return slab_collect(taken->slab).freed != 0; }));
  CHECK_EQ(taken->slab.pending.load(), -1);
}

TEST(heap, "order: bits that are set are enough to pass a block on") {
  const auto taken = std::make_unique<TakenSlab>(32 * kKiB);
  // As slab_collect() takes them, but without its look at `pending`.
  CHECK(hands_over_a_word(
      *taken, [&] { remote_free(taken->slab, 0, 1); },
      [&] { return remote_word(taken->slab, 0).exchange(0, std::memory_order_acquire) != 0; }));
}

TEST(heap, "order: a slab that is unused is nobody's any more") {
  for (int round = 0; round < 20; ++round) {
    const auto taken = std::make_unique<TakenSlab>(32 * kKiB);
    Slab& slab = taken->slab;
    for (std::uint32_t i = 1; i < slab.block_count; ++i) slab_free(slab, 0, std::uint64_t{1} << i);
    // The block was collected between the two steps of the free: only the second is to come.
    remote_word(slab, 0).fetch_or(1);
    slab_collect(slab);
    CHECK(!slab_is_unused(slab));
    std::uint32_t last_look = 0;
    together(
        [&] {
          last_look = slab.block_bytes;
          slab.pending.fetch_add(1, std::memory_order_acq_rel);
        },
        [&] {
          while (!slab_is_unused(slab)) std::this_thread::yield();
          slab_init(slab, class_for(1000), taken->memory, taken->words);
        });
    CHECK_EQ(last_look, 32 * kKiB);
  }
}

TEST(heap, "order: who announces a free has let go of the slab") {
  for (int round = 0; round < 200; ++round) {
    const auto taken = std::make_unique<TakenSlab>(32 * kKiB);
    Slab& slab = taken->slab;
    for (std::uint32_t i = 1; i < slab.block_count; ++i) slab_free(slab, 0, std::uint64_t{1} << i);
    together([&] { remote_free(slab, 0, 1); },
             [&] {
               while (slab_collect(slab).freed == 0) {
               }
               while (!slab_is_unused(slab)) {
               }
               slab_init(slab, class_for(1000), taken->memory, taken->words);
             });
    CHECK_EQ(slab.block_bytes, 1024u);
  }
}

TEST(heap, "order: who pops a slab off the queue sees its link, and who is its owner now") {
  TestHeap t;
  ThreadCache* cache = t.attach();
  for (int round = 0; round < 50; ++round) {
    // Blocks of several slabs, so that the queue has links.
    void* blocks[8];
    for (void*& block : blocks) block = cache->allocate(200 * kKiB);
    together(
        [&] {
          for (void* block : blocks) {
            fill(block, 64, 9);
            SlabOwner::give_remote(t.heap->slabs(), block, nullptr);
          }
        },
        [&] {
          while (t->budget().charged() != 0) cache->owner().collect();
        });
    cache->owner().collect();
  }
  cache->detach();
  CHECK(t.ends_clean());
}

TEST(heap, "order: a slab's link in the queue is written anew when the one before was read") {
  TestHeap t;
  ThreadCache* cache = t.attach();
  void* kept = cache->allocate(200 * kKiB);  // its slab stays
  std::atomic<void*> box{nullptr};
  std::atomic<bool> stop{false};
  std::thread other([&] {
    while (!stop.load(std::memory_order_relaxed)) {
      void* block = box.exchange(nullptr, std::memory_order_relaxed);
      if (block != nullptr) SlabOwner::give_remote(t.heap->slabs(), block, nullptr);
    }
  });
  const ByteCount charged = t->budget().charged();
  for (int round = 0; round < 200; ++round) {
    box.store(cache->allocate(200 * kKiB), std::memory_order_relaxed);
    while (t->budget().charged() != charged || cache->owner().has_remote_frees())
      cache->owner().collect();
  }
  stop = true;
  other.join();
  cache->free(kept);
  cache->detach();
  CHECK(t.ends_clean());
}

TEST(heap, "order: who frees into a slab that was handed over sees its new owner whole") {
  for (const bool has_cache : {false, true}) {
    constexpr ByteCount bytes = 1000;
    TestHeap t;
    ThreadCache* first = t.attach();
    void* kept = first->allocate(bytes);
    void* other_block = first->allocate(bytes);
    const Slab& slab = *t.space().slab_of(kept);
    void* const owner = slab.owner.load();
    std::thread frees([&] {
      ThreadCache* own = t.attach();
      while (slab.owner.load(std::memory_order_relaxed) == owner) std::this_thread::yield();
      if (has_cache) {
        own->free(kept);
        own->flush();
      } else {
        SlabOwner::give_remote(t.heap->slabs(), kept, nullptr);
      }
      own->detach();
    });
    // Made when the thread runs already. The former owner leaves its slab behind.
    while (t->stats().threads < 2) std::this_thread::yield();
    ThreadCache* second = t.attach();
    first->free(other_block);
    first->detach();
    void* taken = second->allocate(bytes);
    CHECK(slab.owner.load() != owner);
    frees.join();
    second->free(taken);
    second->detach();
    CHECK(t.ends_clean());
  }
}

TEST(heap, "order: who finds a heap abandoned may end it") {
  TestSpace world(kTestArenas);
  ManualClock clock;
  for (int round = 0; round < 20; ++round) {
    auto* heap = new Heap(*world.space, clock, plain_policy());
    ThreadCache* cache = ThreadCache::attach(*heap);
    void* block = cache->allocate(1000);
    together(
        [&] {
          fill(block, 1000, 5);
          cache->free(block);
          cache->detach();
        },
        [&] {
          while (!heap->is_abandoned()) std::this_thread::yield();
          delete heap;
        });
  }
  world.close();
  CHECK(world.is_balanced());
}

TEST(heap, "order: who brings the last block home may be overtaken by the heap's end") {
  TestSpace world(kTestArenas);
  ManualClock clock;
  for (int round = 0; round < 20; ++round) {
    auto* heap = new Heap(*world.space, clock, plain_policy());
    ThreadCache* cache = ThreadCache::attach(*heap);
    void* block = cache->allocate(300 * kKiB);
    cache->detach();
    together(
        [&] {
          const Heap::Visit visit(*heap);
          SlabOwner::give_remote(heap->slabs(), block, nullptr);
        },
        [&] {
          while (!heap->is_abandoned()) std::this_thread::yield();
          delete heap;
        });
  }
  world.close();
  CHECK(world.is_balanced());
}

TEST(heap, "order: whoever has signals taken sees what their sender did") {
  TestPool t;
  Script script(*t.heap);
  std::uint64_t word = 0;
  std::uint64_t seen = 0;
  together(
      [&] {
        word = 45;
        script.cache().flush_soon();
      },
      [&] {
        while (script.cache().take_signals() == 0) std::this_thread::yield();
        seen = word;
      });
  CHECK_EQ(seen, 45u);
}

TEST(heap, "order: the last to let go of magazines frees them, whichever it is") {
  for (int round = 0; round < 20; ++round) {
    auto* magazines = new LeaseMagazines{};
    magazines->retain();
    together(
        [=] {
          magazines->blocks[0] = BlockNumber{1};
          magazines->release();
        },
        [=] {
          magazines->blocks[1] = BlockNumber{1};
          magazines->release();
        });
  }
}

TEST(heap, "order: latencies that two threads add are added one by one") {
  SlowPathLatency latency;
  const auto add = [&] {
    for (Nanos i = 1; i <= 20'000; ++i) latency.add(i % 100 + 1);
  };
  together(add, add);
  const LatencyStats stats = latency.get();
  CHECK(stats.count > 0 && stats.count <= 40'000);
  CHECK(stats.max_ns <= 100);
  CHECK(stats.p50_ns > 20 && stats.p50_ns < 80);
}
