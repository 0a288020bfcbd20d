// The parts of a heap that stand alone: its spans, and the account of its memory.
#include "check.h"
#include "heap/memory_account.h"
#include "heap/span_source.h"
#include "heap_fixture.h"

using namespace superslab;
using namespace superslab_test;

namespace {

/// Counts how often the spans are asked for, and gives one back.
struct IdleSpans final : SpanSource::IdleSpans {
  void give_back_idle_spans() override {
    ++asked;
    if (idle != nullptr) spans->scrub_and_give(idle, kSuperslabBytes, 0);
    idle = nullptr;
  }
  SpanSource* spans = nullptr;
  Superslab* idle = nullptr;
  unsigned asked = 0;
};

/// Without a heap around them.
struct Parts {
  explicit Parts(const HeapShape& shape = {}, const Snapshot& policy = plain_policy())
      : core(*world.space, clock, policy, shape) {
    idle.spans = &spans;
  }
  Superslab* take(std::uint32_t count) {
    HeapLock guard(core.lock);
    return spans.take(count, {.bytes = count * kSuperslabBytes}).head;
  }
  void give(Superslab* head) {
    HeapLock guard(core.lock);
    spans.scrub_and_give(head, head->span * kSuperslabBytes, 0);
  }

  TestSpace world{kTestArenas};
  ManualClock clock;
  HeapCore core;
  MemoryAccount account{core};
  IdleSpans idle;
  int heap = 0;  // whoever it is
  SpanSource spans{core, account, &heap, idle};
};

}  // namespace

TEST(heap, "a span is its heap's, every superslab of it, until it is given back") {
  Parts t;
  Superslab* head = t.take(3);
  CHECK(head != nullptr);
  for (std::uint32_t i = 0; i < 3; ++i) CHECK(head[i].heap == &t.heap);
  CHECK_EQ(t.core.counters.superslabs_taken.get(), 3u);
  std::memset(head->base, 0x5a, kSuperslabBytes);
  t.give(head);
  CHECK_EQ(t.core.counters.superslabs_given.get(), 3u);
  for (std::uint32_t i = 0; i < 3; ++i) CHECK(head[i].heap == nullptr);
  Superslab* again = t.take(3);
  CHECK(again == head && is_zero(again->base, kSuperslabBytes));
  t.give(again);
}

TEST(heap, "idle spans are given back before a heap is refused memory, and not sooner") {
  Parts t;
  t.idle.idle = t.take(1);
  Superslab* other = t.take(1);
  CHECK_EQ(t.idle.asked, 0u);
  t.world.os.fail_nth(FakeOs::Call::kCommit, 1, OsStatus::kNoMemory);
  Superslab* third = t.take(1);
  CHECK_EQ(t.idle.asked, 1u);
  CHECK(third != nullptr && t.idle.idle == nullptr);
  CHECK_EQ(t.core.counters.os_failures.get(), 0u);
  t.give(other);
  t.give(third);
}

TEST(heap, "idle spans are given back when a limit on memory comes near") {
  Parts t({.access = Access::kPointers, .memory = 16 * kMiB});
  t.account.change_committed(13 * kMiB);
  t.idle.idle = t.take(1);  // 3 MiB are left, of which an eighth of the limit is kept
  CHECK_EQ(t.idle.asked, 1u);
  t.account.change_committed(-static_cast<std::int64_t>(10 * kMiB));
  Superslab* other = t.take(1);
  CHECK_EQ(t.idle.asked, 1u);
  t.give(other);
  t.give(t.idle.idle);
  t.account.change_committed(-static_cast<std::int64_t>(3 * kMiB));
}

TEST(heap, "the account says what is idle, and how long it may be") {
  Snapshot policy = plain_policy();
  policy.malloc_idle_bytes = kMiB;
  policy.purge_delay_ms = Millis{100};
  Parts t({.access = Access::kPointers, .memory = 64 * kMiB}, policy);
  MemoryAccount& account = t.account;
  CHECK_EQ(account.room_left(), 64 * kMiB);
  CHECK_EQ(account.purge_delay(), 100 * kMillisecond);
  account.change_committed(60 * kMiB);
  CHECK_EQ(account.committed_bytes(), 60 * kMiB);
  CHECK_EQ(account.room_left(), 4 * kMiB);
  CHECK(account.is_room_scarce());
  CHECK_EQ(account.purge_delay(), 25 * kMillisecond);  // a quarter, in the last quarter
  account.change_free(3 * kMiB);
  account.note_idle_in_slabs(kMiB);
  CHECK_EQ(account.idle_bytes(), 4 * kMiB);
  CHECK(account.excess() == 0);  // 14 MiB may be, and 7 MiB of room
  account.note_idle_in_slabs(12 * kMiB);
  CHECK(account.excess() != 0);
  account.note_idle_in_slabs(-static_cast<std::int64_t>(20 * kMiB));  // never below zero
  CHECK_EQ(account.idle_bytes(), 3 * kMiB);
  account.change_committed(-static_cast<std::int64_t>(60 * kMiB));
}

TEST(heap,
     "a thread that frees looks closer when more is idle than may be, and not again at once") {
  static unsigned looked;
  looked = 0;
  Snapshot policy = plain_policy();
  policy.malloc_idle_bytes = kMiB;
  Parts t({.access = Access::kPointers}, policy);
  t.account.change_free(2 * kMiB);
  t.account.after_frees();  // nobody counts
  t.account.set_excess_hook([] { ++looked; });
  t.account.after_frees();
  CHECK_EQ(looked, 1u);
  t.account.look_from_here();  // it could not be given back
  t.account.after_frees();
  CHECK_EQ(looked, 1u);
  t.account.change_free(kMiB);
  t.account.after_frees();
  CHECK_EQ(looked, 2u);
}
