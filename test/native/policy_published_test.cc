// Readers see whole snapshots, and what they saw stays as it was.
#include <thread>

#include "check.h"
#include "policy/published.h"

using namespace superslab;

namespace {

Snapshot numbered(std::uint32_t n) {
  Snapshot snapshot;
  snapshot.cache_blocks = n;
  snapshot.max_bytes = n;
  snapshot.cache_bytes = n;
  return snapshot;
}

bool is_whole(const Snapshot& s) {
  return s.max_bytes == s.cache_blocks && s.cache_bytes == s.cache_blocks;
}

}  // namespace

TEST(policy, "a retired snapshot keeps its values") {
  PublishedSnapshot published(numbered(1));
  const Snapshot& first = published.get();
  CHECK(published.publish(numbered(2)));
  CHECK_EQ(first.cache_blocks, 1u);
  CHECK_EQ(published.get().cache_blocks, 2u);
}

TEST(policy, "a publisher without a slot left is told, and nothing changes") {
  PublishedSnapshot published(numbered(0));
  for (std::uint32_t n = 1; n < PublishedSnapshot::kMaxSnapshots; ++n) {
    CHECK(published.publish(numbered(n)));
  }
  const Snapshot& last = published.get();
  CHECK(!published.publish(numbered(99)));
  CHECK(!published.publish(numbered(99)));
  CHECK(&published.get() == &last);
  CHECK_EQ(last.cache_blocks, PublishedSnapshot::kMaxSnapshots - 1);
}

TEST(policy, "readers never see half a snapshot") {
  // Each written by one thread only; no check returns before the threads are joined.
  bool whole = true;
  bool published_here = true;
  bool published_there = true;
  for (int round = 0; round < 200; ++round) {
    PublishedSnapshot published(numbered(1));
    std::thread reader([&] {
      for (int i = 0; i < 200; ++i) whole = is_whole(published.get()) && whole;
    });
    std::thread other([&] {
      for (std::uint32_t n = 100; n < 108; ++n) {
        published_there = published.publish(numbered(n)) && published_there;
      }
    });
    for (std::uint32_t n = 2; n < 9; ++n) {
      published_here = published.publish(numbered(n)) && published_here;
    }
    reader.join();
    other.join();
    // 1 + 8 + 7 snapshots fill the slots.
    CHECK(!published.publish(numbered(0)));
  }
  CHECK(whole);
  CHECK(published_here);
  CHECK(published_there);
}
