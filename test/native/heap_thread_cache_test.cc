// malloc's thread cache on one thread at a time: contents, counters, budget, owners that come and
// go.

#include <vector>

#include "check.h"
#include "heap_fixture.h"

using namespace superslab;
using namespace superslab_test;

namespace {

struct Held {
  void* block;
  ByteCount bytes;
  std::uint64_t seed;
};

/// Random allocations and frees; every block keeps what was written to it.
void run_model(TestHeap& t, std::uint64_t seed, int operations, ByteCount max) {
  ThreadCache* cache = t.attach();
  CHECK(cache != nullptr);
  Random random(seed);
  std::vector<Held> held;
  ByteCount total = 0;
  for (int i = 0; i < operations; ++i) {
    const bool full = total > 48 * kMiB || held.size() > 3000;
    if (held.empty() || (!full && random.below(100) < 53)) {
      const ByteCount bytes = random.size(max);
      void* block = cache->allocate(bytes);
      CHECK(block != nullptr);
      CHECK_EQ(address_of(block) % kMinAlignment, 0u);
      fill(block, bytes, seed + static_cast<std::uint64_t>(i));
      held.push_back({block, bytes, seed + static_cast<std::uint64_t>(i)});
      total += bytes;
    } else {
      const std::size_t which = random.below(held.size());
      const Held gone = held[which];
      held[which] = held.back();
      held.pop_back();
      total -= gone.bytes;
      CHECK(is_intact(gone.block, gone.bytes, gone.seed));
      cache->free(gone.block);
    }
    if (i % 1000 == 999) {
      t.pass(100);
      t->tick();
    }
    if (i % 7000 == 6999) cache->flush();
  }
  for (const Held& h : held) {
    CHECK(is_intact(h.block, h.bytes, h.seed));
    cache->free(h.block);
  }
  cache->flush();
  CHECK_EQ(t->budget().charged(), 0u);
  cache->detach();
  t->trim(0);
  CHECK_EQ(t->committed_bytes(), 0u);
}

Policy with_populate(Populate populate) {
  Policy policy = plain_policy();
  policy.populate = populate;
  return policy;
}

}  // namespace

TEST(heap, "random allocations and frees: blocks never overlap and all come home") {
  for (const HugePages pages : {HugePages::kOff, HugePages::kTransparent, HugePages::k2MiB}) {
    for (const Populate populate : {Populate::kOff, Populate::kDemand, Populate::kSuperslab}) {
      Policy policy;
      policy.huge_pages = pages;
      policy.populate = populate;
      TestHeap t(policy);
      run_model(t, 7, 12'000, 5 * kMiB);
      if (has_failed()) return;
      CHECK(t.ends_clean());
    }
  }
}

TEST(heap, "many small blocks, with small magazines") {
  Policy policy = plain_policy();
  policy.cache_blocks = 2;
  TestHeap t(policy);
  run_model(t, 99, 60'000, 300);
  if (has_failed()) return;
  CHECK(t.ends_clean());
}

TEST(heap, "counters of a thread add up") {
  TestHeap t;
  ThreadCache* cache = t.attach();
  const ClassIndex c = class_for(500);
  std::vector<void*> blocks;
  for (int i = 0; i < 300; ++i) blocks.push_back(cache->allocate(500));
  ClassStats s = t->class_stats(c);
  // Nobody counts what malloc and free do: only what caches fetched and gave back.
  CHECK_EQ(s.acquires + s.releases + s.hits, 0u);
  CHECK_EQ(s.in_use_blocks, 300u);
  CHECK(s.refills != 0 && s.refills <= s.refilled_blocks);
  CHECK_EQ(s.refilled_blocks, 300 + s.cached_blocks);
  CHECK_EQ(t->stats().charged_bytes, s.refilled_blocks * class_bytes(to_index(c)));
  for (int i = 0; i < 100; ++i) cache->free(blocks[static_cast<std::size_t>(i)]);
  s = t->class_stats(c);
  CHECK_EQ(s.in_use_blocks, 200u);
  CHECK(s.cached_blocks <= kMagazineBlocks - 2);
  CHECK_EQ(s.refilled_blocks, s.in_use_blocks + s.cached_blocks + s.flushed_blocks);
  CHECK_EQ(t->stats().charged_bytes,
           (s.in_use_blocks + s.cached_blocks) * class_bytes(to_index(c)));
  for (std::size_t i = 100; i < 300; ++i) cache->free(blocks[i]);
  cache->flush();
  s = t->class_stats(c);
  CHECK_EQ(s.acquires + s.releases + s.hits, 0u);
  CHECK_EQ(s.in_use_blocks, 0u);
  CHECK_EQ(s.cached_blocks, 0u);
  CHECK_EQ(s.refilled_blocks, s.flushed_blocks);
  CHECK_EQ(s.remote_frees, 0u);
  CHECK_EQ(t->stats().threads, 1u);
  cache->detach();
  const HeapStats h = t->stats();
  CHECK_EQ(h.threads, 0u);
  CHECK_EQ(h.slabs_made, h.slabs_retired);
  CHECK_EQ(h.double_frees, 0u);
  t->trim(0);
  CHECK_EQ(t->stats().superslabs_taken, t->stats().superslabs_given);
  CHECK(t.ends_clean());
}

TEST(heap, "blocks that bypass the magazines are counted as back, whoever owned them") {
  TestHeap t;
  ThreadCache* owner = t.attach();
  ThreadCache* other = t.attach();
  const ClassIndex small = class_for(500);
  const ClassIndex large = class_for(300 * kKiB);
  void* a = owner->allocate(500);
  void* b = owner->allocate(500);
  void* c = owner->allocate(300 * kKiB);  // beyond what is kept in a magazine
  void* d = owner->allocate(300 * kKiB);
  owner->free(c);
  other->free(d);
  other->free(a);
  other->free(b);
  other->flush();
  for (const ClassIndex of : {small, large}) {
    const ClassStats s = t->class_stats(of);
    CHECK_EQ(s.in_use_blocks, 0u);
    CHECK_EQ(s.refilled_blocks, s.cached_blocks + s.flushed_blocks);
    CHECK_EQ(s.remote_frees, of == small ? 2u : 1u);
  }
  owner->flush();
  for (const ClassIndex of : {small, large})
    CHECK_EQ(t->class_stats(of).refilled_blocks, t->class_stats(of).flushed_blocks);
  CHECK_EQ(t->budget().charged(), 0u);
  other->detach();
  owner->detach();
  CHECK(t.ends_clean());
}

TEST(heap, "maxBytes is exact for one thread, whatever its magazines hold") {
  Policy policy = plain_policy();
  policy.max_bytes = kMiB;
  TestHeap t(policy);
  ThreadCache* cache = t.attach();
  for (int round = 0; round < 3; ++round) {
    for (const ByteCount size : {ByteCount{4096}, ByteCount{64}, 128 * kKiB}) {
      std::vector<void*> blocks;
      while (void* block = cache->allocate(size)) {
        blocks.push_back(block);
        CHECK(t->budget().charged() <= kMiB);
      }
      // The other classes' magazines were full of what the last sizes left.
      CHECK_EQ(blocks.size(), kMiB / size);
      CHECK_EQ(t->budget().charged(), kMiB);
      CHECK(cache->allocate(1) == nullptr);
      CHECK(cache->allocate(3 * kMiB) == nullptr);
      const ClassStats before = t->class_stats(class_for(size));
      CHECK_EQ(before.in_use_blocks, blocks.size());
      cache->free(blocks.back());
      blocks.back() = cache->allocate(size);
      CHECK(blocks.back() != nullptr);
      CHECK(cache->allocate(size) == nullptr);
      for (void* block : blocks) cache->free(block);
    }
  }
  // A refusal counts nothing: what was fetched has come back, but for what the magazine holds.
  const ClassStats s = t->class_stats(class_for(4096));
  CHECK_EQ(s.in_use_blocks, 0u);
  CHECK_EQ(s.refilled_blocks, s.flushed_blocks + s.cached_blocks);
  CHECK_EQ(t->budget().peak(), kMiB);
  cache->detach();
  CHECK(t.ends_clean());
}

TEST(heap, "blocks beyond 2 MiB count against maxBytes") {
  Policy policy = plain_policy();
  policy.max_bytes = 8 * kMiB;
  TestHeap t(policy);
  ThreadCache* cache = t.attach();
  void* a = cache->allocate(5 * kMiB);
  CHECK(a != nullptr);
  CHECK_EQ(t->budget().charged(), 5 * kMiB);
  CHECK(cache->allocate(4 * kMiB) == nullptr);
  void* b = cache->allocate(3 * kMiB);
  CHECK(b != nullptr);
  CHECK(cache->allocate(16) == nullptr);
  cache->free(a);
  CHECK_EQ(t->budget().charged(), 3 * kMiB);
  cache->free(b);
  cache->detach();
  CHECK(t.ends_clean());
}

TEST(heap, "a magazine is bounded, and its older half goes when it is full") {
  Policy policy = plain_policy();
  policy.cache_blocks = 8;
  TestHeap t(policy);
  ThreadCache* cache = t.attach();
  std::vector<void*> blocks;
  for (int i = 0; i < 100; ++i) blocks.push_back(cache->allocate(1000));
  for (void* block : blocks) {
    cache->free(block);
    CHECK(t->class_stats(class_for(1000)).cached_blocks <= 8);
  }
  // The last one freed is the next one allocated.
  CHECK(cache->allocate(1000) == blocks.back());
  cache->free(blocks.back());
  cache->detach();
  CHECK(t.ends_clean());
}

TEST(heap, "a block freed twice is counted, and given out once") {
  Policy policy = plain_policy();
  policy.cache_blocks = 1;
  TestHeap t(policy);
  ThreadCache* cache = t.attach();
  void* a = cache->allocate(1000);
  void* b = cache->allocate(1000);
  cache->free(a);
  cache->flush();
  cache->free(a);
  cache->flush();
  CHECK_EQ(t->stats().double_frees, 1u);
  CHECK_EQ(t->budget().charged(), class_bytes(to_index(class_for(1000))));
  void* c = cache->allocate(1000);
  void* d = cache->allocate(1000);
  CHECK(c != d && c != b && d != b);
  for (void* p : {b, c, d}) cache->free(p);
  cache->detach();
  CHECK(t.ends_clean());
}

TEST(heap, "a block freed by its owner and by another thread is counted and charged once") {
  TestHeap t;
  ThreadCache* owner = t.attach();
  ThreadCache* other = t.attach();
  void* kept = owner->allocate(1000);
  void* a = owner->allocate(1000);
  owner->flush();
  other->free(a);
  other->flush();
  owner->free(a);  // not seen yet: its remote bit is not the owner's
  owner->flush();
  CHECK_EQ(t->stats().double_frees, 1u);
  owner->free(kept);
  owner->flush();
  CHECK_EQ(t->budget().charged(), 0u);
  owner->detach();
  other->detach();
  CHECK(t.ends_clean());
}

TEST(heap, "a thread that ends leaves its slabs to the next one") {
  TestHeap t;
  ThreadCache* first = t.attach();
  std::vector<void*> blocks;
  for (int i = 0; i < 40; ++i) blocks.push_back(first->allocate(64));
  first->detach();
  const std::uint64_t made = t->stats().slabs_made;
  ThreadCache* second = t.attach();
  for (int i = 0; i < 40; ++i) blocks.push_back(second->allocate(64));
  CHECK_EQ(t->stats().slabs_made, made);
  for (void* block : blocks) second->free(block);
  second->flush();
  CHECK_EQ(t->class_stats(class_for(64)).remote_frees, 0u);  // it owns them now
  second->detach();
  CHECK(t.ends_clean());
}

TEST(heap, "a live thread takes slabs over from one that ended") {
  TestHeap t;
  ThreadCache* live = t.attach();
  ThreadCache* ending = t.attach();
  std::vector<void*> blocks;
  for (int i = 0; i < 40; ++i) blocks.push_back(ending->allocate(64));
  ending->detach();
  const std::uint64_t made = t->stats().slabs_made;
  for (int i = 0; i < 40; ++i) blocks.push_back(live->allocate(64));
  CHECK_EQ(t->stats().slabs_made, made);
  for (void* block : blocks) live->free(block);
  live->flush();
  CHECK_EQ(t->class_stats(class_for(64)).remote_frees, 0u);
  live->detach();
  CHECK(t.ends_clean());
}

TEST(heap, "blocks that outlive their thread come home by any other") {
  TestHeap t;
  ThreadCache* ending = t.attach();
  ThreadCache* live = t.attach();
  std::vector<void*> blocks;
  for (int i = 0; i < 500; ++i) blocks.push_back(ending->allocate(1000));
  void* huge = ending->allocate(3 * kMiB);
  ending->detach();
  CHECK_EQ(t->budget().charged(), 500 * 1024 + 3 * kMiB);
  CHECK(!t->is_abandoned());
  for (void* block : blocks) live->free(block);
  live->free(huge);
  live->flush();
  CHECK_EQ(t->budget().charged(), 0u);
  CHECK_EQ(t->class_stats(class_for(1000)).remote_frees, 500u);
  t.pass(10'000);
  t->tick();  // collects for the thread that is gone
  t->tick();  // and dissolves what no new thread has come for since
  CHECK_EQ(t->stats().slabs_made, t->stats().slabs_retired);
  t.pass(10'000);
  CHECK(!t->tick());
  CHECK_EQ(t->committed_bytes(), 0u);
  live->detach();
  CHECK(t.ends_clean());
}

TEST(heap, "a slab handed over while a remote free is under way is forwarded to its new owner") {
  // The remote thread reads the old owner, the slab changes hands, then the slab is queued there.
  for (const bool collected : {false, true}) {
    TestHeap t;
    SlabOwner* heir = t->attach();
    SlabOwner* old = t->attach();
    const ClassIndex c = class_for(64);
    void* blocks[3];
    CHECK_EQ(old->take(c, blocks, 3), 3u);
    Slab* slab = t.space().slab_of(blocks[0]);
    t->detach(old);
    CHECK(remote_free(*slab, 0, std::uint64_t{1} << block_index(*slab, blocks[0])).must_queue);
    t->discharge(64);
    CHECK(t->slabs().inherit_slab(c, *heir));
    CHECK(slab->owner.load() == heir);
    old->push_remote(slab);
    heir->give(blocks + 1, 2);
    heir->retire_unused();
    CHECK_EQ(t->stats().slabs_retired, 0u);
    if (collected) {
      t->tick();              // as the old owner: forwards
      heir->retire_unused();  // as the new one: collects
      CHECK_EQ(t->stats().slabs_retired, 1u);
    }
    t->detach(heir);
    CHECK(t.ends_clean());  // in whichever order the owners are visited
  }
}

TEST(heap, "a forwarded slab survives the end of the heap, whichever owner goes first") {
  TestHeap t;
  SlabOwner* old = t->attach();
  SlabOwner* heir = t->attach();  // the newest is first in the list
  void* first;  // in the superslab's first slice, whose tag the superslab's end clears anyway
  CHECK_EQ(old->take(class_for(128), &first, 1), 1u);
  const ClassIndex c = class_for(64);
  void* blocks[3];
  CHECK_EQ(old->take(c, blocks, 3), 3u);
  old->give(&first, 1);
  Slab* slab = t.space().slab_of(blocks[0]);
  t->detach(old);
  CHECK(remote_free(*slab, 0, 7).must_queue);
  t->discharge(3 * 64);
  CHECK(t->slabs().inherit_slab(c, *heir));
  old->push_remote(slab);
  t->detach(heir);
  CHECK(t->is_abandoned());
  t.heap.reset();
  // Retired, not just dropped: whoever still has the address sees that it is in no block.
  CHECK_EQ(t.space().tag_at(blocks[0]), kTagNone);
  t.world.close();
  CHECK(t.world.is_balanced());
}

TEST(heap, "heaps share the address space and nothing else") {
  TestHeap t;
  auto second = std::make_unique<Heap>(t.space(), t.clock, plain_policy());
  ThreadCache* a = t.attach();
  ThreadCache* b = ThreadCache::attach(*second);
  void* p = a->allocate(100);
  void* q = b->allocate(100);
  CHECK(t.space().superslab_of(p).heap == t.heap.get());
  CHECK(t.space().superslab_of(q).heap == second.get());
  fill(q, 100, 1);
  b->free(q);
  b->detach();
  std::byte* base = t.space().superslab_of(q).base;
  second.reset();
  CHECK(is_zero(base, kSuperslabBytes));
  void* large = a->allocate(kMaxClassBytes);
  CHECK(t.space().superslab_of(large).base == base);
  CHECK(is_zero(large, kMaxClassBytes));
  a->free(large);
  a->free(p);
  a->detach();
  CHECK(t.ends_clean());
}

TEST(heap,
     "a block of another thread's that two threads free is counted when it comes home twice") {
  TestHeap t;
  ThreadCache* owner = t.attach();
  ThreadCache* one = t.attach();
  ThreadCache* other = t.attach();
  void* block = owner->allocate(100);
  one->free(block);
  CHECK_EQ(t->stats().double_frees, 0u);
  one->free(block);  // before it has gone home
  CHECK_EQ(t->stats().double_frees, 1u);
  one->flush();
  CHECK_EQ(t->stats().double_frees, 1u);
  other->free(block);
  other->flush();
  CHECK_EQ(t->stats().double_frees, 2u);
  for (ThreadCache* cache : {owner, one, other}) cache->detach();
}

TEST(heap, "with populate superslab the memory of slabs is populated by one call a superslab") {
  TestHeap t(with_populate(Populate::kSuperslab));
  ThreadCache* cache = t.attach();
  std::vector<void*> blocks;
  for (int i = 0; i < 1000; ++i) blocks.push_back(cache->allocate(3000));  // two superslabs
  CHECK_EQ(t.os().calls(FakeOs::Call::kPopulate), t->stats().superslabs_taken);
  CHECK_EQ(t->committed_bytes(), t->stats().superslabs_taken * kSuperslabBytes);
  const std::uint64_t calls = t.os().calls(FakeOs::Call::kPopulate);
  blocks.push_back(cache->allocate(5 * kMiB));
  CHECK_EQ(t.os().calls(FakeOs::Call::kPopulate), calls + 1);
  for (void* block : blocks) cache->free(block);
  cache->detach();
}

TEST(heap, "without populate nothing is populated") {
  TestHeap t(with_populate(Populate::kOff));
  ThreadCache* cache = t.attach();
  std::vector<void*> blocks;
  for (const ByteCount bytes : {ByteCount{64}, ByteCount{3000}, 60 * kKiB, kMiB, 5 * kMiB})
    for (int i = 0; i < 20; ++i) blocks.push_back(cache->allocate(bytes));
  CHECK_EQ(t.os().calls(FakeOs::Call::kPopulate), 0u);
  for (void* block : blocks) cache->free(block);
  cache->detach();
}

TEST(heap, "the figures of all classes together are those of each") {
  TestHeap t;
  ThreadCache* cache = t.attach();
  std::vector<void*> blocks;
  for (std::size_t i = 0; i < kFixedClasses; ++i)
    for (std::size_t n = 0; n <= i % 3; ++n) blocks.push_back(cache->allocate(class_bytes(i)));
  static ClassStats all[kClassSlots];
  t->class_stats(all);
  for (std::size_t i = 0; i < kFixedClasses; ++i) {
    CHECK_EQ(all[i].in_use_blocks, i % 3 + 1);
    CHECK_EQ(all[i].in_use_blocks, t->class_stats(static_cast<ClassIndex>(i)).in_use_blocks);
    CHECK_EQ(all[i].refilled_blocks, t->class_stats(static_cast<ClassIndex>(i)).refilled_blocks);
  }
  for (void* block : blocks) cache->free(block);
  cache->detach();
}
