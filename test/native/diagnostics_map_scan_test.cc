// What the inspector's map says of slabs, against what the test itself has taken and given back.

#include "diagnostics/map_scan.h"

#include <atomic>
#include <thread>
#include <vector>

#include "check.h"
#include "heap_fixture.h"

using namespace superslab;
using namespace superslab_test;

namespace {

constexpr std::uint8_t kOrdinal = 7;
constexpr auto kNothing = static_cast<std::uint8_t>(MapTemperature::kNothing);
constexpr auto kCold = static_cast<std::uint8_t>(MapTemperature::kCold);
constexpr auto kWarm = static_cast<std::uint8_t>(MapTemperature::kWarm);
constexpr auto kHot = static_cast<std::uint8_t>(MapTemperature::kHot);

struct Frame {
  MapHeader header{};
  std::vector<MapRecord> records;

  const MapRecord* find(SuperslabIndex index) const {
    for (const MapRecord& record : records) {
      if (record.index == index) return &record;
    }
    return nullptr;
  }
};

/// A heap, somebody who takes blocks of it, and a scanner that looks on.
struct Observed {
  TestPool t;
  Script script{*t.heap};
  MapScanner scanner{t.space()};
  std::vector<BlockNumber> recent;

  void scan() {
    const MapHeap heaps[] = {{t.heap.get(), kOrdinal}};
    scanner.scan(t.heap->now(), heaps, recent);
    recent.clear();
  }

  Frame frame(bool full) const {
    std::vector<std::byte> bytes(scanner.frame_bytes(full));
    scanner.write_frame(full, 1234.5, bytes.data());
    Frame out;
    std::memcpy(&out.header, bytes.data(), sizeof out.header);
    out.records.resize(out.header.records);
    if (!out.records.empty()) {  // else there is no address to copy to
      std::memcpy(out.records.data(), bytes.data() + sizeof out.header,
                  bytes.size() - sizeof out.header);
    }
    return out;
  }

  /// What the last scan says of the slice in which a block lies; tag 255 and state 255 when it says
  /// nothing.
  MapRecord::Slice slice_of(BlockNumber block) const {
    const Frame all = frame(true);
    const MapRecord* record = all.find(superslab_of(block));
    if (record == nullptr) return {255, 255};
    return record->slices[place_in_superslab(superslab::slice_of(block))];
  }
  std::uint8_t temperature(BlockNumber block) const { return slice_of(block).state & 15; }
  std::uint8_t fullness(BlockNumber block) const { return slice_of(block).state >> 4; }
};

}  // namespace

TEST(map_scan, "fullness tells none, all, and fourteen steps between") {
  CHECK_EQ(map_fullness(0, 8), 0);
  CHECK_EQ(map_fullness(1, 8), 2);
  CHECK_EQ(map_fullness(4, 8), 8);
  CHECK_EQ(map_fullness(7, 8), 13);
  CHECK_EQ(map_fullness(8, 8), 15);
  CHECK_EQ(map_fullness(1, 4096), 1);
  CHECK_EQ(map_fullness(4095, 4096), 14);
  CHECK_EQ(map_fullness(1, 1), 15);
}

TEST(map_scan, "of an empty heap there is nothing to tell") {
  Observed o;
  CHECK(o.scanner.is_open());
  o.scan();
  const Frame frame = o.frame(true);
  CHECK_EQ(frame.header.format, 1);
  CHECK_EQ(frame.header.full, 1);
  CHECK_EQ(frame.header.record_bytes, 76);
  CHECK_EQ(frame.header.records, 0u);
  CHECK_EQ(frame.header.at_ms, 1234.5);
}

TEST(map_scan, "class, pool and fullness follow what is out, for every class") {
  Observed o;
  Random random(3);
  for (std::size_t i = 0; i < kFixedClasses; ++i) {
    const auto c = static_cast<ClassIndex>(i);
    const ByteCount bytes = size_class(c).block_bytes;
    if (bytes % kGranuleBytes != 0) continue;
    const Context context("class " + std::to_string(bytes));
    SlabOwner* owner = o.t->attach();
    // A part of one slab, straight from its owner: no magazine holds blocks back.
    const std::uint32_t blocks = size_class(c).block_count;
    std::vector<void*> out(1 + random.below(blocks));
    for (void*& block : out) CHECK_EQ(owner->take(c, &block, 1), 1u);
    o.scan();
    const BlockNumber block = number_of(o.t.space(), out[0]);
    const Slab& slab = *o.t.space().slab_of(out[0]);
    CHECK_EQ(o.slice_of(block).tag & ~kTagContinued, tag_of(c));
    CHECK_EQ(o.fullness(block), map_fullness(static_cast<std::uint32_t>(out.size()), blocks));
    const Frame all = o.frame(true);
    const MapRecord& record = *all.find(superslab_of(block));
    CHECK_EQ(record.pool, kOrdinal);
    CHECK_EQ(record.use, 1);
    // Each of its slices says the same, and which of them is the first.
    const auto first = static_cast<std::size_t>(
        (slab.start - o.t.space().superslab_of(out[0]).base) >> kSliceShift);
    for (std::size_t s = 0; s < slab.slices; ++s) {
      CHECK_EQ(record.slices[first + s].tag, tag_of(c) | (s == 0 ? 0 : kTagContinued));
      CHECK_EQ(record.slices[first + s].state >> 4, o.fullness(block));
    }
    // A half comes home.
    const std::size_t back = out.size() / 2;
    owner->give(out.data(), back);
    o.scan();
    if (out.size() > back)
      CHECK_EQ(o.fullness(block),
               map_fullness(static_cast<std::uint32_t>(out.size() - back), blocks));
    owner->give(out.data() + back, out.size() - back);
    owner->retire_unused();
    o.t->detach(owner);
  }
}

TEST(map_scan, "what another thread gave back is not out, though its owner has not seen it yet") {
  Observed o;
  SlabOwner* owner = o.t->attach();
  void* blocks[4];
  const ClassIndex c = class_for(4096);
  for (void*& block : blocks) CHECK_EQ(owner->take(c, &block, 1), 1u);
  const BlockNumber block = number_of(o.t.space(), blocks[0]);
  SlabOwner::give_remote(o.t.heap->slabs(), blocks[1], nullptr);
  SlabOwner::give_remote(o.t.heap->slabs(), blocks[2], nullptr);
  o.scan();
  CHECK_EQ(o.fullness(block), map_fullness(2, size_class(c).block_count));
  owner->give(&blocks[0], 1);
  owner->give(&blocks[3], 1);
  o.t->detach(owner);
}

TEST(map_scan, "a slab is hot when it changed, then warm, and cold after a minute") {
  Observed o;
  o.scan();
  const BlockNumber block = o.script.acquire(4096);
  o.scan();
  CHECK_EQ(o.temperature(block), kHot);
  o.t.pass(1000);
  o.scan();
  CHECK_EQ(o.temperature(block), kWarm);
  o.t.pass(59'000);
  o.scan();
  CHECK_EQ(o.temperature(block), kWarm);
  o.t.pass(1000);
  o.scan();
  CHECK_EQ(o.temperature(block), kCold);
  o.script.release(block);
  o.script.cache().flush();
  o.scan();
  CHECK(o.temperature(block) == kHot || o.slice_of(block).tag == kTagNone);
}

TEST(map_scan, "before its first scan it knows of no change") {
  Observed o;
  const BlockNumber block = o.script.acquire(4096);
  o.scan();
  CHECK_EQ(o.temperature(block), kCold);
  o.script.release(block);
}

TEST(map_scan, "blocks that go in and out of a magazine warm their slab") {
  Observed o;
  const BlockNumber block = o.script.acquire(4096);
  o.scan();
  o.t.pass(100'000);
  o.scan();
  CHECK_EQ(o.temperature(block), kCold);
  o.script.release(block);
  CHECK_EQ(o.script.acquire(4096), block);
  o.t.pass(1000);
  o.recent = {block};
  o.scan();
  CHECK_EQ(o.temperature(block), kHot);
  o.script.release(block);
}

TEST(map_scan, "numbers that name nothing do no harm") {
  Observed o;
  const BlockNumber block = o.script.acquire(64);
  o.recent = {kNoBlock, BlockNumber{1}, BlockNumber{UINT32_MAX}, BlockNumber{0x8000'0000}, block};
  o.scan();
  CHECK_EQ(o.temperature(block), kHot);
  o.script.release(block);
}

TEST(map_scan, "superslabs are seen as far as the heap has grown") {
  Observed o;
  std::vector<BlockNumber> blocks;
  for (int i = 0; i < 100; ++i) blocks.push_back(o.script.acquire(3 * kMiB));
  o.scan();
  for (const BlockNumber block : blocks) {
    CHECK_EQ(o.fullness(block), 15);
    const Frame all = o.frame(true);
    CHECK_EQ(all.find(superslab_of(block))->flags & MapRecord::kSecret, 0);
    CHECK_EQ(all.find(superslab_of(block))->node, 0u);  // of no node in particular
  }
  for (const BlockNumber block : blocks) o.script.release(block);
}

TEST(map_scan, "a block beyond 2 MiB is seen over its whole length, leased or kept") {
  Observed o;
  o.scan();
  const BlockNumber block = o.script.acquire(5 * kMiB);
  o.scan();
  Frame all = o.frame(true);
  const SuperslabIndex head = superslab_of(block);
  for (SuperslabIndex i = 0; i < 3; ++i) {
    const MapRecord* record = all.find(head + i);
    CHECK(record != nullptr);
    CHECK_EQ(record->use, i == 0 ? 2 : 3);
    CHECK_EQ(record->pool, kOrdinal);
    CHECK_EQ(record->span, i == 0 ? 3u : 0u);
    for (std::size_t s = 0; s < kSlicesPerSuperslab; ++s) {
      const bool inside = i < 2 || s < kSlicesPerSuperslab / 2;
      CHECK_EQ(record->slices[s].tag, inside ? kTagHuge : kTagNone);
      CHECK_EQ(record->slices[s].state, inside ? 15 << 4 | kHot : kNothing);
    }
  }
  o.script.release(block);
  o.t.pass(1000);
  o.scan();
  all = o.frame(true);
  CHECK_EQ(all.find(head)->slices[0].state, kHot);  // kept for reuse
  o.t->trim(0);
  o.scan();
  all = o.frame(true);
  CHECK_EQ(all.find(head)->use, 0);
  CHECK_EQ(all.find(head)->pool, 0);
  CHECK_EQ(all.find(head + 2)->slices[0].tag, kTagNone);
}

TEST(map_scan, "a shared block beyond 2 MiB is leased though its thread has ended") {
  Observed o;
  Superslab* huge = o.t->huge().take(3 * kMiB, nullptr);
  o.scan();
  CHECK_EQ(o.fullness(first_number_of(huge->index)), 15);
  o.t->give_huge(huge);
  o.scan();
  CHECK_EQ(o.fullness(first_number_of(huge->index)), 0);
}

TEST(map_scan, "changes are told once, and what is hot each time") {
  Observed o;
  const BlockNumber small = o.script.acquire(64);
  const BlockNumber huge = o.script.acquire(3 * kMiB);
  o.scan();
  CHECK_EQ(o.frame(false).records.size(), o.frame(true).records.size());
  o.scan();
  const Frame none = o.frame(false);
  CHECK_EQ(none.header.full, 0);
  CHECK_EQ(none.records.size(), 0u);
  // Hot, though nothing else of it changes.
  for (int i = 0; i < 2; ++i) {
    o.t.pass(1000);
    o.recent = {small};
    o.scan();
    const Frame news = o.frame(false);
    CHECK_EQ(news.records.size(), 1u);
    CHECK_EQ(news.records[0].index, superslab_of(small));
  }
  // Growing warm and cold is no news.
  for (int i = 0; i < 2; ++i) {
    o.t.pass(100'000);
    o.scan();
    CHECK_EQ(o.frame(false).records.size(), 0u);
  }
  CHECK_EQ(o.temperature(small), kCold);
  o.script.release(huge);
  o.scan();
  CHECK_EQ(o.frame(false).records.size(), 2u);  // two superslabs of 3 MiB
  o.script.release(small);
}

TEST(map_scan, "changes applied one after the other make the whole") {
  Observed o;
  Random random(11);
  std::vector<BlockNumber> held;
  std::vector<MapRecord> page;
  for (int turn = 0; turn < 60; ++turn) {
    for (int i = 0; i < 20; ++i) {
      if (held.empty() || random.below(5) < 3) {
        held.push_back(o.script.acquire(random.size(4 * kMiB)));
        continue;
      }
      const std::size_t which = random.below(held.size());
      o.script.release(held[which]);
      held[which] = held.back();
      held.pop_back();
    }
    if (turn % 7 == 0) o.script.cache().flush();
    if (turn % 13 == 0) o.t->trim(0);
    o.t.pass(random.below(30'000));
    o.scan();
    for (const MapRecord& record : o.frame(false).records) {
      bool known = false;
      for (MapRecord& one : page) {
        if (one.index != record.index) continue;
        one = record;
        known = true;
      }
      if (!known) page.push_back(record);
    }
    const Frame all = o.frame(true);
    CHECK_EQ(page.size(), all.records.size());
    for (const MapRecord& record : all.records) {
      const MapRecord* mine = nullptr;
      for (const MapRecord& one : page) mine = one.index == record.index ? &one : mine;
      CHECK(mine != nullptr);
      CHECK(mine->use == record.use && mine->pool == record.pool && mine->span == record.span &&
            mine->flags == record.flags);
      for (std::size_t s = 0; s < kSlicesPerSuperslab; ++s) {
        CHECK_EQ(mine->slices[s].tag, record.slices[s].tag);
        CHECK_EQ(mine->slices[s].state >> 4, record.slices[s].state >> 4);
        CHECK_EQ((mine->slices[s].state & 15) == kNothing,
                 (record.slices[s].state & 15) == kNothing);
        if ((record.slices[s].state & 15) == kHot) CHECK_EQ(mine->slices[s].state & 15, kHot);
      }
    }
  }
  for (const BlockNumber block : held) o.script.release(block);
}

TEST(map_scan, "free slices tell memory that waits from memory that went back") {
  Observed o;
  const BlockNumber kept = o.script.acquire(1 * kMiB);
  const BlockNumber block = o.script.acquire(512 * kKiB);
  o.scan();
  o.script.release(block);
  o.script.cache().flush();
  o.scan();
  CHECK_EQ(o.slice_of(block).tag, kTagNone);
  CHECK_EQ(o.temperature(block), kHot);
  o.t->trim(0);
  o.scan();
  CHECK_EQ(o.temperature(block), kNothing);
  o.script.release(kept);
}

TEST(map_scan, "memory of secrets is marked") {
  Observed o;
  Policy policy = plain_policy();
  policy.sensitive = true;
  Heap secrets(o.t.space(), o.t.clock, policy, {.secrecy = secrecy_of(policy)});
  Superslab* huge = secrets.huge().take(3 * kMiB, nullptr);
  const BlockNumber plain = o.script.acquire(3 * kMiB);
  o.scan();
  const Frame all = o.frame(true);
  CHECK_EQ(all.find(huge->index)->flags & MapRecord::kSecret, int{MapRecord::kSecret});
  CHECK_EQ(all.find(superslab_of(plain))->flags & MapRecord::kSecret, 0);
  secrets.give_huge(huge);
  secrets.trim(0);
  o.script.release(plain);
}

TEST(map_scan, "looks on while threads take and give back") {
  TestPool t;
  MapScanner scanner(t.space());
  std::atomic<bool> done{false};
  std::vector<std::thread> threads;
  for (std::uint64_t seed = 0; seed < 2; ++seed) {
    threads.emplace_back([&, seed] {
      Script script(*t.heap);
      Random random(seed);
      std::vector<BlockNumber> held;
      for (int i = 0; i < 15'000; ++i) {
        if (held.size() < 200 && random.below(2) == 0) {
          held.push_back(script.acquire(random.size(3 * kMiB)));
        } else if (!held.empty()) {
          const std::size_t which = random.below(held.size());
          script.release(held[which]);
          held[which] = held.back();
          held.pop_back();
        }
        if (i % 1000 == 0) t->tick();
      }
      for (const BlockNumber block : held) script.release(block);
    });
  }
  std::thread watcher([&] {
    const MapHeap heaps[] = {{t.heap.get(), kOrdinal}};
    std::vector<std::byte> out;
    while (!done.load()) {
      scanner.scan(t.heap->now(), heaps, {});
      out.resize(scanner.frame_bytes(true));
      scanner.write_frame(true, 0, out.data());
    }
  });
  for (std::thread& thread : threads) thread.join();
  done = true;
  watcher.join();
  // Once all is quiet, what it says is exact again.
  t->trim(0);
  scanner.scan(t.heap->now(), {}, {});
  std::vector<std::byte> out(scanner.frame_bytes(true));
  scanner.write_frame(true, 0, out.data());
  MapHeader header;
  std::memcpy(&header, out.data(), sizeof header);
  for (std::uint32_t i = 0; i < header.records; ++i) {
    MapRecord record;
    std::memcpy(&record, out.data() + sizeof header + i * sizeof record, sizeof record);
    CHECK_EQ(record.use, 0);
    for (const MapRecord::Slice& slice : record.slices) CHECK_EQ(slice.tag, kTagNone);
  }
}

TEST(map_scan, "a slab that goes while it is looked at is no slab or the one it was") {
  Observed o;
  const BlockNumber block = o.script.acquire(64);
  o.scan();
  const SliceTag tag = o.slice_of(block).tag & ~kTagContinued;
  CHECK(tag != kTagNone);
  const std::size_t slice =
      superslab_of(block) * kSlicesPerSuperslab + place_in_superslab(slice_of(block));
  auto* at = const_cast<SliceTag*>(o.t.space().tags() + slice);
  std::atomic<bool> done{false};
  std::thread owner([&] {
    while (!done.load(std::memory_order_relaxed)) {
      __atomic_store_n(at, kTagNone, __ATOMIC_RELAXED);
      __atomic_store_n(at, tag, __ATOMIC_RELAXED);
    }
    __atomic_store_n(at, tag, __ATOMIC_RELAXED);
  });
  int wrong = 0;
  for (int i = 0; i < 50'000; ++i) {
    o.scan();
    const Frame all = o.frame(true);
    for (const MapRecord::Slice& seen : all.find(superslab_of(block))->slices)
      wrong += seen.tag != tag && (seen.tag != kTagNone || seen.state >> 4 != 0);
  }
  done = true;
  owner.join();
  CHECK_EQ(wrong, 0);
  o.script.release(block);
}

TEST(map_scan, "without address space it says so") {
  TestSpace world;
  world.os.fail_nth(FakeOs::Call::kReserve, 1, OsStatus::kNoMemory);
  MapScanner scanner(*world.space);
  CHECK(!scanner.is_open());
}
