// Blocks beyond 2 MiB as a part of a heap: charges, lessees, the big cache, and what goes back.
#include "check.h"
#include "heap_parts_fixture.h"

using namespace superslab;
using namespace superslab_test;

namespace {

constexpr ByteCount kBytes = 3 * kMiB;

Policy cache_policy(ByteCount cache_bytes, ByteCount max_bytes = 0) {
  Policy policy = plain_policy();
  policy.big_cache_bytes = cache_bytes;
  policy.max_bytes = max_bytes;
  return policy;
}

using Given = HugeBlocks::Given;

}  // namespace

TEST(heap, "huge blocks: a lease is charged until it ends, and ends once") {
  HeapParts t(Access::kViews, cache_policy(64 * kMiB, 8 * kMiB));
  Superslab* head = t.huge.take(kBytes, nullptr);
  CHECK(head != nullptr && head->huge_bytes >= kBytes);
  CHECK_EQ(t.core.budget.charged(), head->charged_bytes);
  CHECK_EQ(head->charged_bytes, t.huge.capacity(kBytes));
  CHECK_EQ(t.huge.leased_bytes(), head->huge_bytes);
  CHECK(t.huge.take(6 * kMiB, nullptr) == nullptr);  // beyond the limit
  CHECK_EQ(t.core.budget.charged(), head->charged_bytes);
  CHECK(t.huge.give(head) == Given::kDone);
  CHECK_EQ(t.core.budget.charged(), 0u);
  CHECK_EQ(t.huge.leased_bytes(), 0u);
  CHECK(t.huge.give(head) == Given::kAlreadyFree);
  CHECK_EQ(t.core.counters.double_frees.get(), 1u);
  CHECK_EQ(t.core.budget.charged(), 0u);
  CHECK(t.is_valid());
}

TEST(heap, "huge blocks: behind views a freed one is kept whole for the next of about its length") {
  HeapParts t(Access::kViews, cache_policy(4 * kMiB));
  Superslab* first = t.huge.take(kBytes, nullptr);
  Superslab* second = t.huge.take(kBytes, nullptr);
  CHECK(t.huge.give(first) == Given::kDone);
  CHECK_EQ(t.huge.cached_bytes(), kBytes);
  CHECK_EQ(t.account.committed_bytes(), 2 * kBytes);
  CHECK(t.huge.take(kBytes - kMiB / 2, nullptr) == first);
  CHECK_EQ(first->charged_bytes, kBytes - kMiB / 2);  // its own size, though the block has more
  CHECK_EQ(t.huge.cached_bytes(), 0u);
  CHECK(t.huge.give(first) == Given::kDone);
  CHECK(t.huge.give(second) == Given::kBeyondLimit);
  CHECK(t.is_valid());
}

TEST(heap, "huge blocks: behind pointers a freed one leaves its superslabs to blocks of any size") {
  HeapParts t(Access::kPointers);
  bool is_zero = false;
  Superslab* head = t.huge.take(4 * kMiB, nullptr, kSuperslabBytes, &is_zero);
  CHECK(is_zero);
  CHECK(t.huge.reuse(kBytes, nullptr, kSuperslabBytes, is_zero) == nullptr);  // nothing lies idle
  CHECK_EQ(t.core.budget.charged(), 4 * kMiB);
  CHECK(t.huge.give(head) == Given::kDone);
  CHECK_EQ(t.account.committed_bytes(), 0u);
  CHECK_EQ(t.world.space->idle_bytes(), 4 * kMiB);
  Superslab* again = t.huge.reuse(kBytes, nullptr, kSuperslabBytes, is_zero);
  CHECK(again == head && !is_zero);
  CHECK(t.huge.resize(again, 6 * kMiB));
  CHECK_EQ(t.core.budget.charged(), 6 * kMiB);
  CHECK(t.huge.resize(again, kBytes));
  CHECK_EQ(t.core.budget.charged(), 4 * kMiB);
  CHECK(t.huge.give(again) == Given::kDone);
  CHECK(t.is_valid());
}

TEST(heap, "huge blocks: each that a lessee left is told of once") {
  HeapParts t(Access::kViews);
  SlabOwner* lessee = t.owners.attach(t.slabs);
  SlabOwner* other = t.owners.attach(t.slabs);
  Superslab* left = t.huge.take(kBytes, lessee);
  Superslab* kept = t.huge.take(kBytes, other);
  CHECK(t.huge.orphan(lessee) == left);
  CHECK(t.huge.orphan(lessee) == nullptr);
  CHECK_EQ(t.huge.leased_bytes(), 2 * kBytes);  // it is still out
  CHECK(kept->lessee == other);
  for (Superslab* head : {left, kept}) CHECK(t.huge.give(head) == Given::kDone);
  for (SlabOwner* owner : {lessee, other}) t.owners.detach(owner);
}

TEST(heap, "huge blocks: what is collected for a purge is out of reach until it is put back") {
  HeapParts t(Access::kViews);
  Superslab* old = t.huge.take(kBytes, nullptr);
  Superslab* young = t.huge.take(kBytes, nullptr);
  CHECK(t.huge.give(old) == Given::kDone);
  t.pass(10);
  const Nanos between = t.clock.now() - 1;
  CHECK(t.huge.give(young) == Given::kDone);
  HeapLock guard(t.core.lock);
  PurgeBatch none;
  t.huge.collect_idle(none, ~Nanos{0}, 2 * kBytes);  // no more than the target is committed
  CHECK_EQ(none.count, 0u);
  PurgeBatch batch;
  t.huge.collect_idle(batch, between, 0);
  CHECK_EQ(batch.count, 1u);
  CHECK(batch.items[0].superslab == old && batch.items[0].what == PurgeBatch::kHuge);
  CHECK(t.huge.has_idle());
  PurgeBatch rest;
  t.huge.collect_idle(rest, ~Nanos{0}, 0);
  CHECK_EQ(rest.count, 1u);
  CHECK(!t.huge.has_idle());
  t.huge.put_back(rest.items[0]);
  t.huge.put_back(batch.items[0]);
  CHECK(t.huge.has_idle() && t.huge.is_valid());
}
