// What lies unused with an owner: which slabs dissolve, which free pages go back, and what the heap
// is told of it.

#include <algorithm>
#include <functional>
#include <thread>
#include <vector>

#include "check.h"
#include "heap/slab_bits.h"
#include "heap_fixture.h"

using namespace superslab;
using namespace superslab_test;

namespace {

/// A slab of them is one slice, and all of a slice.
constexpr ByteCount kPage = 4 * kKiB;
constexpr std::size_t kInSlab = kSliceBytes / kPage;
static_assert(size_class(class_for(kPage)).slices == 1);
static_assert(size_class(class_for(kPage)).block_count == kInSlab);

/// Runs something while a purge is under way.
class InterruptedOs final : public OsProxy {
 public:
  using OsProxy::OsProxy;
  std::function<void()> before_purge;
  OsStatus purge(const OsRange* ranges, std::size_t count) override {
    if (auto act = std::exchange(before_purge, nullptr)) act();
    return OsProxy::purge(ranges, count);
  }
};

/// A heap behind pointers that counts what is idle, and one owner of its slabs.
struct World {
  FakeOs fake{system_os()};
  InterruptedOs os{fake};
  Space space;
  ManualClock clock;
  std::unique_ptr<Heap> heap;
  SlabOwner* owner;

  World() {
    space.open(os, kTestArenas);
    heap = std::make_unique<Heap>(space, clock, plain_policy(),
                                  HeapShape{.access = Access::kPointers});
    heap->account().set_excess_hook([] {});
    owner = heap->attach();
    clock.advance(1000 * kMillisecond);
  }
  ~World() {
    owner->dissolve();
    heap->discharge(heap->budget().charged());
    heap->detach(owner);
    heap.reset();
    space.close();
  }
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  std::vector<void*> take(ByteCount bytes, std::size_t count) {
    std::vector<void*> blocks(count);
    blocks.resize(owner->take(class_for(bytes), blocks.data(), count));
    return blocks;
  }
  void give(const std::vector<void*>& blocks) { owner->give(blocks.data(), blocks.size()); }

  /// `slabs` full slabs of pages, of whose blocks the first `free` are then free.
  void scatter(std::size_t slabs, std::size_t free) {
    std::vector<void*> going;
    for (void* block : take(kPage, slabs * kInSlab))
      if (address_of(block) % kSliceBytes / kPage < free) going.push_back(block);
    give(going);
  }
  std::uint64_t retired() const { return heap->stats().slabs_retired; }
  std::uint64_t purges() const { return fake.calls(FakeOs::Call::kPurge); }

  /// A slab of pages all of whose blocks are free, which its owner does not know to be unused: one
  /// was collected before the thread that freed it announced it.
  void leave_one_unused_unseen() {
    const std::vector<void*> blocks = take(kPage, kInSlab);
    Slab& slab = *space.slab_of(blocks[0]);
    give({blocks.begin() + 2, blocks.end()});
    const std::uint32_t late = block_index(slab, blocks[0]);
    remote_word(slab, late / 64).fetch_or(std::uint64_t{1} << (late % 64));
    SlabOwner::give_remote(heap->slabs(), blocks[1], nullptr);
    owner->collect();
    slab.pending.fetch_add(1);
    heap->discharge(kPage);
  }
};

}  // namespace

TEST(heap, "an owner dissolves as many bytes of unused slabs as it is asked for, and says so") {
  World w;
  w.give(w.take(kPage, 5 * kInSlab));
  CHECK_EQ(w.heap->idle_bytes(), 5 * kSliceBytes);
  CHECK_EQ(w.owner->retire_unused_bytes(1), kSliceBytes);
  CHECK_EQ(w.retired(), 1u);
  // Still idle, but in no slab any more: counted once.
  CHECK_EQ(w.heap->idle_bytes(), 5 * kSliceBytes);
  CHECK_EQ(w.owner->retire_unused_bytes(2 * kSliceBytes), 2 * kSliceBytes);
  CHECK_EQ(w.owner->retire_unused_bytes(kGiB), 2 * kSliceBytes);
  CHECK_EQ(w.heap->idle_bytes(), 5 * kSliceBytes);
  CHECK_EQ(w.owner->retire_unused_bytes(kGiB), 0u);
}

TEST(heap, "who asks for an owner's unused slabs gets none while the owner is at work") {
  World w;
  w.scatter(2, kInSlab - 1);
  w.give(w.take(8 * kKiB, 8));
  CHECK_EQ(w.owner->unused_bytes(), kSliceBytes);
  ByteCount got = ~ByteCount{0};
  w.os.before_purge = [&] { std::thread([&] { got = w.owner->try_retire_unused(0); }).join(); };
  ByteCount gone = 0;
  w.owner->purge_pages(gone);
  CHECK(w.os.before_purge == nullptr);
  CHECK_EQ(got, 0u);
  CHECK_EQ(w.owner->try_retire_unused(0), kSliceBytes);
}

TEST(heap, "a slab that became unused unseen dissolves with the next look, whoever has it") {
  const std::pair<const char*, void (*)(World&, void*)> looks[] = {
      {"its owner", [](World& w, void*) { w.owner->retire_unused(); }},
      {"once the owner rests",
       [](World& w, void*) {
         w.owner->settle(w.heap->now(), 0);
         w.owner->settle(w.heap->now(), 0);
       }},
      {"where too much is idle",
       [](World& w, void* block) {
         // Only where it is worth it, as for what another thread freed.
         SlabOwner::give_remote(w.heap->slabs(), block, nullptr);
         ByteCount gone = 0;
         w.owner->give_back(gone);
       }},
  };
  for (const auto& [who, look] : looks) {
    const Context context(who);
    World w;
    const std::vector<void*> stay = w.take(kPage, kInSlab);
    w.leave_one_unused_unseen();
    CHECK_EQ(w.owner->unused_bytes(), 0u);
    CHECK_EQ(w.retired(), 0u);
    look(w, stay[0]);
    CHECK_EQ(w.retired(), 1u);
  }
}

TEST(heap, "free pages go back before the heap grows once a fifth of all is free, not before") {
  World w;
  constexpr std::size_t kSlabs = 48 * kSlicesPerSuperslab;  // 96 MiB, to the last slice
  const std::vector<void*> blocks = w.take(kPage, kSlabs * kInSlab);
  CHECK_EQ(blocks.size(), kSlabs * kInSlab);
  const std::uintptr_t base = address_of(*std::min_element(blocks.begin(), blocks.end()));
  const auto free_pages_of = [&](std::size_t first, std::size_t slabs) {
    std::vector<void*> going;
    for (void* block : blocks) {
      const std::size_t slab = (address_of(block) - base) / kSliceBytes;
      const bool is_in = slab >= first && slab < first + slabs;
      if (is_in && address_of(block) % kSliceBytes / kPage < 12) going.push_back(block);
    }
    w.give(going);
  };
  free_pages_of(0, 384);  // 18 of 96 MiB
  CHECK(!w.take(kMaxClassBytes, 1).empty());
  CHECK_EQ(w.purges(), 0u);
  free_pages_of(384, 64);  // 21 of 98 MiB
  CHECK(!w.take(kMaxClassBytes, 1).empty());
  CHECK(w.purges() != 0);
}

TEST(heap, "pages of a slab go back from the half on that is free") {
  for (const bool is_half : {false, true}) {
    World w;
    w.scatter(1, is_half ? kInSlab / 2 : kInSlab / 2 - 1);
    ByteCount gone = 0;
    CHECK(!w.owner->purge_pages(gone));
    CHECK_EQ(gone, is_half ? kSliceBytes / 2 : 0);
  }
}

TEST(heap, "pages that went back are idle no more, also where they are few") {
  World w;
  w.scatter(6, 12);
  CHECK(w.heap->idle_bytes() >= 256 * kKiB);  // as much as an owner tells at once
  ByteCount gone = 0;
  while (w.owner->purge_pages(gone)) {
  }
  CHECK_EQ(gone, 6 * 12 * kPage);
  CHECK_EQ(w.heap->idle_bytes(), 0u);
}

TEST(heap, "a slab is cut where the shortest unused one dissolves that is long enough") {
  World w;
  constexpr ByteCount kWanted = 80 * kKiB;
  constexpr ByteCount kLong = 160 * kKiB;
  static_assert(size_class(class_for(kWanted)).slices == size_class(class_for(kLong)).slices);
  const std::vector<void*> fitting = w.take(kLong, 1);
  const std::vector<void*> shorter = w.take(kPage, 4 * kInSlab);
  // The rest of the superslab is in use.
  const std::size_t left = kSlicesPerSuperslab - size_class(class_for(kLong)).slices - 4;
  const std::vector<void*> used = w.take(8 * kKiB, left * 8);
  CHECK_EQ(w.heap->stats().superslabs_taken, 1u);
  w.give(fitting);
  w.give(shorter);
  bool is_zero;
  void* block = w.owner->take_one(class_for(kWanted), is_zero, Growth::kNever);
  CHECK(block != nullptr);
  CHECK_EQ(w.retired(), 1u);
  CHECK_EQ(w.owner->unused_bytes(), 4 * kSliceBytes);
  CHECK_EQ(w.heap->stats().superslabs_taken, 1u);
}
