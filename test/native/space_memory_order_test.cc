// Who sees that a superslab has an entry sees the entry: as in heap_memory_order_test.cc, with
// ThreadSanitizer.

#include <thread>

#include "check.h"
#include "space_fixture.h"

using namespace superslab;
using superslab_test::TestSpace;

namespace {

constexpr Backing kPlainPages{HugePages::kOff, {}};

/// The base that another thread reads of superslab `index` as soon as it is known.
template <class Take>
const std::byte* base_seen(const Space& space, SuperslabIndex index, Take take) {
  const std::byte* seen = nullptr;
  std::thread other([&] {
    while (!space.has_entry(index)) std::this_thread::yield();
    seen = space.superslab(index).base;
  });
  take();
  other.join();
  return seen;
}

}  // namespace

TEST(space, "order: an entry below the limit is whole for who sees that it is ready") {
  TestSpace t(1);
  Superslab* first = t.space->take(1, kSuperslabBytes, kPlainPages).head;
  Superslab* pair = t.space->take(2, 2 * kSuperslabBytes, kPlainPages, 2).head;
  CHECK(pair == first + 2 && t.space->index_limit() == first->index + 4);
  Superslab* between = nullptr;
  const std::byte* seen = base_seen(*t.space, first->index + 1, [&] {
    between = t.space->take(1, kSuperslabBytes, kPlainPages).head;
  });
  CHECK(between == first + 1);
  CHECK(seen == between->base);
}

TEST(space, "order: an arena is there for who sees that the space has grown into it") {
  TestSpace t(2);
  Superslab* whole = t.space->take(kSuperslabsPerArena, 4096, kPlainPages).head;
  CHECK(whole != nullptr);
  Superslab* next = nullptr;
  const std::byte* seen = base_seen(*t.space, whole->index + kSuperslabsPerArena, [&] {
    next = t.space->take(1, kSuperslabBytes, kPlainPages).head;
  });
  CHECK(next == whole + kSuperslabsPerArena);
  CHECK(seen == next->base);
}
