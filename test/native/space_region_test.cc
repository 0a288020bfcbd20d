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

std::uintptr_t end_of(const Region& region) { return region.base + region.slices * kSliceBytes; }

/// Refuses regions beyond a size, like RLIMIT_AS, and notes where the region came to lie.
class NarrowOs final : public OsProxy {
 public:
  NarrowOs(Os& to, ByteCount most) : OsProxy(to), most_(most) {}
  void* reserve(ByteCount bytes, ByteCount alignment) override {
    const bool region = alignment >= kSuperslabBytes;
    if (region && bytes > most_) return nullptr;
    void* p = OsProxy::reserve(bytes, alignment);
    if (region) {
      ++regions;
      start = address_of(p);
      reserved = bytes;
    }
    return p;
  }
  unsigned regions = 0;
  std::uintptr_t start = 0;
  ByteCount reserved = 0;

 private:
  const ByteCount most_;
};

/// Takes superslabs until there are no more; how many, and whether all lay between the ends.
std::size_t take_all(Space& space, std::uint32_t count, std::uintptr_t from, std::uintptr_t to,
                     bool& inside) {
  std::size_t taken = 0;
  for (;; ++taken) {
    const TakenRun run = space.take(count, 4096, kPlainPages);
    if (run.head == nullptr) return taken;
    const std::uintptr_t at = address_of(run.head->base);
    inside &= at >= from && at + count * kSuperslabBytes <= to && space.contains(run.head->base) &&
              &space.superslab_of(run.head->base) == run.head;
  }
}

}  // namespace

TEST(space, "a region has as many arenas as were asked for, and every slice of them a route") {
  for (const std::uint32_t arenas : {1u, 3u}) {
    TestSpace t(arenas);
    CHECK(t.open);
    const Region& region = t.space->region();
    CHECK_EQ(region.base % kArenaBytes, 0u);
    CHECK_EQ(region.slices, arenas * kSlicesPerArena);
    CHECK_EQ(t.space->reserved_bytes(), arenas * kArenaBytes);
    for (std::size_t slice = 0; slice < region.slices; slice += 97)
      CHECK_EQ(region.routes[slice], kNoRoute);
    CHECK_EQ(region.routes[region.slices - 1], kNoRoute);
    t.close();
    CHECK(t.is_balanced());
  }
}

TEST(space, "a space without a region has none") {
  TestSpace t;
  CHECK_EQ(t.space->region().slices, 0u);
  TestSpace in_one(1);
  CHECK(in_one.space->region().slices != 0);
}

TEST(space, "a region of more arenas than there are ordinals is as large as it can be") {
  TestSpace t(1000);
  CHECK(t.open);
  CHECK_EQ(t.space->region().slices, (kMaxArenas - 1) * kSlicesPerArena);
}

TEST(space, "arenas of a region open one after another, and no address lies outside it") {
  TestSpace t(2);
  const Region& region = t.space->region();
  bool inside = true;
  // Half an arena each.
  CHECK_EQ(take_all(*t.space, kSuperslabsPerArena / 2, region.base, end_of(region), inside), 4u);
  CHECK(inside);
  CHECK_EQ(t.space->take(1, 4096, kPlainPages).status, OsStatus::kNoMemory);
  CHECK_EQ(t.space->reserved_bytes(), 2 * kArenaBytes);
  // What was tried beyond it is not kept: the windows next to it are no arenas.
  const ByteCount reserved = t.os.reserved_bytes();
  for (int i = 0; i < 3; ++i) CHECK(t.space->take(1, 4096, kPlainPages).head == nullptr);
  CHECK_EQ(t.os.reserved_bytes(), reserved);
  CHECK(!t.space->contains(reinterpret_cast<void*>(region.base - 1)));
  CHECK(!t.space->contains(reinterpret_cast<void*>(end_of(region))));
  t.close();
  CHECK(t.is_balanced());
}

TEST(space, "an arena of a region that cannot be opened is opened by the next who asks") {
  TestSpace t(2);
  CHECK(t.space->take(kSuperslabsPerArena, 4096, kPlainPages).head != nullptr);
  t.os.fail_nth(Call::kReserve, 1, OsStatus::kNoMemory);  // its directory
  CHECK_EQ(t.space->take(1, 4096, kPlainPages).status, OsStatus::kNoMemory);
  const Superslab* s = t.space->take(1, 4096, kPlainPages).head;
  CHECK(s != nullptr);
  CHECK_EQ(address_of(s->base), t.space->region().base + kArenaBytes);
  t.close();
  CHECK(t.is_balanced());
}

TEST(space, "a region for which there are not enough addresses is reserved piece by piece") {
  FakeOs fake(system_os());
  for (const ByteCount most : {3 * kArenaBytes, kArenaBytes, kGiB, 64 * kMiB, 16 * kMiB}) {
    const Context context(std::to_string(most));
    NarrowOs os(fake, most);
    auto space = std::make_unique<Space>();
    CHECK(space->open(os, kMaxArenas - 1));
    const Region& region = space->region();
    // The table covers every address that a piece may come to have.
    CHECK_EQ(region.base % kArenaBytes, 0u);
    CHECK_EQ(region.slices, (kMaxArenas - 1) * kSlicesPerArena);
    const ByteCount first = space->reserved_bytes();
    CHECK(first != 0 && first <= most);
    bool inside = true;
    const std::uintptr_t end = end_of(region);
    for (int i = 0; i < 200; ++i) {
      const TakenRun run = space->take(1, 4096, kPlainPages);
      CHECK(run.head != nullptr);
      const std::uintptr_t at = address_of(run.head->base);
      inside &= at >= region.base && at + kSuperslabBytes <= end &&
                &space->superslab_of(run.head->base) == run.head &&
                run.head->index == kSuperslabsPerArena + (at - region.base) / kSuperslabBytes;
    }
    CHECK(inside);
    CHECK(space->reserved_bytes() >= 200 * kSuperslabBytes);
    space->close();
    CHECK_EQ(fake.reserved_bytes(), 0u);
  }
}

TEST(space, "without address space for any region there is no space") {
  FakeOs os(system_os());
  // Tables and metadata first, then the region and its first piece.
  os.fail_nth(Call::kReserve, 3, OsStatus::kNoMemory, Lasts::kFromThenOn);
  auto space = std::make_unique<Space>();
  CHECK(!space->open(os, kMaxArenas - 1));
  CHECK_EQ(os.failed_calls(), 2u);
  CHECK_EQ(os.reserved_bytes(), 0u);
  CHECK_EQ(os.misuse().total(), 0u);
}

TEST(space, "a route says who a slice's blocks belong to, from every address in it") {
  TestSpace t(1);
  const Superslab& s = *t.space->take(1, kSuperslabBytes, kPlainPages).head;
  const OwnerId owner = t.space->next_owner_id();
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

TEST(space, "no two owners have the same id, and ids end") {
  TestSpace t;
  CHECK_EQ(t.space->next_owner_id(), 1u);
  CHECK_EQ(t.space->next_owner_id(), 2u);
  for (OwnerId id = 3; id <= kMaxOwnerId; ++id) {
    if (t.space->next_owner_id() != id) CHECK_EQ(id, 0u);
  }
  CHECK_EQ(t.space->next_owner_id(), 0u);
  CHECK_EQ(t.space->next_owner_id(), 0u);
  // The last id's route and the first one's differ in the id alone.
  CHECK_EQ(route_of(kMaxOwnerId) >> kRouteClassBits, kMaxOwnerId);
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
  CHECK(t->inherit_slab(c, *heir));
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
    CHECK(cache->own_class(static_cast<std::byte*>(p) + at) >= kClassCount);
  }
  cache->free(p);
  cache->detach();
  CHECK(t.ends_clean());
}
