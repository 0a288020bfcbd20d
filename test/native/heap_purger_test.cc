// Idle memory of a heap on its way back to the operating system, part by part.
#include "check.h"
#include "heap_parts_fixture.h"

using namespace superslab;
using namespace superslab_test;

namespace {

constexpr ByteCount kBytes = 3 * kMiB;

Policy purge_policy() {
  Policy policy = plain_policy();
  policy.purge_delay_ms = Millis{100};
  policy.big_cache_age_ms = Millis{1000};
  return policy;
}

/// A block beyond 2 MiB that was written to and lies in the big cache.
Superslab* leave_huge(HeapParts& t) {
  Superslab* head = t.huge.take(kBytes, nullptr);
  if (head == nullptr) return nullptr;
  std::memset(head->base, 1, kBytes);
  t.huge.give(head);
  return head;
}

/// A slab that was written to and dissolved; its bytes.
ByteCount leave_slices(HeapParts& t, SlabOwner& owner) {
  void* block = nullptr;
  if (owner.take(class_for(kMaxClassBytes), &block, 1) != 1) return 0;
  const ByteCount bytes = class_bytes(to_index(class_for(kMaxClassBytes)));
  std::memset(block, 1, bytes);
  owner.give(&block, 1);
  owner.retire_unused();
  return t.account.free_bytes();
}

}  // namespace

TEST(heap, "purger: what is idle goes back after the delay of its kind, and not before") {
  HeapParts t(Access::kViews, purge_policy());
  SlabOwner* owner = t.owners.attach(t.slabs);
  Superslab* head = leave_huge(t);
  CHECK(head != nullptr);
  const ByteCount slices = leave_slices(t, *owner);
  CHECK(slices != 0);
  const ByteCount committed = t.account.committed_bytes();
  CHECK(t.purger.tick());
  CHECK_EQ(t.account.committed_bytes(), committed);
  t.pass(101);
  CHECK(t.purger.tick());  // the big cache keeps what it has for longer
  CHECK_EQ(t.account.committed_bytes(), committed - slices);
  CHECK_EQ(t.huge.cached_bytes(), kBytes);
  t.pass(1000);
  CHECK(!t.purger.tick());
  CHECK_EQ(t.account.committed_bytes(), 0u);
  CHECK_EQ(t.huge.cached_bytes(), 0u);
  CHECK_EQ(t.core.counters.purged_bytes.get(), committed);
  CHECK(t.is_valid());
  t.owners.detach(owner);
}

TEST(heap, "purger: trim purges at once, and no more than leaves the target") {
  HeapParts t(Access::kViews, purge_policy());
  Superslab* blocks[3];
  for (Superslab*& head : blocks) head = t.huge.take(kBytes, nullptr);
  for (Superslab* head : blocks) t.huge.give(head);
  CHECK_EQ(t.purger.trim(3 * kBytes), 0u);
  CHECK_EQ(t.purger.trim(2 * kBytes), kBytes);
  CHECK_EQ(t.account.committed_bytes(), 2 * kBytes);
  CHECK_EQ(t.purger.trim(0), 2 * kBytes);
  CHECK_EQ(t.account.committed_bytes(), 0u);
  CHECK_EQ(t.core.counters.superslabs_given.get(), t.core.counters.superslabs_taken.get());
}

TEST(heap, "purger: memory that the operating system does not take waits where it was") {
  HeapParts t(Access::kViews, purge_policy());
  Superslab* head = leave_huge(t);
  CHECK(head != nullptr);
  t.world.os.fail_nth(FakeOs::Call::kPurge, 1, OsStatus::kNoMemory, FakeOs::Lasts::kFromThenOn);
  CHECK_EQ(t.purger.trim(0), 0u);
  CHECK_EQ(t.huge.cached_bytes(), kBytes);
  CHECK_EQ(t.account.committed_bytes(), kBytes);
  CHECK_EQ(t.core.counters.purges.get(), 0u);
  CHECK(t.is_valid());
  t.world.os.fail_none();
  CHECK_EQ(t.purger.trim(0), kBytes);
}

TEST(heap, "purger: the slabs of a share without a thread are looked after") {
  HeapParts t(Access::kViews, purge_policy());
  SlabOwner* owner = t.owners.attach(t.slabs);
  void* block = nullptr;
  CHECK_EQ(owner->take(class_for(1000), &block, 1), 1u);
  std::memset(block, 1, 1000);
  t.owners.detach(owner);
  CHECK(SlabOwner::give_remote(t.slabs, block, nullptr));
  CHECK_EQ(t.core.budget.charged(), 0u);
  CHECK(t.purger.trim(0) != 0);
  CHECK_EQ(t.account.committed_bytes(), 0u);
  CHECK(t.is_valid());
}
