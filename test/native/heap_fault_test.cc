// A whole workload on an operating system of which the nth call fails, for every n: each refusal
// is a clean one, nothing leaks, and all works again once the system recovers.

#include <vector>

#include "check.h"
#include "end_fixture.h"
#include "heap/huge.h"
#include "heap_fixture.h"
#include "pools/buffer/lease_table.h"

using namespace superslab;
using namespace superslab_test;
using Lasts = FakeOs::Lasts;

namespace {

/// Several kinds of blocks through both kinds of thread cache. Takes what it can get.
class Workload {
 public:
  explicit Workload(TestPool& t) : t_(t), table_(t.space()) {}

  /// Ends with everything freed and every thread gone.
  void run() {
    ThreadCache* one = t_.attach();
    ThreadCache* two = t_.attach();
    Script script(*t_.heap);
    std::vector<Held> held;
    for (const ByteCount bytes : {ByteCount{16}, 100 * kKiB, 3 * kMiB, 700 * kKiB}) {
      for (ThreadCache* cache : {one, two, one}) allocate(cache, bytes, held);
      lease(script, bytes);
    }
    // Half of them, by the other thread.
    std::vector<Held> rest;
    for (std::size_t i = 0; i < held.size(); ++i) {
      if (i % 2 == 0) {
        check_and_free(two, held[i]);
      } else {
        rest.push_back(held[i]);
      }
    }
    for (ThreadCache* cache : {one, two}) cache->flush();
    for (int i = 0; i < 2; ++i) {
      t_.pass(100'000);
      t_->tick();
    }
    allocate(two, 4 * kMiB, rest);
    allocate(one, 700 * kKiB, rest);
    t_->trim(0);
    allocate(one, 200 * kKiB, rest);
    one->detach();
    for (const Held& h : rest) check_and_free(two, h);
    two->detach();
    end_environment(table_, script, t_.space());
    t_->trim(0);
    good &= t_->budget().charged() == 0;
  }

  unsigned refused = 0;
  bool good = true;

 private:
  struct Held {
    void* at;
    ByteCount bytes;
  };

  void allocate(ThreadCache* cache, ByteCount bytes, std::vector<Held>& held) {
    void* p = cache->allocate(bytes);
    if (p == nullptr) {
      ++refused;
      return;
    }
    fill(p, bytes, bytes);
    held.push_back({p, bytes});
  }

  void check_and_free(ThreadCache* cache, const Held& h) {
    good &= is_intact(h.at, h.bytes, h.bytes);
    cache->free(h.at);
  }

  /// One lease that is released, one that is shared and adopted, one that is left behind.
  void lease(Script& script, ByteCount bytes) {
    BlockNumber blocks[3];
    for (BlockNumber& n : blocks) {
      n = script.acquire(bytes);
      refused += n == kNoBlock;
      if (n != kNoBlock) fill(script.bytes_of(n), script.capacity(n), n);
    }
    for (const BlockNumber n : blocks)
      good &= n == kNoBlock || is_intact(script.bytes_of(n), script.capacity(n), n);
    if (blocks[0] != kNoBlock) script.release(blocks[0]);
    if (blocks[1] == kNoBlock) return;
    ShareTicket ticket;
    good &= table_.share(&script, blocks[1], bytes, ticket) == LeaseFault::kNone;
    good &= table_.adopt(this, ticket).fault == LeaseFault::kNone;
    table_.release(&script, blocks[1]);
    table_.release(this, blocks[1]);
  }

  TestPool& t_;
  LeaseTable table_;
};

Policy policy_with(HugePages pages, Populate populate) {
  Policy policy;
  policy.huge_pages = pages;
  policy.populate = populate;
  policy.big_cache_bytes = 8 * kMiB;
  return policy;
}

void fail_each_call(const Policy& policy, OsStatus status, Lasts lasts) {
  const auto prepare = [](TestPool& t) { t.os().set_huge_pages(HugePages::k2MiB, 6); };
  std::uint64_t first = 0;
  std::uint64_t calls = 0;
  {
    TestPool t(policy);
    prepare(t);
    first = t.os().calls();
    Workload workload(t);
    workload.run();
    CHECK(workload.good);
    CHECK_EQ(workload.refused, 0u);
    calls = t.os().calls() - first;
    CHECK(t.ends_clean());
  }
  CHECK(calls > 40);
  for (std::uint64_t n = 1; n <= calls; n += kFaultStep) {
    const Context context("call " + std::to_string(n) + " of " + std::to_string(calls));
    TestPool t(policy);
    prepare(t);
    t.os().fail_nth(n, status, lasts);
    Workload failing(t);
    failing.run();
    CHECK(failing.good);
    CHECK_EQ(t->stats().double_frees, 0u);
    // A single refusal costs one request at most, for there is another way: other addresses, other
    // pages, what is idle.
    if (lasts == Lasts::kOnce) CHECK(failing.refused <= 1);
    CHECK(t.os().failed_calls() >= 1);

    t.os().fail_none();
    Workload recovered(t);
    recovered.run();
    CHECK(recovered.good);
    CHECK_EQ(recovered.refused, 0u);
    CHECK(t.ends_clean());
  }
}

}  // namespace

TEST(heap, "each call fails once: plain pages") {
  fail_each_call(policy_with(HugePages::kOff, Populate::kDemand), OsStatus::kNoMemory,
                 Lasts::kOnce);
}

TEST(heap, "each call and all after it fail: plain pages") {
  fail_each_call(policy_with(HugePages::kOff, Populate::kDemand), OsStatus::kNoMemory,
                 Lasts::kFromThenOn);
}

TEST(heap, "each call fails once: transparent huge pages") {
  fail_each_call(policy_with(HugePages::kTransparent, Populate::kDemand), OsStatus::kNoMemory,
                 Lasts::kOnce);
}

TEST(heap, "each call and all after it fail: whole superslabs populated") {
  fail_each_call(policy_with(HugePages::kOff, Populate::kSuperslab), OsStatus::kNoMemory,
                 Lasts::kFromThenOn);
}

TEST(heap, "each call fails once, or loses its range: explicit huge pages") {
  const Policy policy = policy_with(HugePages::k2MiB, Populate::kOff);
  fail_each_call(policy, OsStatus::kNoHugePages, Lasts::kOnce);
  if (has_failed()) return;
  fail_each_call(policy, OsStatus::kLost, Lasts::kOnce);
}

TEST(heap, "each call fails once, or with all after it: secrets, locked, with guard pages") {
  Policy policy = policy_with(HugePages::kTransparent, Populate::kDemand);
  policy.sensitive = policy.lock_memory = policy.guard_pages = true;
  fail_each_call(policy, OsStatus::kNoMemory, Lasts::kOnce);
  if (has_failed()) return;
  fail_each_call(policy, OsStatus::kNoMemory, Lasts::kFromThenOn);
}

TEST(heap, "without any memory every kind of thread cache returns nothing") {
  TestPool t;
  t.os().fail_nth(1, OsStatus::kNoMemory, Lasts::kFromThenOn);
  ThreadCache* cache = t.attach();
  Script script(*t.heap);
  for (const ByteCount bytes : {ByteCount{0}, ByteCount{1}, kMiB, 3 * kMiB, kMaxHugeBytes}) {
    CHECK(cache->allocate(bytes) == nullptr);
    CHECK_EQ(script.acquire(bytes), kNoBlock);
  }
  CHECK_EQ(t->budget().charged(), 0u);
  CHECK(t->stats().os_failures >= 10);
  CHECK_EQ(t->class_stats(class_for(1)).acquires, 0u);
  CHECK_EQ(t->class_stats(class_for(1)).refills, 0u);
  t.os().fail_none();
  void* p = cache->allocate(100);
  CHECK(p != nullptr);
  cache->free(p);
  cache->detach();
  script.detach();
  CHECK(t.ends_clean());
}
