// Fixed pools on an operating system of which the nth call fails, for every n.
#include <set>

#include "check.h"
#include "fixed_fixture.h"

using namespace superslab;
using namespace superslab_test;
using Lasts = FakeOs::Lasts;

namespace {

struct Balance {
  int alive = 0;
  static int construct(void*, void* context) { return ++static_cast<Balance*>(context)->alive, 0; }
  static void destruct(void*, void* context) { --static_cast<Balance*>(context)->alive; }
};

/// Takes what it can get by two threads, passes it on, and gives it back. Ends with nothing out.
struct Workload {
  unsigned refused = 0;
  bool good = true;

  void run(FixedPool& pool) {
    FixedUser one(pool);
    FixedUser two(pool);
    if (!one.is_attached() || !two.is_attached()) {
      ++refused;
      return;
    }
    std::vector<void*> held;
    for (int i = 0; i < 300; ++i) take(i % 3 == 0 ? two : one, 1, held);
    for (int i = 0; i < 20; ++i) take(one, 64, held);
    good &= std::set<void*>(held.begin(), held.end()).size() == held.size();
    good &= pool.in_use() == held.size();
    for (std::size_t i = 0; i < held.size(); ++i)
      good &= is_intact(held[i], 1024, address_of(held[i]));
    const std::size_t half = held.size() / 2;
    for (std::size_t i = 0; i < half; ++i) two.put(held[i]);
    pool.trim(0);
    if (held.size() > half) one.put_bulk(held.data() + half, held.size() - half);
    pool.tick(true);
    pool.tick(true);
  }

 private:
  void take(FixedUser& user, std::size_t count, std::vector<void*>& held) {
    void* objects[64];
    if (count == 1) objects[0] = user.get();
    if (count == 1 ? objects[0] == nullptr : !user.get_bulk(objects, count)) {
      good &= user.fault == FixedFault::kNoMemory;
      ++refused;
      return;
    }
    for (std::size_t i = 0; i < count; ++i) {
      fill(objects[i], 1024, address_of(objects[i]));
      held.push_back(objects[i]);
    }
  }
};

void fail_each_call(Lasts lasts, bool has_hooks) {
  Balance balance;
  FixedPoolOptions options{.object_bytes = 2048, .initial = 100};
  if (has_hooks) options.hooks = {Balance::construct, Balance::destruct, &balance};
  std::uint64_t calls = 0;
  {
    TestFixedPool t(options);
    const std::uint64_t first = t.os().calls();
    CHECK(t->open() == FixedFault::kNone);
    Workload workload;
    workload.run(*t);
    CHECK(workload.good);
    CHECK_EQ(workload.refused, 0u);
    calls = t.os().calls() - first;
    CHECK(t.ends_clean());
  }
  CHECK(calls > 8);
  for (std::uint64_t n = 1; n <= calls; n += kFaultStep) {
    const Context context("call " + std::to_string(n) + " of " + std::to_string(calls));
    TestFixedPool t(options);
    t.os().fail_nth(n, OsStatus::kNoMemory, lasts);
    const FixedFault fault = t->open();
    CHECK(fault == FixedFault::kNone || fault == FixedFault::kNoMemory);
    if (fault == FixedFault::kNone) {
      Workload failing;
      failing.run(*t);
      CHECK(failing.good);
      t.os().fail_none();
      Workload recovered;
      recovered.run(*t);
      CHECK(recovered.good);
      CHECK_EQ(recovered.refused, 0u);
      CHECK_EQ(t->double_puts() + t->foreign_puts(), 0u);
    }
    CHECK_EQ(t->check(), PoolFault::kNone);
    t.os().fail_none();
    CHECK(t.ends_clean());
    CHECK_EQ(balance.alive, 0);
  }
}

}  // namespace

TEST(pools, "fixed: each call fails once") { fail_each_call(Lasts::kOnce, false); }
TEST(pools, "fixed: each call and all after it fail") { fail_each_call(Lasts::kFromThenOn, false); }
TEST(pools, "fixed: each call and all after it fail, and objects are constructed") {
  fail_each_call(Lasts::kFromThenOn, true);
}
