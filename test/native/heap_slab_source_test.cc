// Slabs cut and dissolved without owners, and what of their superslabs is idle.
#include "check.h"
#include "heap/slab_bits.h"
#include "heap/slab_owners.h"
#include "heap/slab_source.h"
#include "heap_fixture.h"

using namespace superslab;
using namespace superslab_test;

namespace {

struct Idle final : SpanSource::IdleSpans {
  void give_back_idle_spans() override {}
};

struct Parts {
  explicit Parts(const HeapShape& shape = {.access = Access::kPointers})
      : core(*world.space, clock, plain_policy(), shape) {
    clock.advance(kMillisecond);
  }
  ~Parts() {
    HeapLock guard(core.lock);
    slabs.give_back_all();
  }
  ByteCount committed() const { return account.committed_bytes(); }
  /// What is idle, out of the source's hands.
  PurgeBatch collect(ByteCount target = 0) {
    HeapLock guard(core.lock);
    PurgeBatch batch;
    slabs.collect_idle(batch, clock.now(), target, 0);
    return batch;
  }
  bool is_valid() {
    HeapLock guard(core.lock);
    return slabs.is_valid();
  }

  TestSpace world{kTestArenas};
  ManualClock clock;
  HeapCore core;
  MemoryAccount account{core};
  Idle idle;
  SpanSource spans{core, account, this, idle};
  SlabOwners owners{core};
  SlabSource slabs{core, account, spans, owners};
};

constexpr ClassIndex kSmall = class_for(1024);

}  // namespace

TEST(heap, "slabs are cut from one superslab while it has room, and grow it only when they may") {
  Parts t;
  CHECK(t.slabs.make_slab(kSmall, Growth::kNever) == nullptr);
  Slab* first = t.slabs.make_slab(kSmall, Growth::kIfNeeded);
  CHECK(first != nullptr && slab_is_valid(*first));
  Slab* second = t.slabs.make_slab(kSmall, Growth::kNever);
  CHECK(second != nullptr && second != first);
  CHECK(&t.world.space->superslab_of(first->start) == &t.world.space->superslab_of(second->start));
  CHECK_EQ(t.core.counters.superslabs_taken.get(), 1u);
  CHECK_EQ(t.core.slab_counters.made[to_index(kSmall)].get(), 2u);
  CHECK_EQ(t.committed(), bytes_of(*first) + bytes_of(*second));
  t.slabs.retire_slab(first, t.clock.now());
  t.slabs.retire_slab(second, t.clock.now());
  CHECK_EQ(t.core.slab_counters.made[to_index(kSmall)].get(), 2u);
  CHECK_EQ(t.core.slab_counters.retired[to_index(kSmall)].get(), 2u);
  CHECK(t.committed() <= kSliceBytes);  // nothing was carved, but a colour counts
  CHECK(t.is_valid());
}

TEST(heap, "slices that hold memory are cut first") {
  Parts t;
  Slab* slabs[3];
  for (Slab*& slab : slabs) slab = t.slabs.make_slab(kSmall, Growth::kIfNeeded);
  void* block;
  CHECK_EQ(slab_take(*slabs[1], &block + 1, 1), 1u);
  slab_free(*slabs[1], 0, 1);
  const std::byte* start = slabs[1]->start;
  for (Slab* slab : {slabs[0], slabs[1]}) t.slabs.retire_slab(slab, t.clock.now());
  CHECK(t.account.free_bytes() != 0);
  Slab* again = t.slabs.make_slab(class_for(1024), Growth::kNever);
  CHECK(address_of(again->start) / kSliceBytes == address_of(start) / kSliceBytes ||
        again->slices > 1);
  for (Slab* slab : {again, slabs[2]}) t.slabs.retire_slab(slab, t.clock.now());
}

TEST(heap, "idle slices are out of reach while they are purged, and back afterwards") {
  Parts t;
  Slab* used = t.slabs.make_slab(kSmall, Growth::kIfNeeded);
  Slab* idle = t.slabs.make_slab(kSmall, Growth::kNever);
  void* block;
  CHECK_EQ(slab_take(*idle, &block + 1, 1), 1u);
  slab_free(*idle, 0, 1);
  t.slabs.retire_slab(idle, t.clock.now());
  const ByteCount before = t.committed();
  const ByteCount free = t.account.free_bytes();
  CHECK(free != 0);
  CHECK_EQ(t.collect(before).count, 0u);  // no more than the target is committed
  PurgeBatch batch = t.collect();
  CHECK_EQ(batch.count, 1u);
  CHECK(batch.items[0].what == PurgeBatch::kSlices);
  CHECK_EQ(batch.bytes, free);
  CHECK_EQ(t.account.free_bytes(), 0u);
  CHECK_EQ(t.collect().count, 0u);
  Superslab* s = batch.items[0].superslab;
  CHECK((s->free_slices & batch.items[0].dirty) == 0);
  {
    HeapLock guard(t.core.lock);
    t.slabs.put_back(batch.items[0]);
  }
  CHECK_EQ(t.account.free_bytes(), free);
  CHECK(t.is_valid() && (s->dirty_slices & batch.items[0].dirty) == batch.items[0].dirty);
  batch = t.collect();
  CHECK_EQ(batch.count, 1u);
  {
    HeapLock guard(t.core.lock);
    t.slabs.note_purged(batch.items[0]);
    CHECK(!t.slabs.has_idle());
  }
  CHECK((s->zero_slices & batch.items[0].dirty) == batch.items[0].dirty);
  CHECK(t.is_valid());
  t.account.change_committed(-static_cast<std::int64_t>(batch.bytes));
  t.slabs.retire_slab(used, t.clock.now());
}

TEST(heap, "a superslab without slabs goes back as a whole") {
  Parts t;
  Slab* slab = t.slabs.make_slab(kSmall, Growth::kIfNeeded);
  t.slabs.retire_slab(slab, t.clock.now());
  PurgeBatch batch = t.collect();
  CHECK_EQ(batch.count, 1u);
  CHECK(batch.items[0].what == PurgeBatch::kWhole);
  CHECK(batch.items[0].superslab->heap == nullptr);
  HeapLock guard(t.core.lock);
  t.slabs.note_purged(batch.items[0]);
  CHECK_EQ(t.core.counters.superslabs_given.get(), 1u);
}

TEST(heap, "the heap behind views keeps what lies unused, up to a share and not under pressure") {
  Parts views({.access = Access::kViews, .memory = 64 * kMiB});
  views.account.change_committed(8 * kMiB);
  CHECK(views.slabs.keeps_unused(8 * kMiB * 20 / 100 - 1));
  CHECK(!views.slabs.keeps_unused(8 * kMiB * 20 / 100));
  views.account.change_committed(32 * kMiB);
  CHECK(!views.slabs.keeps_unused(kMiB));
  views.account.change_committed(-static_cast<std::int64_t>(40 * kMiB));
  Parts pointers;
  pointers.account.change_committed(8 * kMiB);
  CHECK(!pointers.slabs.keeps_unused(0));
  pointers.account.change_committed(-static_cast<std::int64_t>(8 * kMiB));
}
