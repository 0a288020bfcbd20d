// JavaScript's thread cache: block numbers, magazines, and what a dead environment leaves behind.

#include <map>
#include <vector>

#include "check.h"
#include "end_fixture.h"
#include "heap_fixture.h"
#include "pools/buffer/lease_table.h"

using namespace superslab;
using namespace superslab_test;

TEST(heap, "a block number names its block's address, superslab and granule") {
  TestPool t;
  Script s(*t.heap);
  for (const ByteCount bytes : {ByteCount{1}, ByteCount{64}, ByteCount{65}, ByteCount{1500},
                                100 * kKiB, kMaxClassBytes, kMaxClassBytes + 1, 9 * kMiB}) {
    const BlockNumber n = s.acquire(bytes);
    CHECK(n != kNoBlock);
    // JavaScript has a table of this length.
    CHECK(to_index(slice_of(n)) < 16 * kSlicesPerSuperslab);
    std::byte* p = s.bytes_of(n);
    CHECK_EQ(address_of(p) % kGranuleBytes, 0u);
    CHECK_EQ(number_of(t.space(), p), n);
    CHECK_EQ(superslab_of(n), t.space().superslab_of(p).index);
    CHECK_EQ(is_huge(t.space(), n), bytes > kMaxClassBytes);
    CHECK(s.capacity(n) >= bytes);
    CHECK_EQ(t.space().tag_at(p),
             bytes > kMaxClassBytes ? kTagHuge : tag_of(lease_class_for(bytes)));
    std::memset(p, 1, bytes);
    s.release(n);
  }
  s.detach();
  CHECK(t.ends_clean());
}

TEST(heap, "of each slice it is told how many blocks are out, and how many of them are cached") {
  for (const ByteCount bytes : {ByteCount{1500}, kMaxClassBytes}) {
    TestPool t;
    Script s(*t.heap);
    const ClassIndex c = lease_class_for(bytes);
    std::map<SliceIndex, std::uint32_t> leased;
    std::vector<BlockNumber> blocks;
    for (ByteCount sum = 0; sum < 600'000 || blocks.size() < 4; sum += bytes) {
      blocks.push_back(s.acquire(bytes));
      ++leased[slice_of(blocks.back())];
    }
    CHECK(leased.size() >= 4);
    for (const auto& [slice, count] : leased)
      CHECK_EQ(count_out_of(t.space(), slice), count + s.cache().cached_in(slice));
    // What a refill has brought and nobody can acquire yet counts as cached.
    s.cache().flush();
    const std::uint32_t got = s.cache().refill(c);
    std::map<SliceIndex, std::uint32_t> staged;
    for (std::uint32_t i = 0; i < got; ++i) ++staged[slice_of(s.cache().refilled()[i])];
    for (const auto& [slice, count] : staged) CHECK_EQ(s.cache().cached_in(slice), count);
    const std::uint64_t flushes = t->class_stats(c).flushes;
    s.cache().flush();
    CHECK_EQ(t->class_stats(c).flushes, flushes + 1);
    for (const auto& [slice, count] : leased) CHECK_EQ(count_out_of(t.space(), slice), count);
    for (const BlockNumber n : blocks) s.release(n);
    CHECK(s.cache().cached(c) != 0);
    CHECK_EQ(s.cache().cached_in(slice_of(blocks.back())), leased[slice_of(blocks.back())]);
    const std::uint32_t cached = s.cache().cached(c);
    s.cache().trim_idle();
    CHECK_EQ(s.cache().cached(c), cached);  // some were acquired since it looked last
    s.cache().trim_idle();
    CHECK_EQ(s.cache().cached(c), 0u);
    s.detach();
    CHECK(t.ends_clean());
  }
}

TEST(heap, "a lease of another environment's that comes home twice is counted") {
  TestPool t;
  Script owner(*t.heap);
  Script one(*t.heap);
  Script other(*t.heap);
  const BlockNumber n = owner.acquire(64);
  one.release(n);
  one.cache().flush();
  CHECK_EQ(t->stats().double_frees, 0u);
  other.release(n);
  other.cache().flush();
  CHECK_EQ(t->stats().double_frees, 1u);
  for (Script* script : {&owner, &one, &other}) script->detach();
}

TEST(heap, "a refill that JavaScript does not publish loses nothing") {
  TestPool t;
  Script s(*t.heap);
  const ClassIndex c = lease_class_for(1500);
  const auto leased = [&] {
    const ClassStats stats = t->class_stats(c);
    return stats.refilled_blocks - stats.flushed_blocks - s.cache().cached(c);
  };
  const LeaseMagazines& m = s.cache().magazines();
  for (const auto then :
       {+[](Script& one) { one.cache().flush(); }, +[](Script& one) { one.cache().trim_idle(); },
        +[](Script& one) { one.release(one.acquire(1500)); },
        +[](Script& one) { one.release(one.acquire(100)); }}) {
    s.cache().flush();
    const std::uint32_t got = s.cache().refill(c);
    CHECK(got != 0);
    CHECK_EQ(m.depth[tag_of(c)], 0u);
    CHECK_EQ(s.cache().cached(c), got);
    CHECK_EQ(leased(), 0u);
    then(s);
    CHECK_EQ(m.staged, 0u);
    CHECK_EQ(leased(), 0u);
  }
  CHECK(s.cache().refill(c) != 0);
  s.detach();
  CHECK(t.ends_clean());
}

TEST(heap, "random leases: blocks never overlap and all come home") {
  for (const HugePages pages : {HugePages::kOff, HugePages::kTransparent}) {
    Policy policy;
    policy.huge_pages = pages;
    TestPool t(policy);
    Script s(*t.heap);
    Random random(21);
    struct Lease {
      BlockNumber n;
      ByteCount bytes;
    };
    std::vector<Lease> held;
    std::uint64_t acquired = 0;
    for (int i = 0; i < 30'000; ++i) {
      if (held.size() < 400 && random.below(100) < 53) {
        const ByteCount bytes = random.size(i % 50 == 0 ? 3 * kMiB : 40'000);
        const BlockNumber n = s.acquire(bytes);
        CHECK(n != kNoBlock);
        CHECK(s.capacity(n) >= bytes);
        fill(s.bytes_of(n), s.capacity(n), n);
        held.push_back({n, bytes});
        acquired += bytes <= kMaxClassBytes;
      } else if (!held.empty()) {
        const std::size_t which = random.below(held.size());
        const BlockNumber n = held[which].n;
        CHECK(is_intact(s.bytes_of(n), s.capacity(n), n));
        s.release(n);
        held[which] = held.back();
        held.pop_back();
      }
      if (i % 2000 == 0) {
        t.pass(3000);
        t->tick();
      }
    }
    for (const Lease& lease : held) s.release(lease.n);
    s.cache().flush();
    std::uint64_t acquires = 0;
    for (std::size_t c = 0; c < kFixedClasses; ++c) {
      const ClassStats stats = t->class_stats(static_cast<ClassIndex>(c));
      CHECK_EQ(stats.acquires, stats.releases);
      CHECK_EQ(stats.refilled_blocks, stats.flushed_blocks);
      CHECK_EQ(stats.in_use_blocks, 0u);
      CHECK_EQ(stats.hits, stats.acquires - stats.refills);
      acquires += stats.acquires;
    }
    CHECK_EQ(acquires, acquired);
    CHECK_EQ(t->budget().charged(), 0u);
    s.detach();
    CHECK(t.ends_clean());
  }
}

TEST(heap, "maxBytes is exact for one environment, and a refusal counts nothing") {
  Policy policy = plain_policy();
  policy.max_bytes = kMiB;
  TestPool t(policy);
  Script s(*t.heap);
  for (const ByteCount size : {ByteCount{4096}, ByteCount{64}, 256 * kKiB}) {
    std::vector<BlockNumber> blocks;
    for (BlockNumber n; (n = s.acquire(size)) != kNoBlock;) blocks.push_back(n);
    CHECK_EQ(blocks.size(), kMiB / size);
    CHECK_EQ(t->budget().charged(), kMiB);
    CHECK(!t->budget().has_room(64));
    CHECK_EQ(s.acquire(3 * kMiB), kNoBlock);
    s.cache().fold();
    const ClassStats stats = t->class_stats(lease_class_for(size));
    CHECK_EQ(stats.acquires, blocks.size());
    CHECK_EQ(stats.in_use_blocks, blocks.size());
    CHECK(stats.refills <= stats.acquires);
    for (const BlockNumber n : blocks) s.release(n);
  }
  s.detach();
  CHECK(t.ends_clean());
}

TEST(heap, "the counter of acquires survives its wrap") {
  TestPool t;
  Script s(*t.heap);
  const ClassIndex c = lease_class_for(64);
  s.cache().magazines().acquired[tag_of(c)] = 0xfffffffe;
  s.cache().fold();
  const std::uint64_t before = t->class_stats(c).acquires;
  s.cache().magazines().acquired[tag_of(c)] += 5;
  s.cache().fold();
  CHECK_EQ(t->class_stats(c).acquires - before, 5u);
  s.detach();
  CHECK(t.ends_clean());
}

TEST(heap, "magazines outlive their cache for as long as somebody maps them, empty and full") {
  TestPool t;
  Script s(*t.heap);
  LeaseMagazines& m = s.cache().magazines();
  m.retain();
  s.release(s.acquire(64));
  s.detach();
  for (std::size_t tag = 0; tag < LeaseMagazines::kTags; ++tag)
    CHECK(m.depth[tag] == 0 && m.limit[tag] == 0);
  m.release();
  CHECK(t.ends_clean());
}

TEST(heap, "no class that is not a multiple of 64 has a magazine") {
  TestPool t;
  Script s(*t.heap);
  for (std::size_t c = 0; c < kFixedClasses; ++c) {
    const SliceTag tag = tag_of(static_cast<ClassIndex>(c));
    CHECK_EQ(s.limit(tag) != 0, class_bytes(c) % kGranuleBytes == 0);
  }
  CHECK_EQ(s.limit(kTagNone), 0u);
  CHECK_EQ(s.limit(kTagHuge), 0u);
  CHECK_EQ(s.limit(LeaseMagazines::kHuge), 0u);  // it grows with use
  s.detach();
  CHECK(t.ends_clean());
}

TEST(heap, "a dead environment's private leases are reclaimed and counted as leaked") {
  TestPool t;
  LeaseTable table(t.space());
  Script dead(*t.heap);
  Script next(*t.heap);
  ByteCount bytes = 0;
  std::uint64_t blocks = 0;
  for (const ByteCount size : {64, 64, 1500, 1500, 1500, 200'000, 2 << 20, 5 << 20}) {
    bytes += dead.capacity(dead.acquire(size));
    ++blocks;
  }
  // Enough for a drained slab, several slabs of a class, and one with a hole.
  std::vector<BlockNumber> many;
  for (int i = 0; i < 3000; ++i) many.push_back(dead.acquire(128));
  for (int i = 0; i < 3000; i += 7) dead.release(many[static_cast<std::size_t>(i)]);
  blocks += 3000 - (3000 + 6) / 7;
  bytes += (3000 - (3000 + 6) / 7) * 128;
  end_environment(table, dead, t.space());
  CHECK_EQ(t->stats().leaked_blocks, blocks);
  CHECK_EQ(t->stats().leaked_bytes, bytes);
  CHECK_EQ(t->budget().charged(), 0u);
  const ClassStats stats = t->class_stats(lease_class_for(128));
  CHECK_EQ(stats.in_use_blocks, 0u);
  CHECK_EQ(stats.flushed_blocks, stats.refilled_blocks);  // each went back once
  dead.detach();
  next.release(next.acquire(128));
  next.detach();
  CHECK_EQ(t->stats().slabs_made, t->stats().slabs_retired);
  CHECK(t.ends_clean());
}

TEST(heap, "shared leases outlive the environment that had them, private ones do not") {
  TestPool t;
  LeaseTable table(t.space());
  Script dead(*t.heap);
  Script alive(*t.heap);
  const BlockNumber mine = dead.acquire(1000);
  const BlockNumber ours = dead.acquire(1000);
  const BlockNumber huge = dead.acquire(3 * kMiB);
  const BlockNumber lost = dead.acquire(4 * kMiB);
  const BlockNumber posted = dead.acquire(1000);
  const BlockNumber theirs = alive.acquire(1000);
  ShareTicket ticket[4];
  CHECK_EQ(table.share(&dead, ours, 900, ticket[0]), LeaseFault::kNone);
  CHECK_EQ(table.share(&dead, huge, 900, ticket[1]), LeaseFault::kNone);
  CHECK_EQ(table.share(&dead, posted, 900, ticket[2]), LeaseFault::kNone);
  CHECK_EQ(table.share(&alive, theirs, 900, ticket[3]), LeaseFault::kNone);
  CHECK_EQ(table.adopt(&alive, ticket[0]).block, ours);
  CHECK_EQ(table.adopt(&alive, ticket[1]).block, huge);
  CHECK_EQ(table.adopt(&dead, ticket[3]).block, theirs);
  table.release(&alive, theirs);
  for (const BlockNumber n : {mine, ours, huge, posted, theirs})
    fill(dead.bytes_of(n), dead.capacity(n), n);

  end_environment(table, dead, t.space());
  // `mine`, `lost` and `theirs`: others refer to the rest.
  CHECK_EQ(t->stats().leaked_blocks, 3u);
  dead.detach();
  CHECK_EQ(t->budget().charged(), 1024 + 3 * kMiB + 1024);  // ours, huge, posted
  CHECK_EQ(table.references(mine), 0u);
  CHECK_EQ(table.references(theirs), 0u);
  CHECK_EQ(table.references(posted), 1u);
  for (const BlockNumber n : {ours, huge, posted})
    CHECK(is_intact(alive.bytes_of(n), alive.capacity(n), n));
  CHECK(!is_huge(t.space(), mine));
  CHECK(t->stats().big_cache_bytes == 4 * kMiB);  // `lost`
  CHECK_EQ(superslab_of(lost) != superslab_of(huge), true);

  // A new environment gets the dead one's slabs, and its death leaves these leases alone as well.
  Script heir(*t.heap);
  CHECK(heir.acquire(1000) != kNoBlock);
  end_environment(table, heir, t.space());
  heir.detach();
  for (const BlockNumber n : {ours, huge, posted})
    CHECK(is_intact(alive.bytes_of(n), alive.capacity(n), n));
  // The token that was posted before the death is still good.
  CHECK_EQ(table.adopt(&alive, ticket[2]).block, posted);
  for (const BlockNumber n : {ours, huge, posted}) table.release(&alive, n);
  CHECK_EQ(t->budget().charged(), 0u);
  CHECK_EQ(table.outstanding(), 0u);
  alive.detach();
  CHECK(t.ends_clean());
}

TEST(heap, "the node of a sample of what is fetched is compared with the thread's") {
  TestPool t;
  Script s(*t.heap);
  const auto fetch = [&](std::size_t refills) {
    for (std::size_t i = 0; i < refills; ++i) {
      s.cache().flush();
      s.release(s.acquire(1000));
    }
  };
  fetch(17);
  CHECK_EQ(t->stats().numa_local + t->stats().numa_remote, 0u);  // not known
  t.os().set_nearness(Nearness::kLocal);
  fetch(2 * 17);
  CHECK_EQ(t->stats().numa_local, 2u);
  t.os().set_nearness(Nearness::kRemote);
  fetch(17);
  CHECK_EQ(t->stats().numa_local, 2u);
  CHECK_EQ(t->stats().numa_remote, 1u);
  s.detach();
  CHECK(t.ends_clean());
}

TEST(heap, "what sampling skipped is no acquire") {
  TestPool t;
  Script s(*t.heap);
  const ClassIndex c = lease_class_for(64);
  LeaseMagazines& m = s.cache().magazines();
  s.release(s.acquire(64));
  // As PoolGuard does before it chooses the next sample: both counters, and across the wrap.
  for (const std::uint32_t step : {200u, 0xffffff00u, 300u}) {
    m.acquired[tag_of(c)] += step;
    m.skipped[tag_of(c)] += step;
    s.cache().fold();
    CHECK_EQ(t->class_stats(c).acquires, 1u);
  }
  s.release(s.acquire(64));
  s.cache().fold();
  CHECK_EQ(t->class_stats(c).acquires, 2u);
  CHECK_EQ(t->class_stats(c).releases, 2u);
  s.detach();
  CHECK(t.ends_clean());
}

TEST(heap, "blocks that are parked or have idle buffers count as cached, not as in use") {
  TestPool t;
  Script s(*t.heap);
  Script other(*t.heap);
  const ClassIndex c = lease_class_for(1000);
  LeaseMagazines& m = s.cache().magazines();
  const BlockNumber parked = s.acquire(1000);
  const BlockNumber leased = s.acquire(1000);
  const BlockNumber elsewhere = other.acquire(1000);
  m.parked[tag_of(c)] = 1;
  other.cache().magazines().idle[tag_of(c)] = 1;
  const auto magazines = [&] { return s.depth(tag_of(c)).load() + other.depth(tag_of(c)).load(); };
  CHECK_EQ(t->class_stats(c).cached_blocks, magazines() + 2u);
  CHECK_EQ(t->class_stats(c).in_use_blocks, 1u);
  // They have left the magazine, and a flush does not find them.
  s.cache().flush();
  other.cache().flush();
  CHECK_EQ(t->class_stats(c).cached_blocks, 2u);
  CHECK_EQ(t->class_stats(c).in_use_blocks, 1u);
  CHECK_EQ(t->budget().charged(), 3u * 1024);
  // Their way back is that of any block.
  m.parked[tag_of(c)] = 0;
  other.cache().magazines().idle[tag_of(c)] = 0;
  s.release(parked);
  s.release(leased);
  other.release(elsewhere);
  s.detach();
  other.detach();
  CHECK(t.ends_clean());
}

TEST(heap, "a thread that ends takes parked blocks and those of idle buffers back: no leaks") {
  TestPool t;
  Script dead(*t.heap);
  LeaseMagazines& m = dead.cache().magazines();
  const ByteCount huge = 3 * kMiB;
  for (const ByteCount size :
       {ByteCount{64}, ByteCount{64}, ByteCount{1500}, kMaxClassBytes, huge, huge})
    CHECK(dead.acquire(size) != kNoBlock);
  m.parked[tag_of(lease_class_for(64))] = 1;
  m.idle[tag_of(lease_class_for(64))] = 1;
  m.parked[tag_of(lease_class_for(kMaxClassBytes))] = 1;
  m.parked[LeaseMagazines::kHuge] = 1;
  m.parked_huge_granules = static_cast<std::uint32_t>(huge / kGranuleBytes);
  const ByteCount lost = class_bytes(to_index(lease_class_for(1500))) + huge;
  LeaseTable table(t.space());
  end_environment(table, dead, t.space());
  CHECK_EQ(t->stats().leaked_blocks, 2u);
  CHECK_EQ(t->stats().leaked_bytes, lost);
  CHECK_EQ(t->budget().charged(), 0u);
  dead.detach();
  CHECK(t.ends_clean());
}

TEST(heap,
     "a thread that was terminated between a block's way and its count leaks none less than 0") {
  TestPool t;
  Script dead(*t.heap);
  LeaseMagazines& m = dead.cache().magazines();
  CHECK(dead.acquire(64) != kNoBlock);
  m.parked[tag_of(lease_class_for(64))] = 1;
  m.idle[tag_of(lease_class_for(64))] = 1;
  LeaseTable table(t.space());
  end_environment(table, dead, t.space());
  CHECK_EQ(t->stats().leaked_blocks, 0u);
  CHECK_EQ(t->stats().leaked_bytes, 0u);
  dead.detach();
  CHECK(t.ends_clean());
}

TEST(heap, "what was transferred is neither leaked nor leased again, also where it was shared") {
  TestPool t;
  Script dead(*t.heap);
  LeaseTable table(t.space());
  LeaseMagazines& m = dead.cache().magazines();
  const BlockNumber stray = dead.acquire(1000);
  const BlockNumber parked = dead.acquire(1000);
  const BlockNumber shared = dead.acquire(1000);
  const BlockNumber huge = dead.acquire(3 * kMiB);
  CHECK(dead.acquire(1000) != kNoBlock);  // leaked
  ShareTicket ticket;
  CHECK_EQ(table.share(&dead, shared, 1000, ticket), LeaseFault::kNone);
  CHECK_EQ(table.revoke(ticket), LeaseFault::kNone);
  m.parked[tag_of(lease_class_for(1000))] = 2;
  m.parked[LeaseMagazines::kHuge] = 1;
  m.parked_huge_granules = static_cast<std::uint32_t>(3 * kMiB / kGranuleBytes);
  CHECK(parked != stray);
  end_environment(table, dead, t.space(), {shared}, {stray, huge});
  CHECK_EQ(t->stats().leaked_blocks, 1u);
  CHECK_EQ(t->stats().transferred_blocks, 3u);
  CHECK_EQ(t->stats().transferred_bytes, 1024 + 1024 + 3 * kMiB);
  CHECK_EQ(t->budget().charged(), 1024 + 1024 + 3 * kMiB);
  dead.detach();
  // One that comes after it, perhaps at the same address, has no part in them.
  Script heir(*t.heap);
  for (int i = 0; i < 5000; ++i) {
    const BlockNumber block = heir.acquire(1000);
    CHECK(block != stray && block != shared);
  }
  table.release(&dead, shared);
  CHECK_EQ(table.references(shared), 1u);
  end_environment(table, heir, t.space());
  heir.detach();
  CHECK_EQ(t->budget().charged(), 1024 + 1024 + 3 * kMiB);
  // For ever ends with the process. Here they go home past the table, so that the heap can end.
  Script last(*t.heap);
  for (const BlockNumber block : {stray, shared, huge}) last.cache().give(block);
  last.detach();
  CHECK(t.ends_clean());
}

TEST(heap, "what guards have in hand is the sum over the threads, until they end") {
  TestPool t;
  Script one(*t.heap);
  Script two(*t.heap);
  LeaseMagazines& a = one.cache().magazines();
  LeaseMagazines& b = two.cache().magazines();
  a.watched_blocks = 3;
  a.watched_granules = 30;
  a.quarantined_blocks = 2;
  a.quarantined_granules = 5;
  a.parked_huge_granules = 100;
  b.watched_blocks = 4;
  b.watched_granules = 0xffff'ffff;  // 256 GiB: no overflow on the way to bytes
  b.quarantined_blocks = 1;
  b.quarantined_granules = 7;
  HeapStats stats = t->stats();
  CHECK_EQ(stats.watched_blocks, 7u);
  CHECK_EQ(stats.watched_bytes, (ByteCount{0xffff'ffff} + 30) * kGranuleBytes);
  CHECK_EQ(stats.quarantined_blocks, 3u);
  CHECK_EQ(stats.quarantined_bytes, 12u * kGranuleBytes);
  CHECK_EQ(stats.held_huge_bytes, 100u * kGranuleBytes);
  // The leases of a pool that was closed are watched for as long as they are out.
  one.cache().close();
  one.cache().close();
  CHECK_EQ(t->stats().watched_blocks, 7u);
  CHECK(t->caches().other_than(&two.cache()) == nullptr);  // nobody asks it for anything
  two.detach();
  stats = t->stats();
  CHECK_EQ(stats.watched_blocks, 3u);
  CHECK_EQ(stats.quarantined_bytes, 5u * kGranuleBytes);
  t->count_guard_report(true);
  t->count_guard_report(false);
  t->count_guard_report(false);
  CHECK_EQ(t->stats().guard_reports, 3u);
  CHECK_EQ(t->stats().poison_reports, 1u);
  t->count_collected(100);
  CHECK_EQ(t->stats().collected_blocks, 1u);
  CHECK_EQ(t->stats().collected_bytes, 100u);
  one.detach();
  CHECK_EQ(t->stats().watched_blocks, 0u);
  CHECK(t.ends_clean());
}

TEST(heap, "a huge lease is granted for which what is cached leaves no room") {
  Policy policy = plain_policy();
  policy.max_bytes = 4 * kMiB;
  TestPool t(policy);
  {
    Script s(*t.heap);
    s.release(s.acquire(100));
    CHECK(t->budget().charged() != 0);
    const BlockNumber n = s.cache().take_huge(4 * kMiB);
    CHECK(n != kNoBlock);
    CHECK_EQ(s.cache().take_huge(4 * kMiB), kNoBlock);
    CHECK_EQ(t->stats().failed_requests, 1u);
    CHECK(s.cache().give(n));
  }
  CHECK(t.ends_clean());
}

TEST(heap, "leases are counted with the next refill and the next look at what is idle") {
  TestPool t;
  Script s(*t.heap);
  const ClassIndex c = lease_class_for(1500);
  std::vector<BlockNumber> blocks;
  do {
    blocks.push_back(s.acquire(1500));
  } while (s.depth(tag_of(c)).load() != 0);
  const std::size_t before = blocks.size();
  blocks.push_back(s.acquire(1500));  // this one's refill counts those before it
  CHECK_EQ(t->class_stats(c).acquires, before);
  s.cache().trim_idle();
  CHECK_EQ(t->class_stats(c).acquires, before + 1);
  for (const BlockNumber block : blocks) s.release(block);
  s.detach();
  CHECK(t.ends_clean());
}

TEST(heap, "a block goes straight back once, counted as one flush, and from its own thread alone") {
  TestPool t;
  Script owner(*t.heap);
  Script other(*t.heap);
  const BlockNumber block = owner.acquire(1000);
  const ClassIndex c = lease_class_for(1000);
  const ClassStats before = t->class_stats(c);
  CHECK(!other.cache().give(block));
  CHECK_EQ(t->class_stats(c).flushes, before.flushes);
  CHECK(owner.cache().give(block));
  CHECK_EQ(t->class_stats(c).flushes, before.flushes + 1);
  CHECK_EQ(t->class_stats(c).flushed_blocks, before.flushed_blocks + 1);
  CHECK(!owner.cache().give(block));
  CHECK_EQ(t->class_stats(c).flushed_blocks, before.flushed_blocks + 1);
  owner.detach();
  other.detach();
  CHECK(t.ends_clean());
}

TEST(heap, "an environment is woken once for each thing asked of it, and told which it was") {
  using Signal = BufferThreadCache::Signal;
  TestPool t;
  Script s(*t.heap);
  CHECK_EQ(s.cache().take_signals(), 0u);
  s.cache().room_made();
  s.cache().room_made();
  CHECK_EQ(s.woken(), 1u);
  CHECK_EQ(s.cache().take_signals(), std::uint32_t{Signal::kRoomMade});
  s.cache().flush_soon();
  s.cache().room_made();
  CHECK_EQ(s.woken(), 3u);
  const std::uint32_t both = s.cache().take_signals();
  CHECK_EQ(both & ~std::uint32_t{Signal::kFlush}, std::uint32_t{Signal::kRoomMade});
  CHECK_EQ(both & ~std::uint32_t{Signal::kRoomMade}, std::uint32_t{Signal::kFlush});
  CHECK_EQ(s.cache().take_signals(), 0u);
  s.detach();
  CHECK(t.ends_clean());
}

TEST(heap, "magazines of long blocks grow with the pool, within its threads' share of it") {
  Policy policy = plain_policy();
  policy.cache_bytes = kMiB;
  policy.cache_share = 10;
  TestPool t(policy);
  Script s(*t.heap);
  const ClassIndex c = lease_class_for(512 * kKiB);
  std::vector<BlockNumber> blocks{s.acquire(512 * kKiB)};
  CHECK_EQ(s.limit(tag_of(c)), 2u);  // a MiB
  while (blocks.size() < 100) blocks.push_back(s.acquire(512 * kKiB));
  const std::uint32_t grown = s.limit(tag_of(c));
  CHECK(grown >= 7 && grown <= 10);  // 3.5 to 5 MiB: in steps
  CHECK(s.limit(tag_of(lease_class_for(2 * kMiB))) <= 2);
  CHECK_EQ(s.limit(tag_of(lease_class_for(1500))), kMagazineBlocks);
  {
    // Two threads have half of it each.
    Script other(*t.heap);
    other.release(other.acquire(512 * kKiB));
    CHECK(other.limit(tag_of(c)) <= 5);
  }
  for (const BlockNumber n : blocks) s.release(n);
  s.cache().trim_idle();
  s.cache().trim_idle();
  t->trim(0);
  s.release(s.acquire(512 * kKiB));
  CHECK_EQ(s.limit(tag_of(c)), 2u);
  s.detach();
  CHECK(t.ends_clean());
}
