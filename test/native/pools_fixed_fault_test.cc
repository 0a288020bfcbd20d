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
  /// The constructor says no when it counts to zero.
  std::uint64_t until_refusal = 0;
  static int construct(void*, void* context) {
    auto* const balance = static_cast<Balance*>(context);
    if (balance->until_refusal != 0 && --balance->until_refusal == 0) return 1;
    return ++balance->alive, 0;
  }
  static void destruct(void*, void* context) { --static_cast<Balance*>(context)->alive; }
};

/// Takes what it can get by two threads, passes it on, and gives it back. Ends with nothing out.
struct Workload {
  FixedFault why = FixedFault::kNoMemory;
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
      good &= user.fault == why;
      ++refused;
      return;
    }
    for (std::size_t i = 0; i < count; ++i) {
      fill(objects[i], 1024, address_of(objects[i]));
      held.push_back(objects[i]);
    }
  }
};

void fail_each_call(Lasts lasts, FixedPoolOptions options = {}) {
  options.object_bytes = 2048;
  options.initial = 100;
  Balance balance;
  if (options.hooks.construct != nullptr) options.hooks.context = &balance;
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

TEST(pools, "fixed: each call fails once") { fail_each_call(Lasts::kOnce); }
TEST(pools, "fixed: each call and all after it fail") { fail_each_call(Lasts::kFromThenOn); }
TEST(pools, "fixed: each call and all after it fail, and objects are constructed") {
  fail_each_call(Lasts::kFromThenOn, {.hooks = {Balance::construct, Balance::destruct, nullptr}});
}
TEST(pools, "fixed: each call fails once, without caches") {
  fail_each_call(Lasts::kOnce, {.is_checked = true});
}
TEST(pools, "fixed: each call and all after it fail, without caches") {
  fail_each_call(Lasts::kFromThenOn, {.is_checked = true});
}
TEST(pools, "fixed: each call fails once, with a magazine a processor") {
  fail_each_call(Lasts::kOnce, {.is_per_cpu = true});
}
TEST(pools, "fixed: each call and all after it fail, with a magazine a processor") {
  fail_each_call(Lasts::kFromThenOn, {.is_per_cpu = true});
}

TEST(pools, "fixed: each construction is refused once") {
  Balance balance;
  const FixedPoolOptions options{
      .object_bytes = 2048,
      .initial = 100,
      .hooks = {Balance::construct, Balance::destruct, &balance},
  };
  bool was_refused = true;
  for (std::uint64_t n = 1; was_refused; n += 7 * kFaultStep) {
    const Context context("construction " + std::to_string(n));
    balance.until_refusal = n;
    TestFixedPool t(options);
    const FixedFault fault = t->open();
    was_refused = balance.until_refusal == 0;
    CHECK_EQ(fault == FixedFault::kRefused, n <= options.initial);
    if (fault == FixedFault::kNone) {
      Workload failing{.why = FixedFault::kRefused};
      failing.run(*t);
      was_refused = balance.until_refusal == 0;
      CHECK(failing.good);
      CHECK_EQ(failing.refused, was_refused ? 1u : 0u);
      balance.until_refusal = 0;
      Workload recovered;
      recovered.run(*t);
      CHECK(recovered.good);
      CHECK_EQ(recovered.refused, 0u);
    }
    CHECK_EQ(t->check(), PoolFault::kNone);
    CHECK(t.ends_clean());
    CHECK_EQ(balance.alive, 0);
  }
}
