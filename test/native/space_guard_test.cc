// The last superslab of a guarded span: what is behind the span's bytes was never committed, so
// that no view reaches it and native code that does is stopped.

#include <vector>

#include "check.h"
#include "space_fixture.h"

using namespace superslab;
using superslab_test::TestSpace;

namespace {

Backing guarded(std::uint32_t span, ByteCount bytes) {
  return {.pages = HugePages::kOff, .tail_bytes = bytes - (span - 1) * kSuperslabBytes};
}

void purge_and_give(TestSpace& t, Superslab* head, ByteCount bytes) {
  const OsRange range{head->base, bytes};
  t.os.purge(&range, 1);
  t.space->give(head);
}

constexpr Backing kPlain{.pages = HugePages::kOff};

}  // namespace

TEST(space, "the guard of a span of whole superslabs is one that was never committed") {
  TestSpace t;
  Superslab* head = t.space->take(3, 4 * kMiB, guarded(3, 4 * kMiB)).head;
  CHECK(head != nullptr);
  CHECK_EQ(head[1].committed_bytes, kSuperslabBytes);
  CHECK_EQ(head[2].committed_bytes, 0u);
  CHECK(t.space->take(1, kSuperslabBytes, kPlain).head == head + 3);  // the guard is taken
}

TEST(space, "memory that was committed before is no guard") {
  TestSpace t;
  // Superslab 2 of six was committed whole, and all are spare again.
  Superslab* first = t.space->take(6, 6 * kSuperslabBytes, kPlain).head;
  const SuperslabIndex lowest = first->index;
  purge_and_give(t, first, 6 * kSuperslabBytes);
  Superslab* head = t.space->take(3, 4 * kMiB, guarded(3, 4 * kMiB)).head;
  CHECK(head != nullptr);
  CHECK(head[2].committed_bytes == 0);
  CHECK_EQ(head->index, lowest + 4);  // two of them in front, the guard behind them all
}

TEST(space, "a guarded span comes back to the same place") {
  TestSpace t;
  const ByteCount bytes = 3 * kMiB;
  Superslab* head = t.space->take(2, bytes, guarded(2, bytes)).head;
  CHECK_EQ(head[1].committed_bytes, bytes - kSuperslabBytes);
  purge_and_give(t, head, bytes);
  CHECK(t.space->take(2, bytes, guarded(2, bytes)).head == head);
  purge_and_give(t, head, bytes);
  // A shorter one cannot end there any more, for views of the longer one reach its guard.
  const ByteCount shorter = bytes - 64 * kKiB;
  Superslab* other = t.space->take(2, shorter, guarded(2, shorter)).head;
  CHECK(other != nullptr && other != head);
  purge_and_give(t, other, shorter);
  // Who needs no guard can have it.
  CHECK(t.space->take(2, 2 * kSuperslabBytes, kPlain).head == head);
}
