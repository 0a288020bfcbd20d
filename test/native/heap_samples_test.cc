// Samples of a heap: its counts add up, whatever became of the threads that made them.
#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

#include "check.h"
#include "heap_fixture.h"

using namespace superslab;
using namespace superslab_test;

namespace {

struct Held {
  void* block;
  ByteCount bytes;
};

/// Where threads leave blocks for each other.
class Shelf {
 public:
  void put(Held held) {
    const std::lock_guard<std::mutex> guard(lock_);
    held_.push_back(held);
  }
  bool take(Held& out, std::uint64_t which) {
    const std::lock_guard<std::mutex> guard(lock_);
    if (held_.empty()) return false;
    std::swap(held_[which % held_.size()], held_.back());
    out = held_.back();
    held_.pop_back();
    return true;
  }
  const std::vector<Held>& rest() const { return held_; }

 private:
  std::mutex lock_;
  std::vector<Held> held_;
};

/// While the heap's threads rest: whether each class adds up, and agrees with the statistics.
void check_sums(const Heap& heap, const Samples& samples) {
  const HeapStats stats = heap.stats();
  std::uint64_t made = 0;
  std::uint64_t retired = 0;
  for (std::size_t i = 0; i < kClassSlots; ++i) {
    const ClassSample& one = samples.classes[i];
    made += one.slabs_made;
    retired += one.slabs_retired;
    CHECK_EQ(one.taken_blocks - one.given_blocks, one.in_use_blocks + one.cached_blocks);
    CHECK(one.refills <= one.taken_blocks);
    if (i >= kFixedClasses) {
      CHECK_EQ(one.taken_blocks + one.slabs_made, 0u);
      continue;
    }
    const ClassStats figures = heap.class_stats(static_cast<ClassIndex>(i));
    CHECK_EQ(figures.refills, one.refills);
    CHECK_EQ(figures.refilled_blocks, one.taken_blocks);
    CHECK_EQ(figures.flushes, one.spills);
    CHECK(figures.flushed_blocks <= one.given_blocks);
    CHECK_EQ(figures.in_use_blocks, one.in_use_blocks);
    CHECK_EQ(figures.cached_blocks, one.cached_blocks);
    CHECK_EQ(figures.slabs, one.slabs_made - one.slabs_retired);
    CHECK(one.in_use_blocks + one.cached_blocks <= figures.slab_blocks);
  }
  CHECK_EQ(stats.slabs_made, made);
  CHECK_EQ(stats.slabs_retired, retired);
  CHECK_EQ(stats.committed_bytes, samples.committed_bytes);
  CHECK_EQ(stats.purged_bytes, samples.purged_bytes);
  CHECK_EQ(stats.huge_hits, samples.huge_hits);
  CHECK_EQ(stats.huge_misses, samples.huge_misses);
}

/// Whether no count of `after` is less than it was.
bool has_no_fallen_count(const Samples& before, const Samples& after) {
  bool none = after.purged_bytes >= before.purged_bytes && after.huge_hits >= before.huge_hits &&
              after.huge_misses >= before.huge_misses;
  for (std::size_t i = 0; i < kClassSlots; ++i) {
    const ClassSample& was = before.classes[i];
    const ClassSample& is = after.classes[i];
    none &= is.refills >= was.refills && is.taken_blocks >= was.taken_blocks &&
            is.spills >= was.spills && is.given_blocks >= was.given_blocks &&
            is.slabs_made >= was.slabs_made && is.slabs_retired >= was.slabs_retired &&
            is.slabs_made >= is.slabs_retired;
  }
  return none;
}

/// A life of a thread: blocks come from its cache, and go back through whichever has them then.
void live(Heap& heap, Shelf& shelf, std::uint64_t seed, std::atomic<std::uint64_t>& huge) {
  ThreadCache* cache = ThreadCache::attach(heap);
  Random random(seed);
  for (int op = 0; op < 600; ++op) {
    Held held{};
    if (random.below(2) == 0 && shelf.take(held, random.below(1 << 20))) {
      cache->free(held.block);
      continue;
    }
    held.bytes = random.size(op % 50 == 0 ? 4 * kMiB : 40'000);
    held.block = cache->allocate(held.bytes);
    huge += held.bytes > kMaxClassBytes;
    shelf.put(held);
  }
  cache->detach();
}

}  // namespace

TEST(heap, "a sample says what a thread's slow paths did, class by class") {
  TestHeap t;
  ThreadCache* cache = t.attach();
  const std::size_t i = to_index(class_for(500));
  Samples samples;
  t->sample(samples);
  CHECK_EQ(samples.classes[i].taken_blocks + samples.committed_bytes + samples.idle_bytes, 0u);
  std::vector<void*> blocks = take_blocks(*cache, 300, 500);
  t->sample(samples);
  check_sums(*t.heap, samples);
  const ClassSample fetched = samples.classes[i];
  CHECK_EQ(fetched.in_use_blocks, 300u);
  CHECK_EQ(fetched.taken_blocks, 300 + fetched.cached_blocks);
  CHECK_EQ(fetched.spills + fetched.given_blocks + fetched.slabs_retired, 0u);
  CHECK_EQ(fetched.slabs_made * size_class(class_for(500)).block_count * class_bytes(i),
           fetched.taken_blocks * class_bytes(i) + samples.idle_bytes);
  give_blocks(*cache, blocks);
  t->sample(samples);
  check_sums(*t.heap, samples);
  CHECK(samples.classes[i].spills != 0 && samples.classes[i].given_blocks >= 200);
  CHECK_EQ(samples.classes[i].refills, fetched.refills);
  cache->detach();
  CHECK(t.ends_clean());
}

TEST(heap, "a sample knows what other threads freed, and what lies idle beyond slabs") {
  TestHeap t;
  ThreadCache* mine = t.attach();
  ThreadCache* other = t.attach();
  const ClassIndex c = class_for(1000);
  std::vector<void*> blocks = take_blocks(*mine, 50, 1000);
  // One by a thread that has no share of this heap.
  CHECK(SlabOwner::give_remote(t->slabs(), blocks.back(), nullptr));
  blocks.pop_back();
  give_blocks(*other, blocks);
  other->flush();
  mine->flush();
  void* huge = mine->allocate(3 * kMiB);
  Samples samples;
  t->sample(samples);
  check_sums(*t.heap, samples);
  CHECK_EQ(samples.classes[to_index(c)].taken_blocks, samples.classes[to_index(c)].given_blocks);
  CHECK_EQ(samples.huge_misses, 1u);
  const ByteCount idle_before = samples.idle_bytes;
  mine->free(huge);
  t->sample(samples);
  CHECK_EQ(samples.idle_bytes - idle_before, t->stats().big_cache_bytes);
  CHECK(samples.idle_bytes >= 3 * kMiB && samples.idle_bytes <= samples.committed_bytes);
  CHECK(mine->allocate(3 * kMiB) == huge);
  t->sample(samples);
  CHECK_EQ(samples.huge_hits, 1u);
  CHECK_EQ(samples.idle_bytes, idle_before);
  mine->free(huge);
  mine->detach();
  other->detach();
  t->trim(0);
  t->sample(samples);
  check_sums(*t.heap, samples);
  CHECK_EQ(samples.idle_bytes + samples.committed_bytes, 0u);
  CHECK(samples.purged_bytes >= 3 * kMiB);
  CHECK(t.ends_clean());
}

TEST(heap, "samples add up over threads that end, and no count falls while they work") {
  TestHeap t;
  Shelf shelf;
  std::atomic<bool> is_over{false};
  std::atomic<std::uint64_t> huge{0};
  bool has_fallen = false;  // the watcher's, until it is joined
  std::thread watcher([&] {
    Samples before;
    Samples after;
    do {
      t->sample(after);
      has_fallen |= !has_no_fallen_count(before, after);
      before = after;
    } while (!is_over.load());
  });
  std::vector<std::thread> threads;
  for (std::uint64_t who = 0; who < 4; ++who) {
    threads.emplace_back([&, who] {
      for (std::uint64_t round = 0; round < 8; ++round)
        live(*t.heap, shelf, who * 100 + round, huge);
    });
  }
  for (std::thread& thread : threads) thread.join();
  is_over.store(true);
  watcher.join();
  CHECK(!has_fallen);

  Samples samples;
  t->sample(samples);
  check_sums(*t.heap, samples);
  if (has_failed()) return;
  std::uint64_t held[kClassSlots] = {};
  for (const Held& one : shelf.rest())
    if (one.bytes <= kMaxClassBytes) ++held[to_index(class_for(one.bytes))];
  for (std::size_t i = 0; i < kClassSlots; ++i) {
    CHECK_EQ(samples.classes[i].in_use_blocks, held[i]);
    CHECK_EQ(samples.classes[i].cached_blocks, 0u);  // no thread is left to cache any
  }
  CHECK_EQ(samples.huge_hits + samples.huge_misses, huge.load());
  CHECK(samples.idle_bytes <= samples.committed_bytes);

  ThreadCache* last = t.attach();
  for (const Held& one : shelf.rest()) last->free(one.block);
  last->detach();
  t.pass(10'000);
  for (int i = 0; i < 3; ++i) t->tick();
  t->trim(0);
  t->sample(samples);
  check_sums(*t.heap, samples);
  for (const ClassSample& one : samples.classes) {
    CHECK_EQ(one.taken_blocks, one.given_blocks);
    CHECK_EQ(one.slabs_made, one.slabs_retired);
  }
  CHECK_EQ(samples.idle_bytes, 0u);
  CHECK(t.ends_clean());
}
