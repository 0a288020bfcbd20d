// The address space: lookups, spans, small pieces, explicit huge pages, and failures of each call.

#include "space/space.h"

#include <set>
#include <vector>

#include "check.h"
#include "space/address_range.h"
#include "space_fixture.h"

using namespace superslab;
using superslab_test::OsProxy;
using superslab_test::TestSpace;
using Call = FakeOs::Call;
using Lasts = FakeOs::Lasts;

namespace {

constexpr Backing kPlainPages{HugePages::kOff, {}};
constexpr Backing kTwoMiB{HugePages::k2MiB, {}};
constexpr Backing kOneGiB{HugePages::k1GiB, {}};

/// Every byte of a page in `span` can be written.
void touch(const Superslab& head, ByteCount bytes) {
  for (ByteCount at = 0; at < bytes; at += 4096)
    *reinterpret_cast<volatile std::uint8_t*>(head.base + at) = 1;
}

/// What Heap does before it gives a span back.
void purge_and_give(TestSpace& t, Superslab* head, ByteCount bytes) {
  const OsRange range{head->base, bytes};
  t.os.purge(&range, 1);
  t.space->give(head);
}

/// Refuses superslabs beyond a limit, like RLIMIT_AS. Tables do not count.
class LimitedOs final : public OsProxy {
 public:
  LimitedOs(Os& to, ByteCount limit) : OsProxy(to), left_(limit) {}
  OsStatus reserve_at(void* address, ByteCount bytes) override {
    // The tables lie in front of the first superslab, and are small before it is reserved.
    if (first_ == 0 && bytes >= kSuperslabBytes) first_ = address_of(address);
    const bool counts = first_ != 0 && address_of(address) >= first_;
    if (counts && bytes > left_) return OsStatus::kNoMemory;
    const OsStatus status = OsProxy::reserve_at(address, bytes);
    if (counts && status == OsStatus::kOk) left_ -= bytes;
    return status;
  }

 private:
  ByteCount left_;
  std::uintptr_t first_ = 0;
};

/// A mapping of somebody else's.
class Stranger {
 public:
  Stranger(std::uintptr_t at, ByteCount bytes)
      : at_(reinterpret_cast<void*>(at)),
        bytes_(bytes),
        is_there_(system_os().reserve_at(at_, bytes) == OsStatus::kOk) {}
  ~Stranger() {
    if (is_there_) system_os().unreserve(at_, bytes_);
  }
  Stranger(const Stranger&) = delete;
  Stranger& operator=(const Stranger&) = delete;
  bool is_there() const { return is_there_; }

 private:
  void* const at_;
  const ByteCount bytes_;
  const bool is_there_;
};

}  // namespace

TEST(space, "a taken superslab is aligned, zero, writable and found by every address in it") {
  TestSpace t;
  CHECK(t.open);
  const TakenSpan taken = t.space->take(1, kSuperslabBytes, kPlainPages);
  CHECK(taken.head != nullptr);
  CHECK_EQ(taken.status, OsStatus::kOk);
  CHECK(!taken.fell_back);
  Superslab& s = *taken.head;
  CHECK_EQ(address_of(s.base) % kSuperslabBytes, 0u);
  CHECK_EQ(s.span, 1u);
  CHECK_EQ(s.committed_bytes, kSuperslabBytes);
  CHECK(s.index >= kSuperslabsPerArena);  // ordinal 0 is no arena
  CHECK(s.index < t.space->index_limit());
  for (ByteCount at = 0; at < kSuperslabBytes; ++at) CHECK_EQ(std::to_integer<int>(s.base[at]), 0);
  touch(s, kSuperslabBytes);
  for (ByteCount at = 0; at < kSuperslabBytes; at += 4093)
    CHECK(&t.space->superslab_of(s.base + at) == &s);
  CHECK(&t.space->superslab(s.index) == &s);
  CHECK(t.space->contains(s.base));
  t.close();
  CHECK(t.is_balanced());
}

TEST(space, "tags and slabs are found from any address in their slices, and from no other") {
  TestSpace t;
  const Superslab& s = *t.space->take(1, kSuperslabBytes, kPlainPages).head;
  const ClassIndex c{7};
  t.space->tag_slices(s, 3, 5, tag_of(c));
  for (unsigned slice = 0; slice < kSlicesPerSuperslab; ++slice) {
    const bool inside = slice >= 3 && slice < 8;
    for (const ByteCount in : {ByteCount{0}, ByteCount{1}, kSliceBytes - 1}) {
      const std::byte* p = s.base + slice * kSliceBytes + in;
      CHECK_EQ(t.space->tag_at(p), inside ? tag_of(c) : kTagNone);
      CHECK_EQ(t.space->tags()[s.index * kSlicesPerSuperslab + slice],
               inside ? tag_of(c) : kTagNone);
      if (inside) CHECK(t.space->slab_of(p) == t.space->slab_at(s, 3));
    }
  }
  t.space->tag_slices(s, 3, 5, kTagNone);
  CHECK_EQ(t.space->tag_at(s.base + 3 * kSliceBytes), kTagNone);
  // Each slice has an entry and words of its own.
  CHECK(t.space->slab_at(s, 1) == t.space->slab_at(s, 0) + 1);
  CHECK(t.space->words_at(s, 1) == t.space->words_at(s, 0) + kWordsPerSlice);
  t.space->words_at(s, kSlicesPerSuperslab - 1)[kWordsPerSlice - 1] = 1;
}

TEST(space, "foreign pointers are rejected") {
  TestSpace t;
  const Superslab& s = *t.space->take(1, kSuperslabBytes, kPlainPages).head;
  int local = 0;
  for (const std::uintptr_t p :
       {std::uintptr_t{0}, std::uintptr_t{1}, address_of(&local), ~std::uintptr_t{0},
        std::uintptr_t{1} << 47, address_of(s.base) | (std::uintptr_t{1} << 63),
        address_of(s.base) + kArenaBytes * 8, address_of(s.base) ^ (std::uintptr_t{1} << 46)}) {
    CHECK(!t.space->contains(reinterpret_cast<void*>(p)));
    CHECK_EQ(t.space->tag_at(reinterpret_cast<void*>(p)), kTagNone);
  }
  CHECK_EQ(t.space->tag_at(s.base), kTagNone);  // ours, but in no block
}

TEST(space, "spans are neighbours in one arena, committed as far as asked for") {
  TestSpace t;
  const ByteCount bytes = 2 * kSuperslabBytes + 64 * kKiB;
  Superslab* span = t.space->take(3, bytes, kPlainPages).head;
  CHECK(span != nullptr);
  CHECK_EQ(span->span, 3u);
  CHECK_EQ(span[1].base - span[0].base, static_cast<std::ptrdiff_t>(kSuperslabBytes));
  CHECK_EQ(span[2].index, span[0].index + 2);
  CHECK_EQ(span[2].committed_bytes, 64 * kKiB);
  touch(*span, bytes);
  const ByteCount used = t.os.committed_bytes();
  // Given back and taken alone, the last one needs the rest of its memory and nothing else does.
  purge_and_give(t, span, bytes);
  std::vector<Superslab*> single;
  for (int i = 0; i < 3; ++i) {
    single.push_back(t.space->take(1, kSuperslabBytes, kPlainPages).head);
    CHECK(single.back() == span + i);
    touch(*single.back(), kSuperslabBytes);
  }
  CHECK_EQ(t.os.committed_bytes() - used, kSuperslabBytes - 64 * kKiB);
  for (Superslab* s : single) purge_and_give(t, s, kSuperslabBytes);
  CHECK(t.space->take(kSuperslabsPerArena + 1, 1, kPlainPages).head == nullptr);
  CHECK(t.space->take(0, 0, kPlainPages).head == nullptr);
  Superslab* whole = t.space->take(kSuperslabsPerArena, kArenaBytes, kPlainPages).head;
  CHECK(whole != nullptr);  // a second arena, or the first, all of it
  *reinterpret_cast<volatile char*>(whole->base + kArenaBytes - 1) = 1;
  t.close();
  CHECK(t.is_balanced());
}

TEST(space,
     "superslabs that nobody had yet are committed by one call a span, and all of it placed") {
  class Watching final : public OsProxy {
   public:
    using OsProxy::OsProxy;
    OsStatus commit(void* address, ByteCount bytes, HugePages pages) override {
      commits.push_back({address, bytes});
      return OsProxy::commit(address, bytes, pages);
    }
    std::vector<OsRange> commits;
  };
  FakeOs fake(system_os());
  Watching os(fake);
  Space space;
  CHECK(space.open(os));
  const Backing interleaved{HugePages::kOff, {.kind = NodePlacement::Kind::kInterleave}};
  const Superslab* span = space.take(4, 4 * kSuperslabBytes, interleaved).head;
  CHECK(span != nullptr);
  ByteCount calls = 0;
  for (const OsRange& range : os.commits) {
    if (address_of(range.address) < address_of(span->base)) continue;  // tables
    if (address_of(range.address) >= address_of(span->base) + 4 * kSuperslabBytes) continue;
    ++calls;
    CHECK_EQ(range.bytes, 4 * kSuperslabBytes);
  }
  CHECK_EQ(calls, 1u);
  for (int i = 0; i < 4; ++i) {
    CHECK_EQ(span[i].node_placement.kind, NodePlacement::Kind::kInterleave);
    CHECK_EQ(span[i].committed_bytes, kSuperslabBytes);
  }
  space.close();
}

TEST(space, "each superslab that was ever taken is visited once, the last among them") {
  TestSpace t;
  std::vector<Superslab*> taken;
  for (int i = 0; i < 5; ++i) taken.push_back(t.space->take(1, 4096, kPlainPages).head);
  t.space->give(taken[2]);
  std::vector<Superslab*> visited;
  t.space->for_each_entry([&](Superslab& s) { visited.push_back(&s); });
  CHECK(visited == taken);
}

TEST(space, "what is given back is taken again, lowest first") {
  TestSpace t;
  Superslab* a = t.space->take(1, kSuperslabBytes, kPlainPages).head;
  Superslab* b = t.space->take(1, kSuperslabBytes, kPlainPages).head;
  Superslab* c = t.space->take(1, kSuperslabBytes, kPlainPages).head;
  CHECK(a < b && b < c);
  const ByteCount committed = t.os.committed_bytes();
  purge_and_give(t, b, kSuperslabBytes);
  purge_and_give(t, a, kSuperslabBytes);
  CHECK_EQ(a->use.load(), SuperslabUse::kSpare);
  CHECK(a->heap == nullptr);
  CHECK(t.space->take(2, 2 * kSuperslabBytes, kPlainPages).head == a);
  CHECK_EQ(t.os.committed_bytes(), committed);
  CHECK_EQ(t.os.misuse().total(), 0u);
}

TEST(space, "memory keeps the advice it was committed with, and serves others only in need") {
  TestSpace t;
  Superslab* plain = t.space->take(1, kSuperslabBytes, kPlainPages).head;
  purge_and_give(t, plain, kSuperslabBytes);
  Superslab* huge = t.space->take(1, kSuperslabBytes, {HugePages::kTransparent, {}}).head;
  CHECK(huge != plain);
  CHECK_EQ(huge->pages, HugePages::kTransparent);
  CHECK(t.space->take(1, kSuperslabBytes, kPlainPages).head == plain);
  purge_and_give(t, plain, kSuperslabBytes);
  // All addresses used up: the plain one is better than nothing.
  while (t.space->take(1024, kSuperslabBytes, {HugePages::kTransparent, {}}).head == huge + 1) {
  }
  t.os.fail_nth(Call::kReserveAt, 1, OsStatus::kNoMemory, Lasts::kFromThenOn);
  while (true) {
    const TakenSpan taken = t.space->take(1, 4096, {HugePages::kTransparent, {}});
    CHECK(taken.head != nullptr);
    if (taken.head != plain) continue;
    CHECK_EQ(plain->pages, HugePages::kOff);
    break;
  }
}

TEST(space, "a limited address space serves from small pieces") {
  FakeOs fake(system_os());
  for (const ByteCount superslabs : {1, 3, 7, 700}) {
    LimitedOs os(fake, superslabs * kSuperslabBytes);
    auto space = std::make_unique<Space>();
    CHECK(space->open(os));
    std::vector<Superslab*> taken;
    for (;;) {
      const TakenSpan span = space->take(1, 4096, kPlainPages);
      if (span.head == nullptr) {
        CHECK_EQ(span.status, OsStatus::kNoMemory);
        break;
      }
      *reinterpret_cast<volatile char*>(span.head->base) = 1;
      CHECK(&space->superslab_of(span.head->base + 4095) == span.head);
      taken.push_back(span.head);
    }
    CHECK_EQ(taken.size(), superslabs);
    CHECK_EQ(space->reserved_bytes(), superslabs * kSuperslabBytes);
    for (Superslab* s : taken) space->give(s);
    CHECK(space->take(1, 4096, kPlainPages).head != nullptr);
    space->close();
    CHECK_EQ(fake.reserved_bytes(), 0u);
    CHECK_EQ(fake.misuse().total(), 0u);
  }
}

TEST(space, "addresses that somebody else has are left out, and spans never cross them") {
  TestSpace t;
  const std::uintptr_t base = t.space->region().base;
  // A page in superslab 5, and superslabs 9 to 11.
  const Stranger page(base + 5 * kSuperslabBytes + 64 * kKiB, 64 * kKiB);
  const Stranger block(base + 9 * kSuperslabBytes, 3 * kSuperslabBytes);
  CHECK(page.is_there() && block.is_there());
  std::vector<std::size_t> places;
  const auto take = [&](std::uint32_t count) {
    const Superslab* s = t.space->take(count, count * kSuperslabBytes, kPlainPages).head;
    CHECK(s != nullptr);
    touch(*s, count * kSuperslabBytes);
    places.push_back((address_of(s->base) - base) / kSuperslabBytes);
  };
  take(4);  // 0 to 3
  take(4);  // behind both: 12 to 15
  take(3);  // 6 to 8
  take(1);  // 4
  take(1);  // 16
  CHECK_EQ(places[0], 0u);
  CHECK_EQ(places[1], 12u);
  CHECK_EQ(places[2], 6u);
  CHECK_EQ(places[3], 4u);
  CHECK_EQ(places[4], 16u);
  for (const std::size_t i : {5, 9, 10, 11}) {
    const auto* p = reinterpret_cast<void*>(base + i * kSuperslabBytes + 64 * kKiB);
    CHECK(!t.space->contains(p));
    CHECK_EQ(t.space->tag_at(p), kTagNone);
    CHECK_EQ(t.space->route_at(p), kNoRoute);
    CHECK(!t.space->is_nobody_elses(p));
  }
  // Taken, reserved, and of its range: nobody else's. The stack: not its own.
  const int local = 0;
  for (const std::size_t i : {0, 4, 17, 5000})
    CHECK(t.space->is_nobody_elses(reinterpret_cast<void*>(base + i * kSuperslabBytes + 7)));
  CHECK(!t.space->is_nobody_elses(&local));
  CHECK(!t.space->is_nobody_elses(nullptr));
  CHECK(!t.space->is_nobody_elses(reinterpret_cast<void*>(base - 1)));
  t.close();
  CHECK(t.is_balanced());
}

TEST(space, "what is reserved in a later arena is nobody else's") {
  TestSpace t(2);
  CHECK(t.space->take(kSuperslabsPerArena, 4096, kPlainPages).head != nullptr);
  const Superslab* second = t.space->take(1, kSuperslabBytes, kPlainPages).head;
  CHECK(second != nullptr && second->index >= 2 * kSuperslabsPerArena);
  CHECK(t.space->is_nobody_elses(second->base + 5));
  const std::byte* end = reinterpret_cast<std::byte*>(t.space->region().base) + 2 * kArenaBytes;
  CHECK(t.space->is_nobody_elses(end - 1));
  CHECK(!t.space->is_nobody_elses(end));
}

TEST(space, "a block does not grow into what somebody else has") {
  TestSpace t;
  const std::uintptr_t base = t.space->region().base;
  const Stranger page(base + 4 * kSuperslabBytes, 64 * kKiB);
  Superslab* head = t.space->take(2, 2 * kSuperslabBytes, {.access = Access::kPointers}).head;
  bool is_zero = false;
  CHECK(!t.space->extend(head, 5, is_zero));
  CHECK_EQ(head->span, 2u);
  CHECK(t.space->extend(head, 4, is_zero));
  CHECK(is_zero);
  touch(*head, 4 * kSuperslabBytes);
  CHECK_EQ(t.os.misuse().total(), 0u);
}

TEST(space, "a span that could not be committed is there for the next, of any kind") {
  TestSpace t;
  t.os.set_huge_pages(HugePages::k2MiB, 8);
  const auto refused = [&](const Backing& backing) {
    t.os.fail_nth(Call::kCommit, 1, OsStatus::kNoMemory, Lasts::kFromThenOn);
    const bool is_refused = t.space->take(3, 3 * kSuperslabBytes, backing).head == nullptr;
    t.os.fail_none();
    return is_refused;
  };
  // Reserved before, with entries in the tables: nothing is to be committed but the spans.
  Superslab* first = t.space->take(12, 4096, kPlainPages).head;
  purge_and_give(t, first, 4096);
  for (int i = 0; i < 3; ++i) CHECK(refused(kPlainPages));
  Superslab* plain = t.space->take(3, 3 * kSuperslabBytes, kPlainPages).head;
  CHECK(plain != nullptr && plain == first);
  for (int i = 0; i < 3; ++i) CHECK(refused(kTwoMiB));
  Superslab* huge = t.space->take(3, 3 * kSuperslabBytes, kTwoMiB).head;
  CHECK(huge == plain + 3);
  // Nor does a span that cannot grow keep what lies behind it.
  bool is_zero = false;
  t.os.fail_nth(Call::kCommit, 1, OsStatus::kNoMemory, Lasts::kFromThenOn);
  CHECK(!t.space->extend(huge, 6, is_zero));
  t.os.fail_none();
  CHECK(t.space->take(3, 3 * kSuperslabBytes, kPlainPages).head == huge + 3);
  CHECK_EQ(t.os.misuse().total(), 0u);
}

TEST(space, "where no more can be committed, memory that was committed before serves again") {
  TestSpace t;
  Superslab* part = t.space->take(2, 4096, kPlainPages).head;
  Superslab* whole = t.space->take(1, kSuperslabBytes, kPlainPages).head;
  purge_and_give(t, part, 4096);
  purge_and_give(t, whole, kSuperslabBytes);
  t.os.fail_nth(Call::kCommit, 1, OsStatus::kNoMemory, Lasts::kFromThenOn);  // RLIMIT_DATA
  const TakenSpan taken = t.space->take(1, kSuperslabBytes, kPlainPages);
  CHECK(taken.head == whole);
  CHECK_EQ(taken.status, OsStatus::kOk);
  touch(*whole, kSuperslabBytes);
  CHECK_EQ(t.space->take(1, kSuperslabBytes, kPlainPages).status, OsStatus::kNoMemory);
  t.os.fail_none();
  CHECK(t.space->take(1, kSuperslabBytes, kPlainPages).head == part);
  CHECK_EQ(t.os.misuse().total(), 0u);
}

TEST(space, "two spaces of one process have ranges of their own") {
  if (system_os().quiet_addresses().bytes < 4 * 512 * kGiB) SKIP("there are no addresses for this");
  TestSpace spaces[4];
  for (TestSpace& a : spaces) {
    CHECK(a.open);
    const Region region = a.space->region();
    for (TestSpace& b : spaces) {
      const std::uintptr_t other = b.space->region().base;
      const ByteCount range = kMaxArenas * kArenaBytes;
      CHECK(&a == &b || other + range < region.base || region.base + range < other);
    }
  }
}

TEST(space, "every range is tried, from any one on, until one is found") {
  if (system_os().quiet_addresses().bytes == 0) SKIP("there are no addresses for this");
  static constexpr ByteCount kSlot = 512 * kGiB;
  /// Somebody has all slots but those from the `taken`th on that are tried.
  class Crowded final : public OsProxy {
   public:
    using OsProxy::OsProxy;
    OsStatus reserve_at(void* address, ByteCount bytes) override {
      const std::uint64_t slot =
          (address_of(address) - address_of(quiet_addresses().address)) / kSlot;
      if (tried.size() < taken)
        return tried.insert(slot).second ? OsStatus::kTaken : OsStatus::kLost;
      return OsProxy::reserve_at(address, bytes);
    }
    std::uint64_t taken = 0;
    std::set<std::uint64_t> tried;
  };
  Crowded os(system_os());
  const std::uint64_t slots = os.quiet_addresses().bytes / kSlot;
  std::uint64_t held = 0;  // by this process's own spaces
  for (std::uint64_t i = 0; i < slots; ++i) {
    auto* const slot = static_cast<std::byte*>(os.quiet_addresses().address) + i * kSlot;
    if (system_os().reserve_at(slot, os.page_bytes()) == OsStatus::kOk)
      system_os().unreserve(slot, os.page_bytes());
    else
      ++held;
  }
  if (held == slots) SKIP("there are no addresses left for this");
  for (os.taken = 0; os.taken + held < slots; ++os.taken) {
    os.tried.clear();
    Space space;
    CHECK(space.open(os));
    CHECK_EQ(os.tried.size(), os.taken);
    const ByteCount offset = space.region().base - address_of(os.quiet_addresses().address);
    CHECK(offset / kSlot < slots && !os.tried.contains(offset / kSlot));
    space.close();
  }
}

TEST(space, "a range in which somebody else's memory lies at the start is passed over") {
  if (system_os().quiet_addresses().bytes < 8 * 512 * kGiB) SKIP("there are no addresses for this");
  /// So it is in the first `taken` ranges: no more can be had of them than their marks.
  class TakenAtStart final : public OsProxy {
   public:
    using OsProxy::OsProxy;
    OsStatus reserve_at(void* address, ByteCount bytes) override {
      constexpr ByteCount kSlot = 512 * kGiB;
      const bool is_mark = address_of(address) % kSlot == 0;
      if (!is_mark && marks <= taken) return OsStatus::kTaken;
      const OsStatus status = OsProxy::reserve_at(address, bytes);
      if (is_mark && status == OsStatus::kOk) ++marks;
      return status;
    }
    void unreserve(void* address, ByteCount bytes) override {
      ++unreserved;
      OsProxy::unreserve(address, bytes);
    }
    std::uint64_t taken = 0;
    std::uint64_t marks = 0;
    std::uint64_t unreserved = 0;
  };
  for (std::uint64_t taken = 0; taken < 6; ++taken) {
    TakenAtStart os(system_os());
    os.taken = taken;
    Space space;
    const bool is_open = space.open(os);
    CHECK_EQ(is_open, taken < 4);
    CHECK_EQ(os.marks, is_open ? taken + 1 : 4);
    CHECK_EQ(os.unreserved, is_open ? taken : 4);  // the marks of the others
    if (!is_open) continue;
    CHECK(space.take(1, kSuperslabBytes, {}).head != nullptr);
    space.close();
  }
}

namespace {

class WithoutQuiet final : public OsProxy {
 public:
  using OsProxy::OsProxy;
  OsRange quiet_addresses() const override { return {}; }
};

}  // namespace

TEST(space, "where the system has no addresses to itself, the range lies near those it gives") {
  static constexpr std::uintptr_t kBeyond = std::uintptr_t{1} << 60;
  // Or has some in theory only.
  class Narrow final : public OsProxy {
   public:
    using OsProxy::OsProxy;
    OsRange quiet_addresses() const override {
      return {reinterpret_cast<void*>(kBeyond), 4096 * kGiB};
    }
    OsStatus reserve_at(void* address, ByteCount bytes) override {
      return address_of(address) >= kBeyond ? OsStatus::kNoMemory
                                            : OsProxy::reserve_at(address, bytes);
    }
  };
  FakeOs fake(system_os());
  WithoutQuiet none(fake);
  Narrow narrow(fake);
  for (Os* os : {static_cast<Os*>(&none), static_cast<Os*>(&narrow)}) {
    Space both[2];  // the second's range begins where the first's does not
    for (Space& space : both) {
      CHECK(space.open(*os));
      for (int i = 0; i < 20; ++i) {
        const Superslab* s = space.take(3, 3 * kSuperslabBytes, kPlainPages).head;
        CHECK(s != nullptr);
        touch(*s, 3 * kSuperslabBytes);
        CHECK(&space.superslab_of(s->base + kSuperslabBytes) == s + 1);
      }
    }
    for (Space& space : both) space.close();
  }
  CHECK_EQ(fake.reserved_bytes(), 0u);
  CHECK_EQ(fake.misuse().total(), 0u);
}

TEST(space, "a range begins behind its mark, and leaves room below what the system hands out") {
  // Low in an arena, so that little of it lies below.
  static constexpr std::uintptr_t kFound = 1000 * kArenaBytes + kSuperslabBytes;
  class Near final : public OsProxy {
   public:
    using OsProxy::OsProxy;
    OsRange quiet_addresses() const override { return {}; }
    void* reserve(ByteCount, ByteCount) override { return reinterpret_cast<void*>(kFound); }
    void unreserve(void*, ByteCount) override {}
    OsStatus reserve_at(void* address, ByteCount) override {
      // The place that is tried first has somebody already.
      return ++tries == 1 && address != nullptr ? OsStatus::kTaken : OsStatus::kOk;
    }
    int tries = 0;
  };
  for (const int taken : {0, 1}) {
    Near os(system_os());
    os.tries = 1 - taken;
    const ByteCount bytes = 3 * kArenaBytes;
    const AddressRange range = choose_range(os, bytes);
    const std::uintptr_t base = address_of(range.base);
    CHECK_EQ(base % kArenaBytes, 0u);
    CHECK_EQ(address_of(range.mark.address) + range.mark.bytes, base);
    CHECK(base + bytes + kArenaBytes + (taken == 1 ? bytes : 0) <= kFound);
  }
}

TEST(space, "a small space has few addresses, and a large one few more than it uses") {
  TestSpace t;
  CHECK(t.os.reserved_bytes() <= 4 * kMiB);
  ByteCount taken = 0;
  while (taken < 3 * kGiB) {
    CHECK(t.space->take(1, 64 * kKiB, kPlainPages).head != nullptr);
    taken += kSuperslabBytes;
    CHECK(t.os.reserved_bytes() <= taken + taken / 3 + 4 * kMiB);
  }
  CHECK(t.os.calls(Call::kReserveAt) < 400);
}

TEST(space, "explicit huge pages of 2 MiB are used while there are some") {
  TestSpace t;
  t.os.set_huge_pages(HugePages::k2MiB, 3);
  Superslab* a = t.space->take(1, kSuperslabBytes, kTwoMiB).head;
  CHECK(a != nullptr);
  CHECK_EQ(a->pages, HugePages::k2MiB);
  t.space->give(a);
  // A span takes no superslab that has its page already: the mapping would be replaced.
  const TakenSpan pair = t.space->take(2, 3 * kMiB, kTwoMiB);
  CHECK(pair.head != nullptr && !pair.fell_back);
  CHECK(pair.head != a);
  touch(*pair.head, 2 * kSuperslabBytes);
  CHECK_EQ(t.os.free_huge_pages(HugePages::k2MiB), 0u);
  CHECK(t.space->take(1, kSuperslabBytes, kTwoMiB).head == a);

  const TakenSpan none = t.space->take(1, kSuperslabBytes, kTwoMiB);
  CHECK(none.head != nullptr && none.fell_back);
  CHECK_EQ(none.status, OsStatus::kOk);
  CHECK_EQ(none.head->pages, HugePages::kTransparent);
  touch(*none.head, kSuperslabBytes);
  // Plain memory is not taken from those that have explicit pages.
  t.space->give(a);
  Superslab* plain = t.space->take(1, kSuperslabBytes, kPlainPages).head;
  CHECK(plain != a);
  CHECK_EQ(t.os.misuse().total(), 0u);
  t.close();
  CHECK_EQ(t.os.free_huge_pages(HugePages::k2MiB), 3u);
}

TEST(space, "a page of 1 GiB serves many superslabs") {
  TestSpace t;
  t.os.set_huge_pages(HugePages::k1GiB, 1);
  Superslab* a = t.space->take(1, kSuperslabBytes, kOneGiB).head;
  CHECK(a != nullptr);
  CHECK_EQ(a->pages, HugePages::k1GiB);
  CHECK_EQ(t.os.free_huge_pages(HugePages::k1GiB), 0u);
  for (std::uint32_t i = 1; i < kGiB / kSuperslabBytes; ++i) {
    const TakenSpan more = t.space->take(1, kSuperslabBytes, kOneGiB);
    CHECK(!more.fell_back);
    CHECK(more.head == a + i);
  }
  // Used up: the next ones lie close together, not one in each unused GiB.
  Superslab* last = t.space->take(1, kSuperslabBytes, kOneGiB).head;
  for (int i = 0; i < 10; ++i) {
    const TakenSpan more = t.space->take(1, kSuperslabBytes, kOneGiB);
    CHECK(more.fell_back);
    CHECK(more.head == ++last);
  }
  CHECK_EQ(t.os.misuse().total(), 0u);
}

TEST(space, "where there is no page of 1 GiB, pages of 2 MiB serve, and then plain ones") {
  TestSpace t;
  t.os.set_huge_pages(HugePages::k2MiB, 1);
  const TakenSpan smaller = t.space->take(1, kSuperslabBytes, kOneGiB);
  CHECK(smaller.head != nullptr && smaller.fell_back);
  CHECK_EQ(smaller.head->pages, HugePages::k2MiB);
  const TakenSpan plain = t.space->take(1, kSuperslabBytes, kOneGiB);
  CHECK(plain.head != nullptr && plain.fell_back);
  CHECK_EQ(plain.head->pages, HugePages::kTransparent);
}

TEST(space, "a lost range is never used again") {
  TestSpace t;
  t.os.set_huge_pages(HugePages::k2MiB, 8);
  // The tables grow for the second superslab, by the entries and the words of its slabs.
  t.os.fail_nth(Call::kCommit, 3, OsStatus::kLost);
  const TakenSpan first = t.space->take(2, 2 * kSuperslabBytes, kTwoMiB);
  CHECK_EQ(t.os.failed_calls(), 1u);
  CHECK(first.head != nullptr && first.fell_back);
  const std::byte* lost = first.head->base - 2 * kSuperslabBytes;
  CHECK(t.space->contains(lost));
  std::uint32_t found = 2;
  for (;;) {
    const TakenSpan next = t.space->take(1, 4096, kPlainPages);
    CHECK(next.head != nullptr);
    if (next.head->index >= 2 * kSuperslabsPerArena) break;  // the first arena is used up
    CHECK(next.head->base < lost || next.head->base >= lost + 2 * kSuperslabBytes);
    ++found;
  }
  CHECK_EQ(found, kSuperslabsPerArena - 2);
}

TEST(space, "each call of open() fails and it says so") {
  // Where there are no quiet addresses: a range among those may be somebody's, by chance, and with
  // no memory for its mark the range lies elsewhere.
  const auto open = [](FakeOs& os) {
    WithoutQuiet none(os);
    Space space;
    const bool is_open = space.open(none);
    if (is_open) space.close();
    return is_open;
  };
  std::uint64_t n = 1;
  for (;; ++n) {
    const superslab_test::Context context("call " + std::to_string(n));
    FakeOs os(system_os());
    os.fail_nth(n, OsStatus::kNoMemory);
    const bool is_open = open(os);
    CHECK_EQ(os.reserved_bytes(), 0u);
    if (os.failed_calls() == 0) break;
    CHECK(!is_open);
  }
  CHECK(n > 14);
}

namespace {

constexpr struct Demand {
  std::uint32_t count;
  ByteCount bytes;
  HugePages pages;
} kDemands[] = {
    {1, kSuperslabBytes, HugePages::kOff},
    {1, kSuperslabBytes, HugePages::kTransparent},
    {3, 5 * kMiB, HugePages::kTransparent},
    {1, kSuperslabBytes, HugePages::k2MiB},
    {3, 3 * kSuperslabBytes, HugePages::k2MiB},
    // Each superslab of a span is three calls, and the test is quadratic in calls.
    {24, 8 * kMiB, HugePages::kOff},
    {40, 8 * kMiB, HugePages::kOff},
    {1, kSuperslabBytes, HugePages::k2MiB},
};

/// Takes each demand twice over, the second time out of what the first gave back. Returns how many
/// were refused.
unsigned take_all(Space& space, Os& os, bool& clean) {
  unsigned refused = 0;
  for (int round = 0; round < 2; ++round) {
    std::vector<std::pair<Superslab*, ByteCount>> spans;
    for (const Demand& d : kDemands) {
      const TakenSpan taken = space.take(d.count, d.bytes, {d.pages, {}});
      if ((taken.head == nullptr) != (taken.status != OsStatus::kOk)) clean = false;
      if (taken.head == nullptr) {
        ++refused;
        continue;
      }
      // The ends only: touching more of it, thousands of times, is minutes of the kernel's time.
      for (const ByteCount at : {ByteCount{0}, d.bytes - 1}) {
        if (taken.head->base[at] != std::byte{0}) clean = false;
        taken.head->base[at] = std::byte{1};
      }
      spans.push_back({taken.head, d.bytes});
    }
    for (const auto& [head, bytes] : spans) {
      const OsRange range{head->base, bytes};
      if (os.purge(&range, 1) != OsStatus::kOk) std::memset(head->base, 0, bytes);
      space.give(head);
    }
  }
  return refused;
}

}  // namespace

TEST(space, "every single call may fail: a clean answer, and all of it works afterwards") {
  std::uint64_t calls = 0;
  {
    TestSpace t;
    t.os.set_huge_pages(HugePages::k2MiB, 4);
    bool clean = true;
    CHECK_EQ(take_all(*t.space, t.os, clean), 0u);
    CHECK(clean);
    calls = t.os.calls();
    CHECK(calls > 40);
  }
  for (const Lasts lasts : {Lasts::kOnce, Lasts::kFromThenOn}) {
    for (std::uint64_t n = 1; n <= calls; n += superslab_test::kFaultStep) {
      TestSpace t;
      const superslab_test::Context context("call " + std::to_string(n));
      t.os.set_huge_pages(HugePages::k2MiB, 4);
      t.os.fail_nth(n, OsStatus::kNoMemory, lasts);
      bool clean = true;
      const unsigned refused = take_all(*t.space, t.os, clean);
      CHECK(clean);
      if (lasts == Lasts::kOnce) CHECK(refused <= 1);
      t.os.fail_none();
      CHECK_EQ(take_all(*t.space, t.os, clean), 0u);
      CHECK(clean);
      CHECK_EQ(t.os.misuse().total(), 0u);
      t.close();
      CHECK(t.is_balanced());
    }
  }
}

TEST(space, "pages larger than 4 KiB") {
  for (const ByteCount page : {16 * kKiB, 64 * kKiB}) {
    FakeOs os(system_os());
    os.set_page_bytes(page);
    auto space = std::make_unique<Space>();
    CHECK(space->open(os));
    std::vector<Superslab*> taken;
    for (int i = 0; i < 70; ++i) taken.push_back(space->take(1, kSuperslabBytes, kPlainPages).head);
    for (Superslab* s : taken) {
      CHECK(s != nullptr);
      s->base[kSuperslabBytes - 1] = std::byte{1};
      space->words_at(*s, 31)[kWordsPerSlice - 1] = 1;
      space->slab_at(*s, 31)->slices = 1;
    }
    space->close();
    CHECK_EQ(os.misuse().total(), 0u);
    CHECK_EQ(os.reserved_bytes(), 0u);
  }
}
