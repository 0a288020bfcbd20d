// Heaps of secrets: all their memory is protected, nothing else is, and what is freed is cleared.

#include <vector>

#include "check.h"
#include "end_fixture.h"
#include "heap_fixture.h"
#include "pools/buffer/lease_table.h"

using namespace superslab;
using namespace superslab_test;
using Call = FakeOs::Call;
using Lasts = FakeOs::Lasts;

namespace {

Policy secret_policy() {
  Policy policy = plain_policy();
  policy.sensitive = true;
  policy.big_cache_bytes = 64 * kMiB;
  return policy;
}

Policy locked_policy() {
  Policy policy = secret_policy();
  policy.lock_memory = true;
  return policy;
}

/// Kernels before 5.18: of locked memory nothing can be purged.
class OldOs final : public OsProxy {
 public:
  explicit OldOs(FakeOs& to) : OsProxy(to), fake_(to) {}
  OsStatus purge(const OsRange* ranges, std::size_t count) override {
    for (std::size_t i = 0; i < count; ++i) {
      if (fake_.protected_bytes(ranges[i].address, ranges[i].bytes, Secrecy::kLocked) != 0)
        return OsStatus::kUnsupported;
    }
    return OsProxy::purge(ranges, count);
  }

 private:
  FakeOs& fake_;
};

}  // namespace

TEST(heap, "every block of a heap of secrets is protected, small or large") {
  TestPool t(locked_policy());
  Script s(*t.heap);
  for (const ByteCount bytes : {ByteCount{64}, 100 * kKiB, kMaxClassBytes, 5 * kMiB}) {
    const BlockNumber n = s.acquire(bytes);
    for (const Secrecy one : kEverySecrecy)
      CHECK_EQ(t.os().protected_bytes(s.bytes_of(n), s.capacity(n), one), s.capacity(n));
    s.release(n);
  }
  CHECK_EQ(t->stats().secret_failures, 0u);
  t->trim(0);
  s.detach();
  t->trim(0);
  for (const Secrecy one : kEverySecrecy) CHECK_EQ(t.os().protected_bytes(one), 0u);
  CHECK(t.ends_clean());
}

TEST(heap, "nothing is protected without a wish, and locking alone only locks") {
  TestPool plain;
  Script s(*plain.heap);
  s.release(s.acquire(100));
  s.release(s.acquire(5 * kMiB));
  CHECK_EQ(plain.os().calls(Call::kProtect), 0u);

  Policy policy = plain_policy();
  policy.lock_memory = true;
  TestPool locked(policy);
  Script other(*locked.heap);
  other.release(other.acquire(100));
  CHECK_EQ(locked.os().protected_bytes(Secrecy::kLocked), kSuperslabBytes);
  CHECK_EQ(locked.os().protected_bytes(Secrecy::kWipeOnFork), 0u);
  CHECK_EQ(locked.os().protected_bytes(Secrecy::kNoDump), 0u);
}

TEST(heap, "malloc's heap keeps its memory at a fork, whatever the environment asks for") {
  TestHeap t;
  Policy policy = locked_policy();
  policy.guard_pages = true;
  t.heap =
      std::make_unique<Heap>(t.space(), t.clock, policy, HeapShape{.access = Access::kPointers});
  ThreadCache* cache = t.attach();
  void* small = cache->allocate(100);
  void* huge = cache->allocate(4 * kMiB);
  CHECK_EQ(t.os().calls(Call::kProtect), 0u);
  CHECK_EQ(t.space().superslab_of(huge).span, 2u);  // no guard either
  cache->free(small);
  cache->free(huge);
  cache->detach();
  CHECK(t.ends_clean());
}

TEST(heap, "a block from the big cache is a secret still") {
  TestPool t(locked_policy());
  Script s(*t.heap);
  const BlockNumber n = s.acquire(5 * kMiB);
  s.release(n);
  CHECK_EQ(t->stats().big_cache_bytes, s.capacity(n));
  CHECK_EQ(s.acquire(5 * kMiB), n);
  CHECK_EQ(t.os().protected_bytes(s.bytes_of(n), s.capacity(n), Secrecy::kWipeOnFork),
           s.capacity(n));
  s.release(n);
}

TEST(heap, "purged memory of secrets is protected when it comes back") {
  Policy policy = locked_policy();
  policy.purge_delay_ms = Millis{10};
  TestPool t(policy);
  Script s(*t.heap);
  const BlockNumber keeps = s.acquire(64);  // so that the superslab stays
  const BlockNumber n = s.acquire(1 * kMiB);
  s.release(n);
  s.cache().flush();
  t.pass(100);
  t->tick();
  CHECK(t->stats().purged_bytes >= kMiB);
  CHECK_EQ(s.acquire(1 * kMiB), n);
  for (const Secrecy one : kEverySecrecy)
    CHECK_EQ(t.os().protected_bytes(s.bytes_of(n), kMiB, one), kMiB);
  s.release(n);
  s.release(keeps);
}

TEST(heap, "a refusal costs nobody a block, and is counted and remembered") {
  TestPool t(locked_policy());
  t.os().refuse(Secrecy::kLocked | Secrecy::kWipeOnFork);
  Script s(*t.heap);
  const BlockNumber n = s.acquire(100);
  CHECK(n != kNoBlock);
  CHECK_EQ(t->stats().secret_failures, 2u);
  CHECK(t->refused_secrecy() == (Secrecy::kLocked | Secrecy::kWipeOnFork));
  const BlockNumber huge = s.acquire(3 * kMiB);
  CHECK(huge != kNoBlock);
  CHECK_EQ(t->stats().secret_failures, 4u);
  CHECK_EQ(t->stats().os_failures, 0u);
  s.release(n);
  s.release(huge);
  s.detach();
  CHECK(t.ends_clean());
}

TEST(heap, "what a heap of secrets leaves behind is nobody else's problem") {
  TestPool t(locked_policy());
  {
    Script s(*t.heap);
    s.release(s.acquire(100));
    s.release(s.acquire(5 * kMiB));
    s.detach();
  }
  t.os().fail_nth(Call::kUnprotect, 1, OsStatus::kNoMemory, Lasts::kFromThenOn);
  t->trim(0);
  CHECK_EQ(t->stats().secret_failures, 6u);  // three kinds of one superslab, and of one span
  BufferPool plain(t.space(), t.clock, plain_policy());
  {
    Script s(plain);
    const BlockNumber n = s.acquire(100);
    const BlockNumber huge = s.acquire(5 * kMiB);
    for (const Secrecy one : kEverySecrecy) {
      CHECK_EQ(t.os().protected_bytes(s.bytes_of(n), s.capacity(n), one), 0u);
      CHECK_EQ(t.os().protected_bytes(s.bytes_of(huge), s.capacity(huge), one), 0u);
    }
    s.release(n);
    s.release(huge);
    s.detach();
  }
  // Another one of secrets can have it.
  BufferPool secret(t.space(), t.clock, locked_policy());
  Script s(secret);
  const BlockNumber n = s.acquire(100);
  CHECK_EQ(superslab_of(n) % kSuperslabsPerArena, 0u);
  s.release(n);
  s.detach();
}

TEST(heap, "old kernels: locked memory is unlocked to be purged, and locked again") {
  FakeOs fake(system_os());
  OldOs os(fake);
  Space space;
  CHECK(space.open(os));
  ManualClock clock;
  Policy policy = locked_policy();
  policy.purge_delay_ms = Millis{10};
  {
    BufferPool heap(space, clock, policy);
    Script s(heap);
    const BlockNumber keeps = s.acquire(64);
    const BlockNumber n = s.acquire(1 * kMiB);
    std::byte* p = s.bytes_of(n);
    std::memset(p, 0xaa, kMiB);
    s.release(n);
    s.cache().flush();
    clock.advance(kMillisecond * 100);
    heap.tick();
    CHECK(heap.stats().purged_bytes >= kMiB);
    CHECK(is_zero(p, kMiB));
    CHECK_EQ(fake.protected_bytes(p, kMiB, Secrecy::kLocked), kMiB);
    CHECK_EQ(heap.stats().secret_failures, 0u);
    s.release(keeps);
    s.detach();
  }
  CHECK_EQ(fake.protected_bytes(Secrecy::kLocked), 0u);
  space.close();
  CHECK_EQ(fake.misuse().total(), 0u);
}

TEST(heap, "what a dead environment had leased is cleared, private or shared") {
  TestPool t(secret_policy());
  LeaseTable table(t.space());
  Script s(*t.heap);
  std::vector<BlockNumber> blocks;
  for (const ByteCount bytes : {ByteCount{64}, 100 * kKiB, 5 * kMiB, ByteCount{1500}}) {
    blocks.push_back(s.acquire(bytes));
    std::memset(s.bytes_of(blocks.back()), 0xaa, s.capacity(blocks.back()));
  }
  ShareTicket ticket;
  CHECK(table.share(&s, blocks.back(), 1500, ticket) == LeaseFault::kNone);
  std::vector<ByteCount> capacities;
  for (const BlockNumber n : blocks) capacities.push_back(s.capacity(n));
  end_environment(table, s, t.space());
  for (std::size_t i = 0; i + 1 < blocks.size(); ++i)
    CHECK(is_zero(s.bytes_of(blocks[i]), capacities[i]));
  // The token is a reference still.
  CHECK(!is_zero(s.bytes_of(blocks.back()), 1500));
  CHECK(table.revoke(ticket) == LeaseFault::kNone);
  CHECK(is_zero(s.bytes_of(blocks.back()), capacities.back()));
  s.detach();
  CHECK(t.ends_clean());
}

TEST(heap, "memory that cannot be purged is cleared before its secrecy ends") {
  TestPool t(secret_policy());
  Script s(*t.heap);
  const BlockNumber n = s.acquire(5 * kMiB);
  std::byte* p = s.bytes_of(n);
  std::memset(p, 0xaa, 5 * kMiB);
  s.release(n);  // by itself it clears nothing: lib/pool/pool-core.ts did before
  s.detach();
  t.os().fail_nth(Call::kPurge, 1, OsStatus::kNoMemory, Lasts::kFromThenOn);
  t.heap.reset();
  CHECK(is_zero(p, 5 * kMiB));
  CHECK_EQ(t.os().protected_bytes(Secrecy::kWipeOnFork), 0u);
}
