// The end of an environment: what JavaScript noted of leases, and what it did not know of.
#include "check.h"
#include "diagnostics/leak_sites.h"
#include "end_fixture.h"

using namespace superslab;
using namespace superslab_test;

namespace {

EndNote note_of(Script& script, BlockNumber block, const char* stack) {
  EndNote note;
  note.block = block;
  note.bytes = script.capacity(block);
  note.size = 900;
  note.age_ms = 5;
  note.stack = stack;
  return note;
}

/// The sites of one heap that have this stack: their leaks and bytes.
Reclaimed noted_at(HeapId heap, std::string_view stack) {
  Reclaimed sum;
  for (const LeakSite& site : LeakSites::of_process().copy()) {
    if (site.heap == heap && site.stack == stack && site.reason == LeakReason::kThreadEnded)
      sum += {site.count, site.bytes};
  }
  return sum;
}

}  // namespace

TEST(addon, "a watched lease leaks where it was acquired, what nobody watched at no place") {
  constexpr HeapId kHeap = 1001;
  TestPool t;
  LeaseTable table(t.space());
  Script dead(*t.heap);
  const BlockNumber watched = dead.acquire(1000);
  const BlockNumber released = dead.acquire(1000);
  const BlockNumber huge = dead.acquire(3 * kMiB);
  CHECK(dead.acquire(1000) != kNoBlock);
  CHECK(dead.acquire(100) != kNoBlock);
  PoolAccount account{&dead.cache(), kHeap, "watched"};
  for (const auto& [block, stack] : {std::pair(huge, "at huge"), std::pair(watched, "at watched"),
                                     std::pair(released, "at released")})
    account.at_end.push_back(note_of(dead, block, stack));
  dead.release(released);  // after JavaScript said that nobody would
  EndLedger ledger(t.space(), table, &dead);
  ledger.add_pool(account);
  ledger.settle();
  CHECK_EQ(t->stats().leaked_blocks, 4u);
  CHECK_EQ(noted_at(kHeap, "at watched").blocks, 1u);
  CHECK_EQ(noted_at(kHeap, "at watched").bytes, 1024u);
  CHECK_EQ(noted_at(kHeap, "at huge").bytes, 3 * kMiB);
  CHECK_EQ(noted_at(kHeap, "at released").blocks, 0u);
  CHECK_EQ(noted_at(kHeap, "").blocks, 2u);
  CHECK_EQ(noted_at(kHeap, "").bytes, 1024 + 128);
  CHECK_EQ(t->budget().charged(), 0u);
  dead.detach();
  CHECK(t.ends_clean());
}

TEST(addon, "a watched lease that others share, or that may be seen, leaks as well, but no block") {
  constexpr HeapId kHeap = 1002;
  TestPool t;
  LeaseTable table(t.space());
  Script dead(*t.heap);
  Script alive(*t.heap);
  const BlockNumber shared = dead.acquire(1000);
  const BlockNumber seen = dead.acquire(1000);
  ShareTicket ticket;
  CHECK_EQ(table.share(&dead, shared, 1000, ticket), LeaseFault::kNone);
  CHECK_EQ(table.adopt(&alive, ticket).block, shared);
  PoolAccount account{&dead.cache(), kHeap, "watched"};
  account.at_end.push_back(note_of(dead, shared, "at shared"));
  account.at_end.push_back(note_of(dead, seen, "at seen"));
  EndLedger ledger(t.space(), table, &dead);
  ledger.add_awaited(seen, false);
  ledger.add_pool(account);
  ledger.settle();
  CHECK_EQ(t->stats().leaked_blocks, 0u);
  CHECK_EQ(t->stats().transferred_blocks, 1u);
  CHECK_EQ(noted_at(kHeap, "at shared").blocks, 1u);
  CHECK_EQ(noted_at(kHeap, "at seen").blocks, 1u);
  CHECK_EQ(noted_at(kHeap, "").blocks, 0u);
  CHECK_EQ(table.references(shared), 1u);
  dead.detach();
  table.release(&alive, shared);
  alive.detach();
  // What is transferred stays out for ever.
  CHECK_EQ(t->budget().charged(), 1024u);
}

TEST(addon, "of a pool that nobody watches no leak is noted, but counted") {
  constexpr HeapId kHeap = 1003;
  TestPool t;
  LeaseTable table(t.space());
  Script dead(*t.heap);
  CHECK(dead.acquire(1000) != kNoBlock);
  PoolAccount account{&dead.cache(), kHeap};
  EndLedger ledger(t.space(), table, &dead);
  ledger.add_pool(account);
  ledger.settle();
  CHECK_EQ(t->stats().leaked_blocks, 1u);
  CHECK_EQ(noted_at(kHeap, "").blocks, 0u);
  dead.detach();
  CHECK(t.ends_clean());
}
