// Who gets which share of a heap's slabs, and what becomes of a share without a thread.
#include "check.h"
#include "heap_parts_fixture.h"

using namespace superslab;
using namespace superslab_test;

namespace {

constexpr ClassIndex kClass = class_for(1024);

std::size_t count_of(SlabOwners& owners) {
  std::size_t count = 0;
  owners.for_each([&](SlabOwner&) {
    ++count;
    return true;
  });
  return count;
}

/// Takes `count` blocks and gives them all back, so that their slab is unused.
void leave_unused(SlabOwner& owner, std::size_t count) {
  std::vector<void*> blocks(count);
  CHECK_EQ(owner.take(kClass, blocks.data(), count), count);
  owner.give(blocks.data(), count);
}

}  // namespace

TEST(heap, "owners: a thread takes a vacant share over before there is a new one") {
  HeapParts t(Access::kPointers);
  SlabOwner* a = t.owners.attach(t.slabs);
  SlabOwner* b = t.owners.attach(t.slabs);
  CHECK(a != nullptr && b != nullptr && a != b && a->id() != b->id());
  t.owners.detach(a);
  CHECK(t.owners.attach(t.slabs) == a);
  SlabOwner* c = t.owners.attach(t.slabs);
  CHECK(c != a && c != b);
  CHECK_EQ(count_of(t.owners), 3u);
  CHECK(t.is_valid());
  for (SlabOwner* owner : {a, b, c}) t.owners.detach(owner);
  CHECK_EQ(count_of(t.owners), 3u);  // they stay as long as the heap
}

TEST(heap, "owners: a slab with room is inherited from a vacant share, and from no other") {
  HeapParts t(Access::kPointers);
  SlabOwner* from = t.owners.attach(t.slabs);
  SlabOwner* to = t.owners.attach(t.slabs);
  void* blocks[2];
  CHECK_EQ(from->take(kClass, blocks, 2), 2u);
  from->give(blocks, 1);
  CHECK(!t.owners.inherit_slab(kClass, *to));
  t.owners.detach(from);
  CHECK(!t.owners.inherit_slab(class_for(64), *to));  // it has none of that class
  CHECK(t.owners.inherit_slab(kClass, *to));
  CHECK(t.world.space->slab_of(blocks[1])->owner.load() == to);
  CHECK(!t.owners.inherit_slab(kClass, *to));
  CHECK(t.owners.attach(t.slabs) == from);  // vacant again, though it was looked at
  to->give(blocks + 1, 1);
  CHECK(t.is_valid());
  for (SlabOwner* owner : {from, to}) t.owners.detach(owner);
}

TEST(heap, "owners: the unused slabs of others are dissolved where they are enough") {
  HeapParts t(Access::kPointers);
  SlabOwner* own = t.owners.attach(t.slabs);
  SlabOwner* other = t.owners.attach(t.slabs);
  leave_unused(*own, 1);
  leave_unused(*other, 1);
  const ByteCount bytes = other->unused_bytes();
  CHECK(bytes != 0);
  CHECK_EQ(own->unused_bytes(), bytes);
  CHECK_EQ(t.owners.retire_unused(own, bytes + 1), 0u);
  CHECK_EQ(other->unused_bytes(), bytes);
  CHECK_EQ(t.owners.retire_unused(own, bytes), bytes);
  CHECK_EQ(other->unused_bytes(), 0u);
  CHECK_EQ(own->unused_bytes(), bytes);
  CHECK_EQ(t.owners.retire_unused(nullptr, 1), bytes);
  CHECK(t.is_valid());
  for (SlabOwner* owner : {own, other}) t.owners.detach(owner);
}

TEST(heap, "owners: after a fork every share is vacant but that of the thread that is left") {
  HeapParts t(Access::kPointers);
  SlabOwner* gone[2] = {t.owners.attach(t.slabs), t.owners.attach(t.slabs)};
  SlabOwner* mine = t.owners.attach(t.slabs);
  t.owners.vacate_others(mine);
  SlabOwner* next = t.owners.attach(t.slabs);
  SlabOwner* last = t.owners.attach(t.slabs);
  CHECK((next == gone[0] && last == gone[1]) || (next == gone[1] && last == gone[0]));
  SlabOwner* fresh = t.owners.attach(t.slabs);
  CHECK(fresh != mine && fresh != next && fresh != last);
  for (SlabOwner* owner : {mine, next, last, fresh}) t.owners.detach(owner);
}
