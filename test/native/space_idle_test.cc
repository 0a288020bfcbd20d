// Superslabs that are given back with their memory: who gets them next, what is known of what they
// hold, and when the memory goes.

#include <functional>
#include <thread>
#include <vector>

#include "check.h"
#include "heap_fixture.h"
#include "space_fixture.h"

using namespace superslab;
using namespace superslab_test;
using Call = FakeOs::Call;
using Lasts = FakeOs::Lasts;

namespace {

/// For code that forgets what it freed: only that gets memory which is not zero.
constexpr Backing kPlainPages{HugePages::kOff, {}, Access::kPointers};
constexpr Backing kForViews{HugePages::kOff, {}, Access::kViews};
constexpr Nanos kNever = ~Nanos{0};

/// A span that was written to.
Superslab* take_dirty(TestSpace& t, std::uint32_t count) {
  Superslab* head = t.space->take(count, count * kSuperslabBytes, kPlainPages).head;
  for (std::uint32_t i = 0; i < count; ++i) std::memset(head[i].base, 0xd1, 4096);
  return head;
}

bool starts_dirty(const Superslab& s) { return s.base[0] == std::byte{0xd1}; }
bool starts_zero(const Superslab& s) { return s.base[0] == std::byte{0}; }

/// Runs something while a purge is under way, before or after the memory has gone.
class InterruptedOs final : public OsProxy {
 public:
  using OsProxy::OsProxy;
  std::function<void()> before_purge;
  OsStatus purge(const OsRange* ranges, std::size_t count) override {
    if (auto act = std::exchange(before_purge, nullptr)) act();
    return OsProxy::purge(ranges, count);
  }
};

}  // namespace

TEST(space, "who asks for a span gets an idle one before one whose memory is gone") {
  TestSpace t(1);
  Superslab* head = take_dirty(t, 3);
  t.space->give_idle(head, 0, 1);
  CHECK_EQ(t.space->purge_idle(1, kSuperslabBytes), kSuperslabBytes);  // the first of the three
  CHECK(t.space->take(1, kSuperslabBytes, kPlainPages).head == head + 1);
  // Without a look for others nothing but idle ones will do.
  CHECK(t.space->take_idle(2, kPlainPages).head == nullptr);
  const TakenSpan last = t.space->take_idle(1, kPlainPages);
  CHECK(last.head == head + 2 && !last.is_zero);
  CHECK(t.space->take_idle(1, kPlainPages).head == nullptr);
  CHECK_EQ(t.space->idle_bytes(), 0u);
}

TEST(space, "a span grows only over memory that can be had, with pages like its own") {
  TestSpace t(1);
  Superslab* head = take_dirty(t, 1);
  // Only a part of the next one is committed.
  Superslab* next = t.space->take(1, 64 * kKiB, kPlainPages).head;
  CHECK(next == head + 1);
  t.space->give(next);
  bool is_zero;
  t.os.fail_nth(Call::kCommit, 1, OsStatus::kNoMemory, Lasts::kFromThenOn);
  CHECK(!t.space->extend(head, 2, is_zero));
  t.os.fail_none();
  CHECK_EQ(head->span, 1u);
  CHECK(t.space->extend(head, 2, is_zero));
  // The next one was committed with other pages.
  Superslab* other =
      t.space->take(1, kSuperslabBytes, {HugePages::kTransparent, {}, Access::kPointers}).head;
  CHECK(other == head + 2);
  t.space->give_idle(other, 0, 1);
  CHECK(!t.space->extend(head, 3, is_zero));
}

TEST(space, "an idle span keeps its memory for the next, who is told that it is not zero") {
  TestSpace t(1);
  Superslab* head = take_dirty(t, 3);
  CHECK_EQ(t.space->idle_bytes(), 0u);
  t.space->give_idle(head, 0, 1);
  CHECK_EQ(t.space->idle_bytes(), 3 * kSuperslabBytes);
  CHECK_EQ(head->use.load(), SuperslabUse::kSpare);
  CHECK(starts_dirty(head[0]));
  const TakenSpan again = t.space->take(2, 2 * kSuperslabBytes, kPlainPages);
  CHECK(again.head == head);
  CHECK(!again.is_zero);
  CHECK_EQ(t.space->idle_bytes(), kSuperslabBytes);
  // A span of which only one superslab is not zero is not zero.
  const TakenSpan rest = t.space->take(2, 2 * kSuperslabBytes, kPlainPages);
  CHECK(rest.head == head + 2);
  CHECK(!rest.is_zero);
  CHECK(starts_dirty(rest.head[0]) && starts_zero(rest.head[1]));
  CHECK_EQ(t.space->idle_bytes(), 0u);
  CHECK(t.space->take(1, kSuperslabBytes, kPlainPages).is_zero);
  CHECK_EQ(t.os.misuse().total(), 0u);
}

TEST(space, "what pointers left behind is not for views before it was purged") {
  TestSpace t(1);
  Superslab* head = take_dirty(t, 2);
  t.space->give_idle(head, 0, 1);
  const TakenSpan other = t.space->take(1, kSuperslabBytes, kForViews);
  CHECK(other.head == head + 2 && other.is_zero);
  CHECK_EQ(t.space->idle_bytes(), 2 * kSuperslabBytes);
  t.space->purge_idle(kNever);
  const TakenSpan purged = t.space->take(2, 2 * kSuperslabBytes, kForViews);
  CHECK(purged.head == head && purged.is_zero);
  CHECK(starts_zero(head[0]) && starts_zero(head[1]));
}

TEST(space, "what views may reach for ever is never for pointers, nor to grow into") {
  TestSpace t(1);
  Superslab* native = t.space->take(1, kSuperslabBytes, kPlainPages).head;
  Superslab* seen = t.space->take(1, kSuperslabBytes, kForViews).head;
  CHECK(seen == native + 1);
  const OsRange range{seen->base, kSuperslabBytes};
  t.os.purge(&range, 1);
  t.space->give(seen);
  CHECK(t.space->take(1, kSuperslabBytes, kPlainPages).head == seen + 1);
  bool is_zero = false;
  CHECK(!t.space->extend(native, 2, is_zero));
  CHECK(t.space->take(1, kSuperslabBytes, kForViews).head == seen);
}

TEST(space, "a part of a span is given back, the rest stays what it was") {
  TestSpace t(1);
  Superslab* head = take_dirty(t, 4);
  t.space->give_idle(head, 1, 1);
  CHECK_EQ(head->span, 1u);
  CHECK_EQ(t.space->idle_bytes(), 3 * kSuperslabBytes);
  CHECK(starts_dirty(*head));
  CHECK(t.space->take(3, 3 * kSuperslabBytes, kPlainPages).head == head + 1);
}

TEST(space, "idle memory is purged after its time, not before, and is zero to the next") {
  TestSpace t(1);
  Superslab* old = take_dirty(t, 2);
  Superslab* young = take_dirty(t, 1);
  t.space->give_idle(old, 0, 100);
  t.space->give_idle(young, 0, 200);
  CHECK_EQ(t.space->purge_idle(99), 0u);
  CHECK_EQ(t.space->idle_bytes(), 3 * kSuperslabBytes);
  CHECK(starts_dirty(*old));
  CHECK_EQ(t.space->purge_idle(100), 2 * kSuperslabBytes);
  CHECK_EQ(t.space->idle_bytes(), kSuperslabBytes);
  CHECK(starts_zero(old[0]) && starts_zero(old[1]) && starts_dirty(*young));
  const TakenSpan again = t.space->take(2, 2 * kSuperslabBytes, kPlainPages);
  CHECK(again.head == old && again.is_zero);
  CHECK_EQ(t.space->purge_idle(kNever), kSuperslabBytes);
  CHECK_EQ(t.space->purge_idle(kNever), 0u);
  CHECK_EQ(t.os.misuse().total(), 0u);
}

TEST(space, "neighbours are purged in one range, and more of them than fit into one batch") {
  TestSpace t(1);
  constexpr std::uint32_t kMany = 150;
  Superslab* head = take_dirty(t, kMany);
  t.space->give_idle(head, 0, 1);
  Superslab* apart = t.space->take(1, kSuperslabBytes, kPlainPages).head;
  CHECK(apart == head);  // a gap at the front
  CHECK_EQ(t.space->purge_idle(kNever), (kMany - 1) * kSuperslabBytes);
  CHECK(t.os.calls(Call::kPurge) <= 5);
  CHECK(starts_dirty(*apart));
  for (std::uint32_t i = 1; i < kMany; ++i) CHECK(starts_zero(head[i]));
}

TEST(space, "memory that cannot be purged stays idle, and goes when it can") {
  TestSpace t(1);
  Superslab* head = take_dirty(t, 2);
  t.space->give_idle(head, 0, 1);
  t.os.fail_nth(Call::kPurge, 1, OsStatus::kNoMemory);
  CHECK_EQ(t.space->purge_idle(kNever), 0u);
  CHECK_EQ(t.space->idle_bytes(), 2 * kSuperslabBytes);
  const TakenSpan one = t.space->take(1, kSuperslabBytes, kPlainPages);
  CHECK(one.head == head && !one.is_zero);
  CHECK_EQ(t.space->purge_idle(kNever), kSuperslabBytes);
  CHECK_EQ(t.space->idle_bytes(), 0u);
}

TEST(space, "who takes superslabs while idle ones are being purged gets others") {
  FakeOs fake(system_os());
  {
    InterruptedOs os(fake);
    auto space = std::make_unique<Space>();
    CHECK(space->open(os, 1));
    Superslab* head = space->take(2, 2 * kSuperslabBytes, kPlainPages).head;
    space->give_idle(head, 0, 1);
    Superslab* meanwhile = nullptr;
    os.before_purge = [&] {
      meanwhile = space->take(2, 2 * kSuperslabBytes, kPlainPages).head;
      std::memset(meanwhile->base, 0xd1, 4096);
    };
    CHECK_EQ(space->purge_idle(kNever), 2 * kSuperslabBytes);
    CHECK(meanwhile != nullptr && meanwhile >= head + 2);
    CHECK(starts_dirty(*meanwhile));
    space->close();
  }
  CHECK_EQ(fake.misuse().total(), 0u);
}

TEST(space, "two who purge at once do not purge what the first has given to a third meanwhile") {
  FakeOs fake(system_os());
  {
    InterruptedOs os(fake);
    auto space = std::make_unique<Space>();
    CHECK(space->open(os, 1));
    Superslab* head = space->take(1, kSuperslabBytes, kPlainPages).head;
    space->give_idle(head, 0, 1);
    Superslab* taken = nullptr;
    ByteCount by_second = 0;
    // While the first purge is under way a second one comes and ends, and somebody takes.
    os.before_purge = [&] {
      by_second = space->purge_idle(kNever);
      taken = space->take(1, kSuperslabBytes, kPlainPages).head;
      std::memset(taken->base, 0xd1, 4096);
    };
    CHECK_EQ(space->purge_idle(kNever), kSuperslabBytes);
    CHECK_EQ(by_second, 0u);
    CHECK(starts_dirty(*taken));
    CHECK_EQ(space->idle_bytes(), 0u);
    space->close();
  }
}

TEST(space, "a span starts at a multiple of its unit") {
  TestSpace t(1);
  CHECK(t.space->take(1, kSuperslabBytes, kPlainPages).head != nullptr);
  for (const std::uint32_t unit : {2u, 8u, 512u, 1024u}) {
    const TakenSpan taken = t.space->take(3, 5 * kMiB, kPlainPages, unit);
    CHECK(taken.head != nullptr);
    CHECK_EQ(address_of(taken.head->base) % (unit * kSuperslabBytes), 0u);
    std::memset(taken.head->base, 1, 5 * kMiB);
  }
  // What lies between is for those who need no such start.
  bool is_used = false;
  for (std::uint32_t i = 0; i < kSuperslabsPerArena && !is_used; ++i)
    is_used = t.space->take(1, 4096, kPlainPages).head->index % kSuperslabsPerArena == 1;
  CHECK(is_used);
  CHECK(t.space->take(1, kSuperslabBytes, kPlainPages, kSuperslabsPerArena).head == nullptr);
  CHECK_EQ(t.os.misuse().total(), 0u);
}

TEST(space, "a span with a unit takes idle superslabs too") {
  TestSpace t(1);
  Superslab* head = take_dirty(t, 8);
  t.space->give_idle(head, 0, 1);
  const TakenSpan taken = t.space->take(2, 2 * kSuperslabBytes, kPlainPages, 4);
  CHECK(taken.head == head && !taken.is_zero);
  const TakenSpan next = t.space->take(2, 2 * kSuperslabBytes, kPlainPages, 4);
  CHECK(next.head == head + 4 && !next.is_zero);
  CHECK_EQ(t.space->idle_bytes(), 4 * kSuperslabBytes);
}

TEST(space, "a span with a unit falls back from explicit huge pages that are not there") {
  TestSpace t(1);
  const TakenSpan taken =
      t.space->take(2, 2 * kSuperslabBytes, {HugePages::k2MiB, {}, Access::kPointers}, 4);
  CHECK(taken.head != nullptr && taken.fell_back);
  CHECK_EQ(address_of(taken.head->base) % (4 * kSuperslabBytes), 0u);
  CHECK_EQ(t.os.misuse().total(), 0u);
}

TEST(space, "a span grows into what is spare behind it, and says whether that is zero") {
  TestSpace t(1);
  Superslab* head = t.space->take(1, kSuperslabBytes, kPlainPages).head;
  head->heap = &t;
  bool is_zero = false;
  CHECK(t.space->extend(head, 3, is_zero));
  CHECK(is_zero);
  CHECK_EQ(head->span, 3u);
  std::memset(head->base, 0xd1, 3 * kSuperslabBytes);
  for (const std::uint32_t i : {1u, 2u}) {
    CHECK_EQ(head[i].use.load(), SuperslabUse::kHugeTail);
    CHECK(head[i].heap == &t);
    CHECK(head[i].index < t.space->index_limit());
    CHECK_EQ(head[i].committed_bytes, kSuperslabBytes);
  }
  t.space->give_idle(head, 2, 1);
  CHECK(t.space->extend(head, 4, is_zero));
  CHECK(!is_zero);
  CHECK_EQ(t.space->idle_bytes(), 0u);
  CHECK(starts_dirty(head[2]) && starts_zero(head[3]));
  CHECK_EQ(t.os.misuse().total(), 0u);
}

TEST(space, "a span does not grow over another one, over the end of its arena, or without memory") {
  TestSpace t(2);
  Superslab* head = t.space->take(2, 2 * kSuperslabBytes, kPlainPages).head;
  Superslab* next = t.space->take(1, kSuperslabBytes, kPlainPages).head;
  CHECK(next == head + 2);
  bool is_zero = false;
  CHECK(!t.space->extend(head, 3, is_zero));
  CHECK_EQ(head->span, 2u);
  CHECK(!t.space->extend(next, kSuperslabsPerArena - 1, is_zero));  // one too many
  t.os.fail_nth(Call::kCommit, 1, OsStatus::kNoMemory, Lasts::kFromThenOn);
  CHECK(!t.space->extend(next, 4, is_zero));
  CHECK_EQ(next->span, 1u);
  t.os.fail_none();
  CHECK(t.space->extend(next, kSuperslabsPerArena - 2, is_zero));
  CHECK(t.space->take(1, kSuperslabBytes, kPlainPages).head->index >= 2 * kSuperslabsPerArena);
  CHECK_EQ(t.os.misuse().total(), 0u);
}

TEST(space,
     "spans that threads take, shrink, grow and give are never shared, and idle bytes add up") {
  TestSpace t(1);
  std::atomic<bool> good{true};
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (std::uint64_t i = 0; i < 3; ++i) {
    threads.emplace_back([&, i] {
      Random random(i + 1);
      const auto mark = static_cast<std::byte>(i + 1);
      for (int round = 0; round < 300; ++round) {
        const auto count = static_cast<std::uint32_t>(random.below(4) + 2);
        const TakenSpan taken = t.space->take(count, count * kSuperslabBytes, kPlainPages);
        Superslab* head = taken.head;
        for (std::uint32_t k = 0; k < count; ++k) {
          if (taken.is_zero && head[k].base[8] != std::byte{0}) good = false;
          head[k].base[8] = mark;
        }
        std::this_thread::yield();
        for (std::uint32_t k = 0; k < count; ++k) good = good && head[k].base[8] == mark;
        const auto kept = static_cast<std::uint32_t>(random.below(count - 1) + 1);
        t.space->give_idle(head, kept, 1);
        bool is_zero = false;
        if (t.space->extend(head, kept + 1, is_zero)) {
          if (is_zero && head[kept].base[8] != std::byte{0}) good = false;
          head[kept].base[8] = mark;
        }
        for (std::uint32_t k = 0; k < head->span; ++k) good = good && head[k].base[8] == mark;
        t.space->give_idle(head, 0, 1);
      }
    });
  }
  threads.emplace_back([&] {
    while (!stop.load()) t.space->purge_idle(kNever);
  });
  for (std::size_t i = 0; i < 3; ++i) threads[i].join();
  stop = true;
  threads[3].join();
  CHECK(good.load());
  t.space->purge_idle(kNever);
  CHECK_EQ(t.space->idle_bytes(), 0u);
  CHECK_EQ(t.os.misuse().total(), 0u);
}
