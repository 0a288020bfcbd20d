// What assertions ask: each is_valid() is content with what is whole, and sees what cannot be.
#include "check.h"
#include "heap/big_cache.h"
#include "heap/superslab_list.h"
#include "heap_fixture.h"

using namespace superslab;
using namespace superslab_test;

TEST(heap, "a list of superslabs is valid while the links of neighbours agree") {
  Superslab superslabs[3] = {};
  SuperslabList list;
  CHECK(list.is_valid());
  for (Superslab& s : superslabs) list.push(&s);
  CHECK(list.is_valid());
  superslabs[1].prev = &superslabs[0];
  CHECK(!list.is_valid());
  superslabs[1].prev = &superslabs[2];
  CHECK(list.is_valid());
  superslabs[2].prev = &superslabs[0];  // the first one has nobody before it
  CHECK(!list.is_valid());
}

TEST(heap,
     "a shelf is valid while superslabs lie by their longest run, and only free slices hold") {
  Superslab s = {};
  s.free_slices = 0xf0;
  s.dirty_slices = 0x30;
  s.zero_slices = 0xc0;
  SuperslabShelf shelf;
  shelf.insert(&s);
  CHECK(shelf.is_valid());
  s.free_slices = 0x70;  // not taken out before it changed
  CHECK(!shelf.is_valid());
  s.free_slices = 0xf0;
  s.dirty_slices = 0x130;
  CHECK(!shelf.is_valid());
  s.dirty_slices = 0;
  s.zero_slices = 0x100;
  CHECK(!shelf.is_valid());
  s.zero_slices = 0;
  CHECK(shelf.is_valid());
}

TEST(heap, "a big cache is valid while it holds what it says, all of it free") {
  Superslab block = {};
  block.huge_bytes = 3 * kMiB;
  BigCache cache(8 * kMiB);
  cache.put(&block, 0);
  CHECK(cache.is_valid());
  block.huge_bytes = 4 * kMiB;
  CHECK(!cache.is_valid());
  block.huge_bytes = 3 * kMiB;
  block.charged_bytes = 3 * kMiB;
  CHECK(!cache.is_valid());
  block.charged_bytes = 0;
  block.lessee = &block;
  CHECK(!cache.is_valid());
  block.lessee = nullptr;
  CHECK(cache.is_valid());
}

TEST(heap, "an owner is valid while its slabs lie in the list of their state") {
  TestHeap t;
  SlabOwner* owner = t->attach();
  void* blocks[2];
  CHECK_EQ(owner->take(class_for(64), blocks, 2), 2u);
  CHECK(owner->is_valid());
  Slab& slab = *t.space().slab_of(blocks[0]);
  slab.state = SlabState::kUnused;
  CHECK(!owner->is_valid());
  slab.state = SlabState::kPartial;
  slab.prev = &slab;
  CHECK(!owner->is_valid());
  slab.prev = nullptr;
  slab.owner.store(nullptr);
  CHECK(!owner->is_valid());
  slab.owner.store(owner);
  CHECK(owner->is_valid());
  owner->give(blocks, 2);
  CHECK(owner->is_valid());
  t->detach(owner);
  CHECK(t.ends_clean());
}

TEST(heap, "a thread cache is valid while its magazines hold blocks of its own slabs") {
  TestHeap t;
  ThreadCache* cache = t.attach();
  void* block = cache->allocate(64);
  cache->free(block);
  CHECK(cache->is_valid());
  const Slab& slab = *t.space().slab_of(block);
  const Route route = cache->route_of_block(block);
  t.space().route_slices(slab.start, slab.slices, kNoRoute);
  CHECK(!cache->is_valid());
  t.space().route_slices(slab.start, slab.slices, route + 1);  // of the next class
  CHECK(!cache->is_valid());
  t.space().route_slices(slab.start, slab.slices, route);
  CHECK(cache->is_valid());
  cache->detach();
  CHECK(t.ends_clean());
}
