// Ids of owners: each of one owner at a time, and given on when it is gone, so that they never run
// out for heaps and threads that come and go.

#include <set>
#include <vector>

#include "check.h"
#include "heap_fixture.h"

using namespace superslab;
using namespace superslab_test;

namespace {

/// A space in which `left` ids are left.
struct NearTheEnd {
  FakeOs os{system_os()};
  std::unique_ptr<Space> space;
  explicit NearTheEnd(OwnerId left) : space(std::make_unique<Space>(kMaxOwnerId - left)) {
    CHECK(space->open(os, kTestArenas));
  }
  ~NearTheEnd() { space->close(); }
};

}  // namespace

TEST(space, "tags and routes name every class that there is room for") {
  for (const OwnerId owner : {OwnerId{1}, kMaxOwnerId}) {
    for (std::size_t i = 0; i < kClassSlots; ++i) {
      const auto c = static_cast<ClassIndex>(i);
      CHECK(tag_of(c) != kTagNone && tag_of(c) != kTagHuge);
      CHECK(class_of_tag(tag_of(c)) == c);
      const Route route = route_of(owner, c);
      CHECK(route != kNoRoute && class_of_route(route) == c);
      CHECK_EQ(route >> kRouteClassBits, owner);
      CHECK_EQ(std::size_t{route} ^ route_of(owner), i);
    }
  }
}

TEST(space, "the last owner's id is used, and there is none after it") {
  NearTheEnd near(2);
  const OwnerPlace first = near.space->take_owner_place(256, 128);
  const OwnerPlace last = near.space->take_owner_place(256, 128);
  CHECK_EQ(first.id, kMaxOwnerId - 1);
  CHECK_EQ(last.id, kMaxOwnerId);
  // The last id's route and the first one's differ in the id alone.
  CHECK_EQ(route_of(kMaxOwnerId) >> kRouteClassBits, kMaxOwnerId);
  for (int i = 0; i < 3; ++i) {
    const OwnerPlace none = near.space->take_owner_place(256, 128);
    CHECK(none.memory == nullptr);
    CHECK_EQ(none.id, 0u);
  }
  near.space->give_owner_place(first);
  const OwnerPlace again = near.space->take_owner_place(256, 128);
  CHECK(again.memory == first.memory);
  CHECK_EQ(again.id, first.id);
  CHECK(near.space->take_owner_place(256, 128).memory == nullptr);
}

TEST(space, "an id without memory for its owner is not used up") {
  NearTheEnd near(1);
  near.os.fail_nth(1, OsStatus::kNoMemory, FakeOs::Lasts::kFromThenOn);
  for (int i = 0; i < 3; ++i) {
    CHECK(near.space->take_owner_place(4 * kMiB, 128).memory == nullptr);
  }
  near.os.fail_none();
  CHECK_EQ(near.space->take_owner_place(4 * kMiB, 128).id, kMaxOwnerId);
}

TEST(heap, "heaps that come and go with blocks out use no more ids than live at once") {
  NearTheEnd near(3);
  const ManualClock clock;
  for (int round = 0; round < 200; ++round) {
    std::set<OwnerId> ids;
    std::vector<std::unique_ptr<Heap>> heaps;
    std::vector<SlabOwner*> owners;
    std::vector<void*> blocks;
    for (int i = 0; i < 3; ++i) {
      heaps.push_back(std::make_unique<Heap>(*near.space, clock, plain_policy()));
      owners.push_back(heaps.back()->attach());
      CHECK(owners.back() != nullptr);
      ids.insert(owners.back()->id());
      void* block = nullptr;
      const ClassIndex c = class_for(static_cast<ByteCount>(16 + 100 * round));
      CHECK_EQ(owners.back()->take(c, &block, 1), 1u);
      CHECK_EQ(near.space->route_at(block), route_of(owners.back()->id()) + to_index(c));
      blocks.push_back(block);
    }
    CHECK_EQ(ids.size(), 3u);
    Heap one_too_many(*near.space, clock, plain_policy());
    CHECK(one_too_many.attach() == nullptr);
    CHECK(one_too_many.is_abandoned());
    for (std::size_t i = 0; i < heaps.size(); ++i) {
      // As a first-class heap ends: the blocks that are out go with it.
      owners[i]->dissolve();
      heaps[i]->discharge(heaps[i]->budget().charged());
      heaps[i]->detach(owners[i]);
      heaps[i].reset();
      CHECK_EQ(near.space->route_at(blocks[i]), kNoRoute);
    }
  }
}

TEST(heap, "a heap that ends leaves no route, even of a slab with blocks that nobody gave back") {
  NearTheEnd near(1);
  const ManualClock clock;
  void* block = nullptr;
  {
    Heap heap(*near.space, clock, plain_policy());
    SlabOwner* owner = heap.attach();
    CHECK_EQ(owner->take(class_for(64), &block, 1), 1u);
    heap.discharge(heap.budget().charged());  // as if the counts were wrong
    heap.detach(owner);
  }
  CHECK_EQ(near.space->route_at(block), kNoRoute);
  CHECK_EQ(near.space->tag_at(block), kTagNone);
  Heap next(*near.space, clock, plain_policy());
  SlabOwner* owner = next.attach();
  CHECK(owner != nullptr);
  next.detach(owner);
}

TEST(heap, "threads that come and go one after another share one owner and its id") {
  NearTheEnd near(1);
  const ManualClock clock;
  Heap heap(*near.space, clock, plain_policy());
  for (int i = 0; i < 100; ++i) {
    ThreadCache* cache = ThreadCache::attach(heap);
    CHECK(cache != nullptr);
    cache->free(cache->allocate(100));
    CHECK(ThreadCache::attach(heap) == nullptr);  // a second one at once has no id
    cache->detach();
  }
}
