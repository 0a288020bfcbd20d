// Memory for the allocator's own objects.

#include "space/metadata.h"

#include <set>
#include <thread>
#include <vector>

#include "check.h"
#include "heap_fixture.h"
#include "os/fake_os.h"

using namespace superslab;
using namespace superslab_test;

namespace {

struct World {
  FakeOs os{system_os()};
  Metadata metadata;
  ~World() { metadata.close(os); }
};

struct alignas(512) Aligned {
  explicit Aligned(int& alive) : alive_(alive) { ++alive_; }
  ~Aligned() { --alive_; }
  int& alive_;
  char bytes[700];
};

}  // namespace

TEST(space, "objects are aligned, zero, apart, and on cache lines of their own") {
  World w;
  std::uintptr_t last_end = 0;
  for (const ByteCount alignment : {ByteCount{1}, ByteCount{8}, ByteCount{128}, ByteCount{512},
                                    ByteCount{4096}, ByteCount{64}}) {
    for (const ByteCount bytes : {ByteCount{1}, ByteCount{127}, ByteCount{128}, ByteCount{5000}}) {
      void* p = w.metadata.allocate(w.os, bytes + alignment, alignment);
      CHECK(p != nullptr);
      CHECK_EQ(address_of(p) % std::max(alignment, kCacheLinePair), 0u);
      CHECK(is_zero(p, bytes + alignment));
      CHECK(address_of(p) >= last_end);
      last_end = align_up(address_of(p) + bytes + alignment, kCacheLinePair);
      std::memset(p, 0xff, bytes + alignment);
    }
  }
  CHECK_EQ(w.os.misuse().total(), 0u);
}

TEST(space, "the place of an object that ended goes to the next of its size") {
  World w;
  void* a = w.metadata.allocate(w.os, 1000, 128);
  void* b = w.metadata.allocate(w.os, 300, 128);
  w.metadata.free(a, 1000);
  w.metadata.free(b, 300);
  CHECK(w.metadata.allocate(w.os, 600, 128) != a);
  CHECK(w.metadata.allocate(w.os, 1020, 128) == a);  // the same number of line pairs
  CHECK(w.metadata.allocate(w.os, 1000, 128) != a);
  CHECK(w.metadata.allocate(w.os, 300, 128) == b);
}

TEST(space, "objects are made and destroyed, in the same place again") {
  World w;
  int alive = 0;
  auto* first = w.metadata.make<Aligned>(w.os, alive);
  CHECK(first != nullptr);
  CHECK_EQ(address_of(first) % alignof(Aligned), 0u);
  CHECK_EQ(alive, 1);
  w.metadata.destroy(first);
  CHECK_EQ(alive, 0);
  CHECK(w.metadata.make<Aligned>(w.os, alive) == first);
}

TEST(space, "objects larger than a chunk have one of their own") {
  World w;
  for (const ByteCount bytes : {kMiB - 128, kMiB, 5 * kMiB + 3}) {
    auto* p = static_cast<char*>(w.metadata.allocate(w.os, bytes, 4096));
    CHECK(p != nullptr);
    CHECK(is_zero(p, bytes));
    std::memset(p, 1, bytes);
  }
  CHECK_EQ(w.os.misuse().total(), 0u);
}

TEST(space, "without memory for a chunk there is no object, and later there is") {
  for (const FakeOs::Call call : {FakeOs::Call::kReserve, FakeOs::Call::kCommit}) {
    World w;
    w.os.fail_nth(call, 1, OsStatus::kNoMemory);
    CHECK(w.metadata.allocate(w.os, 100, 16) == nullptr);
    CHECK_EQ(w.os.reserved_bytes(), 0u);  // a chunk that cannot be used is given back
    void* p = w.metadata.allocate(w.os, 100, 16);
    CHECK(p != nullptr);
    // What is left of a chunk still serves while there are no more.
    w.os.fail_nth(call, 1, OsStatus::kNoMemory, FakeOs::Lasts::kFromThenOn);
    CHECK(w.metadata.allocate(w.os, 2 * kMiB, 16) == nullptr);
    CHECK(w.metadata.allocate(w.os, 100, 16) != nullptr);
    w.metadata.free(p, 100);
    CHECK(w.metadata.allocate(w.os, 100, 16) == p);
  }
}

TEST(space, "closing gives every chunk back") {
  World w;
  for (int i = 0; i < 5; ++i) CHECK(w.metadata.allocate(w.os, kMiB, 16) != nullptr);
  w.metadata.close(w.os);
  CHECK_EQ(w.os.reserved_bytes(), 0u);
  CHECK_EQ(w.os.misuse().total(), 0u);
}

TEST(space, "threads never get the same place") {
  World w;
  std::atomic<bool> good{true};
  std::vector<std::thread> threads;
  for (std::uint64_t i = 0; i < 3; ++i) {
    threads.emplace_back([&, i] {
      std::vector<std::pair<std::uint64_t*, ByteCount>> held;
      Random random(i);
      for (int op = 0; op < 3000; ++op) {
        if (held.size() < 20) {
          const ByteCount bytes = 128 * (random.below(8) + 1);
          auto* p = static_cast<std::uint64_t*>(w.metadata.allocate(w.os, bytes, 128));
          fill(p, bytes, i);
          held.push_back({p, bytes});
        } else {
          const std::size_t which = random.below(held.size());
          if (!is_intact(held[which].first, held[which].second, i)) good = false;
          w.metadata.free(held[which].first, held[which].second);
          held[which] = held.back();
          held.pop_back();
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(good.load());
}
