// Readers see whole snapshots, what they read stays as it was while they read it, and slots come
// back, however often somebody publishes.
#include <cstddef>
#include <new>
#include <thread>
#include <vector>

#include "check.h"
#include "policy/published.h"
#include "policy/snapshot.h"

using namespace superslab;

namespace {

HeapSnapshot numbered(std::uint32_t n) {
  HeapSnapshot snapshot;
  snapshot.cache_blocks = n;
  snapshot.max_bytes = n;
  snapshot.cache_bytes = n;
  return snapshot;
}

bool is_whole(const HeapSnapshot& s) {
  return s.max_bytes == s.cache_blocks && s.cache_bytes == s.cache_blocks;
}

}  // namespace

TEST(policy, "a snapshot keeps its values while it is read") {
  Published<HeapSnapshot> published(numbered(1));
  const auto first = published.read();
  for (std::uint32_t n = 2; n < 1000; ++n) published.publish(numbered(n));
  CHECK_EQ(first->cache_blocks, 1u);
  CHECK_EQ(published.read()->cache_blocks, 999u);
}

TEST(policy, "the generation moves with each snapshot, and only then") {
  Published<HeapSnapshot> published(numbered(1));
  const std::uint64_t before = published.generation();
  CHECK_EQ(published.read()->cache_blocks, 1u);
  CHECK_EQ(published.generation(), before);
  published.publish(numbered(2));
  CHECK(published.generation() != before);
}

TEST(policy, "a million snapshots: readers never see half of one, nor an older one than before") {
  Published<HeapSnapshot> published(numbered(1));
  constexpr std::uint32_t kLast = 1'000'000;
  constexpr std::size_t kReaders = 8;
  // Each written by one thread only; no check before the threads are joined.
  bool good[kReaders] = {};
  std::vector<std::thread> readers;
  for (bool& is_good : good) {
    readers.emplace_back([&published, &is_good] {
      bool whole = true;
      std::uint32_t last = 0;
      while (last != kLast) {
        const std::uint64_t generation = published.generation();
        const auto now = published.read();
        whole &= is_whole(*now) && now->cache_blocks >= last;
        // Generation g is known once snapshot g + 1 is current.
        whole &= now->cache_blocks > generation;
        last = now->cache_blocks;
      }
      is_good = whole;
    });
  }
  for (std::uint32_t n = 2; n <= kLast; ++n) published.publish(numbered(n));
  for (std::thread& reader : readers) reader.join();
  for (const bool is_good : good) CHECK(is_good);
}

TEST(policy, "of many publishers one is last, and its snapshot is whole") {
  Published<HeapSnapshot> published(numbered(1));
  std::vector<std::thread> publishers;
  for (std::uint32_t who = 1; who <= 4; ++who) {
    publishers.emplace_back([&published, who] {
      for (std::uint32_t n = 0; n < 10'000; ++n) published.publish(numbered(who * 100'000 + n));
    });
  }
  for (std::thread& publisher : publishers) publisher.join();
  CHECK(is_whole(*published.read()));
  CHECK_EQ(published.read()->cache_blocks % 100'000, 9'999u);
  CHECK_EQ(published.generation(), 40'000u);
}

TEST(policy, "the child of a fork publishes though a reader vanished in each slot") {
  using Reading = Published<HeapSnapshot>::Reading;
  Published<HeapSnapshot> published(numbered(1));
  // As many as vanish: all slots look read. Nobody destroys them.
  constexpr std::uint32_t kSlots = 8;
  alignas(Reading) std::byte vanished[kSlots][sizeof(Reading)];
  for (std::uint32_t n = 2; n <= kSlots; ++n) {
    ::new (vanished[n - 2]) Reading(published);
    published.publish(numbered(n));
  }
  ::new (vanished[kSlots - 1]) Reading(published);
  CHECK(published.survive_fork() == Holder::kNobody);
  published.publish(numbered(9));
  CHECK_EQ(published.read()->cache_blocks, 9u);
}
