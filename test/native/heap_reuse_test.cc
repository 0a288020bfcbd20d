// What one kind of block freed serves the next kind, whoever had it, before the heap grows.

#include <vector>

#include "check.h"
#include "heap_fixture.h"

using namespace superslab;
using namespace superslab_test;
using Call = FakeOs::Call;

namespace {

/// A heap as malloc has it.
struct Reusing {
  TestSpace world{kTestArenas};
  ManualClock clock;
  Heap heap{*world.space, clock, plain_policy(), {.access = Access::kPointers}};

  /// What the operating system has given, used or not.
  ByteCount held() const { return heap.committed_bytes() + world.space->idle_bytes(); }
};

constexpr ByteCount kLive = 16 * kMiB;
/// For what magazines and half-used superslabs hold.
constexpr ByteCount kSlack = 2 * kSuperslabBytes;

std::vector<void*> fill_with(ThreadCache* cache, ByteCount size) {
  std::vector<void*> blocks;
  for (ByteCount bytes = 0; bytes < kLive; bytes += size) {
    blocks.push_back(cache->allocate(size));
    std::memset(blocks.back(), 0xa5, 64);
  }
  return blocks;
}

void free_all(ThreadCache* cache, std::vector<void*>& blocks) {
  for (void* block : blocks) cache->free(block);
  blocks.clear();
}

}  // namespace

TEST(heap, "the same amount of one size after the other needs memory once") {
  Reusing t;
  ThreadCache* cache = ThreadCache::attach(t.heap);
  for (ByteCount size = 64; size <= 4 * kMiB; size *= 4) {
    std::vector<void*> blocks = fill_with(cache, size);
    CHECK(t.held() <= kLive + kLive / 4 + kSlack);
    free_all(cache, blocks);
  }
  for (ByteCount size = 4 * kMiB; size >= 64; size /= 4) {
    std::vector<void*> blocks = fill_with(cache, size);
    CHECK(t.held() <= kLive + kLive / 4 + kSlack);
    free_all(cache, blocks);
  }
  cache->detach();
}

TEST(heap, "no more unused slabs dissolve than another class needs") {
  Reusing t;
  ThreadCache* cache = ThreadCache::attach(t.heap);
  std::vector<void*> blocks = fill_with(cache, 60'000);
  free_all(cache, blocks);
  const ByteCount unused = cache->owner().unused_bytes();
  while (t.heap.stats().slabs_retired == 0) blocks.push_back(cache->allocate(200'000));
  const ByteCount retired = t.heap.stats().slabs_retired;
  const ByteCount left = cache->owner().unused_bytes();
  free_all(cache, blocks);
  cache->detach();
  CHECK(retired <= 4);
  CHECK(left >= unused / 2);
}

TEST(heap, "a heap with views keeps an eighth unused, and cuts it anew where it cannot grow") {
  TestHeap t;
  ThreadCache* cache = t.attach();
  SlabOwner& owner = cache->owner();
  constexpr ByteCount kSize = 128 * kKiB;
  std::vector<void*> blocks = fill_with(cache, kSize);
  std::vector<void*> others;
  const auto free_some = [&](std::size_t count) {
    for (; count != 0; --count, blocks.pop_back()) cache->free(blocks.back());
  };
  free_some(kLive / kSize / 10);
  const ByteCount unused = owner.unused_bytes();
  CHECK(unused != 0 && unused < t->committed_bytes() / 8);
  const ByteCount before = t->committed_bytes();
  while (t->committed_bytes() < before + 4 * kSuperslabBytes)
    others.push_back(cache->allocate(40'000));
  CHECK(owner.unused_bytes() >= unused);  // more, where spare blocks went home

  // More than an eighth: the rest is there for others.
  free_some(kLive / kSize / 2);
  CHECK(owner.unused_bytes() > t->committed_bytes() / 4);
  const ByteCount grown = t->committed_bytes();
  for (ByteCount bytes = 0; bytes < 4 * kMiB; bytes += 40'000)
    others.push_back(cache->allocate(40'000));
  CHECK(t->committed_bytes() <= grown + kSuperslabBytes);
  CHECK(owner.unused_bytes() != 0);

  t.os().fail_nth(1, OsStatus::kNoMemory, FakeOs::Lasts::kFromThenOn);
  while (void* block = cache->allocate(40'000)) others.push_back(block);
  CHECK_EQ(owner.unused_bytes(), 0u);
  t.os().fail_none();
  free_all(cache, others);
  free_all(cache, blocks);
  cache->detach();
  CHECK(t.ends_clean());
}

TEST(heap, "an owner tells how much it had unused, and nothing where that is too little") {
  Reusing t;
  ThreadCache* cache = ThreadCache::attach(t.heap);
  SlabOwner& owner = cache->owner();
  CHECK_EQ(owner.try_retire_unused(0), 0u);
  std::vector<void*> blocks = fill_with(cache, 60'000);
  free_all(cache, blocks);
  const ByteCount unused = owner.unused_bytes();
  CHECK(unused != 0);
  CHECK_EQ(owner.try_retire_unused(unused + 1), 0u);
  CHECK_EQ(owner.try_retire_unused(unused), unused);
  CHECK_EQ(owner.unused_bytes(), 0u);
  cache->detach();
}

TEST(heap, "slabs that lie unused with another thread serve this one") {
  Reusing t;
  ThreadCache* first = ThreadCache::attach(t.heap);
  ThreadCache* second = ThreadCache::attach(t.heap);
  for (const ByteCount size : {ByteCount{1000}, ByteCount{60'000}}) {
    std::vector<void*> blocks = fill_with(first, size);
    free_all(first, blocks);
    blocks = fill_with(second, 3 * size);
    CHECK(t.held() <= kLive + kLive / 4 + kSlack);
    free_all(second, blocks);
  }
  // Freed by another thread than theirs: collected by the visit.
  std::vector<void*> blocks = fill_with(first, 500);
  free_all(second, blocks);
  second->flush();
  first->owner().collect();
  blocks = fill_with(second, 3000);
  CHECK(t.held() <= kLive + kLive / 4 + kSlack);
  free_all(second, blocks);
  first->detach();
  second->detach();
}

TEST(heap,
     "slabs of threads that have ended serve a block beyond 2 MiB, which does not read as zero") {
  Reusing t;
  ThreadCache* first = ThreadCache::attach(t.heap);
  std::vector<void*> blocks = fill_with(first, 1000);
  free_all(first, blocks);
  first->detach();
  ThreadCache* second = ThreadCache::attach(t.heap);
  const ByteCount before = t.held();
  bool is_zero = true;
  Superslab* head =
      t.heap.huge().take(kLive - kSuperslabBytes, &second->owner(), kSuperslabBytes, &is_zero);
  CHECK(head != nullptr);
  CHECK(!is_zero);
  CHECK(t.held() <= before + kSuperslabBytes);  // a superslab that was used in part
  CHECK(t.heap.give_huge(head));
  CHECK(!t.heap.give_huge(head));
  CHECK_EQ(t.heap.stats().double_frees, 1u);
  second->detach();
}

TEST(heap, "pages among other classes' blocks go back before the heap grows, and not each time") {
  Reusing t;
  ThreadCache* cache = ThreadCache::attach(t.heap);
  std::vector<void*> kept;
  std::vector<void*> blocks;
  const auto shrink = [&] {  // to one block in 8
    for (std::size_t i = 0; i < blocks.size(); ++i)
      i % 8 == 0 ? kept.push_back(blocks[i]) : cache->free(blocks[i]);
    blocks.clear();
  };
  for (int i = 0; i < 4; ++i) {
    const auto more = fill_with(cache, 4096);
    blocks.insert(blocks.end(), more.begin(), more.end());
  }
  for (void* block : blocks) std::memset(block, 1, 4096);
  const unsigned before = t.world.os.calls(Call::kPurge);
  shrink();
  CHECK_EQ(t.world.os.calls(Call::kPurge), before);
  blocks = fill_with(cache, 1000);
  const unsigned after = t.world.os.calls(Call::kPurge);
  CHECK(after > before);
  // In one walk: a few calls for all its ranges, though the heap grew by many superslabs.
  CHECK(after - before < 4 * kLive / 4096 / 8 / 8);
  for (void* block : kept) CHECK_EQ(*static_cast<char*>(block), 1);
  for (void* block : kept) cache->free(block);
  free_all(cache, blocks);
  cache->detach();
}

TEST(heap, "the figures of a class follow its slabs as they are made and dissolved") {
  TestHeap t;
  ThreadCache* cache = t.attach();
  for (std::size_t i = 0; i < kFixedClasses; ++i) {
    const auto c = static_cast<ClassIndex>(i);
    const Context context(std::to_string(class_bytes(i)) + " bytes");
    for (int round = 0; round < 2; ++round) {
      void* block = cache->allocate(class_bytes(i));
      const ClassStats in_use = t->class_stats(c);
      CHECK_EQ(in_use.slabs, 1u);
      CHECK_EQ(in_use.slab_blocks, size_class(c).block_count);
      CHECK_EQ(in_use.in_use_blocks, 1u);
      cache->free(block);
      cache->flush();
      const ClassStats after = t->class_stats(c);
      CHECK_EQ(after.slabs, 0u);
      CHECK_EQ(after.slab_blocks, 0u);
      CHECK_EQ(after.in_use_blocks, 0u);
      CHECK_EQ(after.cached_blocks, 0u);
    }
  }
  const HeapStats stats = t->stats();
  CHECK_EQ(stats.slabs_made, stats.slabs_retired);
  cache->detach();
  CHECK(t.ends_clean());
}

TEST(heap, "a large class's block of a slab that was never used is known to be zero, no other is") {
  TestHeap t;
  ThreadCache* cache = t.attach();
  const ClassIndex c = class_for(100 * kKiB);
  bool is_zero = false;
  void* first = cache->owner().take_one(c, is_zero);
  CHECK(is_zero && superslab_test::is_zero(first, 100 * kKiB));
  void* second = cache->owner().take_one(c, is_zero);
  CHECK(is_zero);
  std::memset(first, 1, 100 * kKiB);
  cache->owner().give(&first, 1);
  void* again = cache->owner().take_one(c, is_zero);
  CHECK(again == first && !is_zero);
  cache->owner().give(&again, 1);
  cache->owner().give(&second, 1);
  cache->detach();
  CHECK(t.ends_clean());
}
