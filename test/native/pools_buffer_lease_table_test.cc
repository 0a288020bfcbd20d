// Leases that several threads share.

#include <thread>
#include <vector>

#include "check.h"
#include "end_fixture.h"
#include "heap_fixture.h"
#include "pools/buffer/lease_table.h"

using namespace superslab;
using namespace superslab_test;

namespace {

const int kA = 0;
const int kB = 0;

}  // namespace

TEST(heap, "a token is adopted once; the block goes home with its last reference") {
  TestPool t;
  LeaseTable table(t.space());
  Script s(*t.heap);
  const BlockNumber n = s.acquire(1000);
  ShareTicket ticket;
  CHECK_EQ(table.references(n), 0u);
  CHECK_EQ(table.share(&kA, n, 777, ticket), LeaseFault::kNone);
  CHECK_EQ(table.references(n), 2u);
  CHECK_EQ(table.outstanding(), 1u);
  const AdoptedLease lease = table.adopt(&kB, ticket);
  CHECK_EQ(lease.fault, LeaseFault::kNone);
  CHECK_EQ(lease.block, n);
  CHECK_EQ(lease.length, 777u);
  CHECK_EQ(table.outstanding(), 0u);
  CHECK_EQ(table.references(n), 2u);
  CHECK_EQ(table.adopt(&kB, ticket).fault, LeaseFault::kUsed);
  CHECK_EQ(table.revoke(ticket), LeaseFault::kUsed);
  table.release(&kA, n);
  CHECK_EQ(table.references(n), 1u);
  CHECK_EQ(t->stats().charged_bytes > 0, true);
  table.release(&kB, n);
  CHECK_EQ(table.references(n), 0u);
  CHECK_EQ(t->class_stats(lease_class_for(1000)).remote_frees, 1u);
  s.cache().flush();
  CHECK_EQ(t->budget().charged(), 0u);
  s.cache().fold();
  CHECK_EQ(t->class_stats(lease_class_for(1000)).in_use_blocks, 0u);
  s.detach();
  CHECK(t.ends_clean());
}

TEST(heap, "tokens cannot be made up, and each is different") {
  TestPool t;
  LeaseTable table(t.space());
  Script s(*t.heap);
  const BlockNumber n = s.acquire(64);
  std::vector<ShareTicket> tickets(40);  // more than one batch of random numbers
  for (ShareTicket& ticket : tickets) CHECK_EQ(table.share(&kA, n, 64, ticket), LeaseFault::kNone);
  for (std::size_t i = 1; i < tickets.size(); ++i) {
    for (std::size_t k = 0; k < i; ++k) {
      CHECK(tickets[i].id != tickets[k].id);
      CHECK(tickets[i].nonce[0] != tickets[k].nonce[0]);
      CHECK(tickets[i].nonce[1] != tickets[k].nonce[1]);
    }
    CHECK(tickets[i].nonce[0] != 0 && tickets[i].nonce[1] != 0);
  }
  for (const ShareTicket& good : tickets) {
    for (int way = 0; way < 4; ++way) {
      ShareTicket bad = good;
      if (way == 0) bad.nonce[0] ^= 1;
      if (way == 1) bad.nonce[1] ^= std::uint64_t{1} << 63;
      if (way == 2) bad.id = 0;
      if (way == 3) bad.id += 1000;
      CHECK_EQ(table.adopt(&kB, bad).fault, LeaseFault::kForged);
      CHECK_EQ(table.revoke(bad), LeaseFault::kForged);
    }
  }
  CHECK_EQ(table.references(n), 1 + tickets.size());
  for (const ShareTicket& ticket : tickets) CHECK_EQ(table.revoke(ticket), LeaseFault::kNone);
  CHECK_EQ(table.references(n), 1u);
  table.release(&kA, n);
  s.detach();
  CHECK(t.ends_clean());
}

TEST(heap, "a revoked token frees the block if it was the last reference") {
  TestPool t;
  LeaseTable table(t.space());
  Script s(*t.heap);
  const BlockNumber n = s.acquire(5 * kMiB);
  ShareTicket ticket;
  CHECK_EQ(table.share(&kA, n, 100, ticket), LeaseFault::kNone);
  table.release(&kA, n);
  CHECK_EQ(table.references(n), 1u);
  CHECK_EQ(t->budget().charged(), 5 * kMiB);
  CHECK_EQ(table.revoke(ticket), LeaseFault::kNone);
  CHECK_EQ(t->budget().charged(), 0u);
  CHECK_EQ(table.adopt(&kB, ticket).fault, LeaseFault::kUsed);
  s.detach();
  CHECK(t.ends_clean());
}

TEST(heap, "one holder may have several leases of a block") {
  TestPool t;
  LeaseTable table(t.space());
  Script s(*t.heap);
  const BlockNumber n = s.acquire(64);
  ShareTicket ticket;
  for (int i = 0; i < 3; ++i) {
    CHECK_EQ(table.share(&kA, n, 64, ticket), LeaseFault::kNone);
    CHECK_EQ(table.adopt(&kA, ticket).fault, LeaseFault::kNone);
  }
  CHECK_EQ(table.references(n), 4u);
  for (int i = 0; i < 4; ++i) {
    CHECK(t->budget().charged() != 0);
    table.release(&kA, n);
  }
  CHECK_EQ(table.references(n), 0u);
  s.cache().flush();
  CHECK_EQ(t->budget().charged(), 0u);
  // Neither a release too many nor that of a block that was never shared frees anything.
  const BlockNumber own = s.acquire(64);
  table.release(&kA, own);
  CHECK(t->budget().charged() != 0);
  s.release(own);
  s.detach();
  CHECK_EQ(t->stats().double_frees, 0u);
  CHECK(t.ends_clean());
}

TEST(heap,
     "a block that goes home as its holder dies is one leak, whatever leases there were of it") {
  TestPool t;
  LeaseTable table(t.space());
  Script s(*t.heap);
  const BlockNumber own = s.acquire(1000);
  const BlockNumber others = s.acquire(1000);
  const BlockNumber on_its_way = s.acquire(1000);
  ShareTicket ticket;
  for (int i = 0; i < 2; ++i) {
    CHECK_EQ(table.share(&kA, own, 1000, ticket), LeaseFault::kNone);
    CHECK_EQ(table.adopt(&kA, ticket).fault, LeaseFault::kNone);
  }
  CHECK_EQ(table.share(&kA, others, 1000, ticket), LeaseFault::kNone);
  CHECK_EQ(table.adopt(&kB, ticket).fault, LeaseFault::kNone);
  CHECK_EQ(table.share(&kA, on_its_way, 1000, ticket), LeaseFault::kNone);
  EndLedger(t.space(), table, &kA).settle();
  CHECK_EQ(t->stats().leaked_blocks, 1u);
  CHECK_EQ(t->stats().leaked_bytes, capacity_of(t.space(), others));
  CHECK_EQ(table.references(own), 0u);
  CHECK_EQ(table.references(others), 1u);
  CHECK_EQ(table.references(on_its_way), 1u);
  table.release(&kB, others);
  CHECK_EQ(table.revoke(ticket), LeaseFault::kNone);
  CHECK_EQ(t->stats().leaked_blocks, 1u);
  s.detach();
  CHECK(t.ends_clean());
}

TEST(heap, "shared leases of a pool that was closed keep its heap alive until they end") {
  TestPool t;
  LeaseTable table(t.space());
  auto second = std::make_unique<BufferPool>(t.space(), t.clock, plain_policy());
  BlockNumber n;
  ShareTicket ticket;
  {
    Script s(*second);
    n = s.acquire(1000);
    CHECK_EQ(table.share(&kA, n, 1000, ticket), LeaseFault::kNone);
    table.release(&kA, n);
    s.cache().close();
  }
  CHECK(!second->is_abandoned());
  CHECK_EQ(table.adopt(&kB, ticket).block, n);
  CHECK(!second->is_abandoned());
  table.release(&kB, n);
  CHECK(second->is_abandoned());
  second.reset();
  CHECK(t.ends_clean());
}

TEST(heap, "a heap that waits for its last shared lease may be deleted as soon as it is home") {
  TestPool t;
  LeaseTable table(t.space());
  for (int round = 0; round < 300; ++round) {
    Policy policy = plain_policy();
    policy.big_cache_bytes = 0;  // a huge block is purged by who gives it, after its discharge
    auto* heap = new BufferPool(t.space(), t.clock, policy);
    BlockNumber n;
    ShareTicket ticket;
    {
      Script s(*heap);
      n = s.acquire(round % 3 == 0 ? 3 * kMiB : 1000);
      CHECK_EQ(table.share(&kA, n, 1, ticket), LeaseFault::kNone);
    }
    std::thread last([&] { table.release(&kA, n); });
    std::thread token([&] { table.revoke(ticket); });
    while (!heap->is_abandoned()) std::this_thread::yield();
    delete heap;
    last.join();
    token.join();
  }
  CHECK(t.ends_clean());
}

TEST(heap, "blocks passed from thread to thread by token keep their contents") {
  constexpr int kThreads = 4;
  TestPool t;
  LeaseTable table(t.space());
  struct Slot {
    std::mutex mutex;
    std::vector<ShareTicket> tickets;
  } slots[kThreads];
  std::atomic<bool> good{true};
  std::atomic<int> producing{kThreads};
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      for (int life = 0; life < 10; ++life) {
        Script s(*t.heap);
        Random random(static_cast<std::uint64_t>(i * 100 + life));
        for (int op = 0; op < 150; ++op) {
          const BlockNumber n = s.acquire(random.size(200'000));
          fill(s.bytes_of(n), s.capacity(n), n);
          ShareTicket ticket;
          if (random.below(3) == 0) {
            s.release(n);
          } else if (table.share(&s, n, 1, ticket) == LeaseFault::kNone) {
            if (random.below(2) == 0) table.release(&s, n);  // else: leaked, buried below
            Slot& to = slots[random.below(kThreads)];
            const std::lock_guard guard(to.mutex);
            to.tickets.push_back(ticket);
          }
          Slot& mine = slots[i];
          const std::lock_guard guard(mine.mutex);
          if (mine.tickets.size() < 5) continue;
          const AdoptedLease lease = table.adopt(&s, mine.tickets.back());
          mine.tickets.pop_back();
          if (lease.fault != LeaseFault::kNone ||
              !is_intact(s.bytes_of(lease.block), s.capacity(lease.block), lease.block))
            good = false;
          if (random.below(4) != 0) table.release(&s, lease.block);
        }
        end_environment(table, s, t.space());
      }
      --producing;
    });
  }
  while (producing.load() != 0) t->tick();
  for (std::thread& thread : threads) thread.join();
  CHECK(good.load());
  for (Slot& slot : slots) {
    for (const ShareTicket& ticket : slot.tickets)
      CHECK_EQ(table.revoke(ticket), LeaseFault::kNone);
  }
  CHECK_EQ(table.outstanding(), 0u);
  CHECK_EQ(t->budget().charged(), 0u);
  CHECK_EQ(t->stats().double_frees, 0u);
  CHECK(t.ends_clean());
}
