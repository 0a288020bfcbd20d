// A space in one region: which addresses it takes, with less address space than it wants too, and
// the table of routes over them.

#include <vector>

#include "check.h"
#include "heap_fixture.h"
#include "space_fixture.h"

using namespace superslab;
using namespace superslab_test;
using Call = FakeOs::Call;
using Lasts = FakeOs::Lasts;

namespace {

constexpr Backing kPlainPages{HugePages::kOff, {}};

/// Takes superslabs until there are no more; how many, and whether all lay between the ends.
std::size_t take_all(Space& space, std::uint32_t count, std::uintptr_t from, std::uintptr_t to,
                     bool& inside) {
  std::size_t taken = 0;
  for (;; ++taken) {
    const TakenSpan span = space.take(count, 4096, kPlainPages);
    if (span.head == nullptr) return taken;
    const std::uintptr_t at = address_of(span.head->base);
    inside &= at >= from && at + count * kSuperslabBytes <= to && space.contains(span.head->base) &&
              &space.superslab_of(span.head->base) == span.head;
  }
}

}  // namespace

TEST(space, "a space has routes for what was taken, and no addresses beyond its arenas") {
  TestSpace t(2);
  const std::uintptr_t base = t.space->region().base;
  CHECK_EQ(base % kArenaBytes, 0u);
  CHECK_EQ(t.space->region().slices, 0u);
  CHECK(t.space->take(3, 4096, kPlainPages).head != nullptr);
  const Region region = t.space->region();
  CHECK_EQ(region.base, base);
  CHECK_EQ(region.slices, 3 * kSlicesPerSuperslab);
  for (std::size_t slice = 0; slice < region.slices; ++slice)
    CHECK_EQ(region.routes[slice], kNoRoute);
  // The rest of the first arena, and the second, half an arena each.
  bool inside = true;
  CHECK_EQ(take_all(*t.space, kSuperslabsPerArena / 2, base, base + 2 * kArenaBytes, inside), 3u);
  CHECK(inside);
  CHECK_EQ(take_all(*t.space, 1, base, base + 2 * kArenaBytes, inside),
           kSuperslabsPerArena / 2 - 3);
  CHECK_EQ(t.space->take(1, 4096, kPlainPages).status, OsStatus::kNoMemory);
  CHECK_EQ(t.space->reserved_bytes(), 2 * kArenaBytes);
  CHECK_EQ(t.space->region().slices, 2 * kSlicesPerArena);
  CHECK(!t.space->contains(reinterpret_cast<void*>(base - 1)));
  CHECK(!t.space->contains(reinterpret_cast<void*>(base + 2 * kArenaBytes)));
  t.close();
  CHECK(t.is_balanced());
}

TEST(space, "a space of more arenas than there are ordinals is as large as it can be") {
  TestSpace t(1000);
  CHECK(t.open);
  bool inside = true;
  const std::uintptr_t base = t.space->region().base;
  const std::size_t taken =
      take_all(*t.space, kSuperslabsPerArena, base, base + 1000 * kArenaBytes, inside);
#if defined(__SANITIZE_THREAD__)
  // Its programs have so few addresses that other mappings may be in the way of some arenas.
  CHECK(taken >= kMaxArenas / 2 && taken < kMaxArenas);
#else
  CHECK_EQ(taken, kMaxArenas - 1);
#endif
  CHECK(inside);
}

TEST(space, "what cannot be reserved is reserved by the next who asks") {
  TestSpace t(2);
  CHECK(t.space->take(kSuperslabsPerArena, 4096, kPlainPages).head != nullptr);
  t.os.fail_nth(Call::kReserveAt, 1, OsStatus::kNoMemory, Lasts::kFromThenOn);
  CHECK_EQ(t.space->take(1, 4096, kPlainPages).status, OsStatus::kNoMemory);
  t.os.fail_none();
  const Superslab* s = t.space->take(1, 4096, kPlainPages).head;
  CHECK(s != nullptr);
  CHECK_EQ(address_of(s->base), t.space->region().base + kArenaBytes);
  t.close();
  CHECK(t.is_balanced());
}

TEST(space, "a route says who a slice's blocks belong to, from every address in it") {
  TestSpace t(1);
  const Superslab& s = *t.space->take(1, kSuperslabBytes, kPlainPages).head;
  const OwnerId owner = 5;
  const Route route = route_of(owner) + 9;
  t.space->route_slices(s.base + 3 * kSliceBytes + 128, 5, route);
  for (unsigned slice = 0; slice < kSlicesPerSuperslab; ++slice) {
    const bool routed = slice >= 3 && slice < 8;
    for (const ByteCount in : {ByteCount{0}, ByteCount{77}, kSliceBytes - 1}) {
      const std::byte* p = s.base + slice * kSliceBytes + in;
      CHECK_EQ(t.space->route_at(p), routed ? route : kNoRoute);
      const Region& region = t.space->region();
      CHECK_EQ(region.routes[(address_of(p) - region.base) >> kSliceShift], t.space->route_at(p));
    }
  }
  int local = 0;
  CHECK_EQ(t.space->route_at(&local), kNoRoute);
}

TEST(heap, "a slab's route is its owner's, with its class, until it is dissolved") {
  TestHeap t;
  SlabOwner* owner = t->attach();
  for (const ByteCount bytes : {ByteCount{16}, ByteCount{1000}, 200 * kKiB, kMaxClassBytes}) {
    const ClassIndex c = class_for(bytes);
    void* block = nullptr;
    CHECK_EQ(owner->take(c, &block, 1), 1u);
    const Slab* slab = t.space().slab_of(block);
    const std::byte* last = slab->start + slab->block_count * ByteCount{slab->block_bytes} - 1;
    for (const void* p : {static_cast<const void*>(block), static_cast<const void*>(last)})
      CHECK_EQ(t.space().route_at(p), route_of(owner->id()) + to_index(c));
    owner->give(&block, 1);
    owner->retire_unused();
    for (const void* p : {static_cast<const void*>(block), static_cast<const void*>(last)})
      CHECK_EQ(t.space().route_at(p), kNoRoute);
  }
  t->detach(owner);
  CHECK(t.ends_clean());
}

TEST(heap, "the route of a slab that is handed over is its new owner's") {
  TestHeap t;
  SlabOwner* heir = t->attach();
  SlabOwner* old = t->attach();
  CHECK(heir->id() != old->id());
  const ClassIndex c = class_for(64);
  void* block = nullptr;
  CHECK_EQ(old->take(c, &block, 1), 1u);
  t->detach(old);
  CHECK_EQ(t.space().route_at(block), route_of(old->id()) + to_index(c));
  CHECK(t->slabs().inherit_slab(c, *heir));
  CHECK_EQ(t.space().route_at(block), route_of(heir->id()) + to_index(c));
  heir->give(&block, 1);
  heir->retire_unused();
  CHECK_EQ(t.space().route_at(block), kNoRoute);
  t->detach(heir);
  CHECK(t.ends_clean());
}

TEST(heap, "a large block has no route") {
  TestHeap t;
  ThreadCache* cache = t.attach();
  void* p = cache->allocate(5 * kMiB);
  for (const ByteCount at : {ByteCount{0}, 3 * kMiB, 5 * kMiB - 1}) {
    CHECK_EQ(t.space().route_at(static_cast<std::byte*>(p) + at), kNoRoute);
    CHECK(cache->own_class(static_cast<std::byte*>(p) + at) >= kFixedClasses);
  }
  cache->free(p);
  cache->detach();
  CHECK(t.ends_clean());
}

TEST(heap,
     "a thread's cache knows its own blocks at once, and others' when they come, as the space "
     "grows") {
  TestHeap t;
  ThreadCache* mine = t.attach();
  ThreadCache* other = t.attach();
  std::vector<void*> blocks;
  const std::size_t before = t.space().slices();
  while (t.space().slices() < before + 40 * kSlicesPerSuperslab) {
    for (const ByteCount bytes : {ByteCount{4000}, 100 * kKiB}) {
      void* p = mine->allocate(bytes);
      CHECK(p != nullptr);
      CHECK_EQ(mine->own_class(p), to_index(class_for(bytes)));
      blocks.push_back(p);
    }
  }
  // Behind the end of what the other one knows: not its own, and then looked up.
  void* last = blocks.back();
  CHECK(other->own_class(last) >= kFixedClasses);
  CHECK_EQ(other->route_of_block(last), t.space().route_at(last));
  CHECK(other->own_class(last) >= kFixedClasses);
  for (std::size_t i = 0; i < blocks.size(); ++i) (i % 2 == 0 ? mine : other)->free(blocks[i]);
  other->detach();
  mine->detach();
  CHECK(t.ends_clean());
}
