// A pool of compressed values with hot blocks of its own: limits, eviction, refusals of memory, its
// end.
#include <string>

#include "check.h"
#include "compressed_fixture.h"
#include "pools/compressed/compressed_pool.h"

using namespace superslab;
using namespace superslab_test;

namespace {

using Fault = CompressedPool::Fault;

constexpr std::size_t kPage = 4096;

struct TestCompressedPool {
  TestSpace world{kTestArenas};
  ManualClock clock;
  std::unique_ptr<CompressedPool> pool;

  explicit TestCompressedPool(const CompressedPool::Options& options)
      : pool(std::make_unique<CompressedPool>(*world.space, clock, plain_policy(), options,
                                              "test")) {}
  CompressedPool* operator->() const { return pool.get(); }

  TierHandle put(const Bytes& value, Fault expected = Fault::kNone) {
    TierHandle handle = 0;
    const CompressedPool::Result result = pool->put(value.data(), value.size(), handle);
    is_as_expected &= result.fault == expected;
    return handle;
  }

  bool holds(TierHandle handle, const Bytes& value) {
    void* bytes = nullptr;
    ByteCount length = 0;
    if (pool->access(handle, bytes, length).fault != Fault::kNone) return false;
    const bool is_same = length == value.size() && std::memcmp(bytes, value.data(), length) == 0;
    return pool->release(handle).fault == Fault::kNone && is_same;
  }

  bool ends_clean() {
    pool->close();
    const bool is_empty = pool->heap().budget().is_empty() &&
                          pool->cold().heap().budget().is_empty() &&
                          pool->check() == PoolFault::kNone;
    pool.reset();
    world.close();
    return is_empty && world.is_balanced();
  }

  bool is_as_expected = true;
};

struct Evicted {
  std::vector<TierHandle> handles;
  static void note(TierHandle handle, ByteCount, void* context) {
    static_cast<Evicted*>(context)->handles.push_back(handle);
  }
};

}  // namespace

TEST(pools, "compressed: hot values make room by becoming cold, and come back") {
  if (!has_lz4()) SKIP("built without LZ4");
  TestCompressedPool test({.tiers = {.hot_bytes = 64 * kKiB}});
  CHECK(test.pool->open(9));
  std::vector<TierHandle> handles;
  for (unsigned i = 0; i < 100; ++i) handles.push_back(test.put(text_bytes(kPage, i)));
  CHECK(test.is_as_expected);
  CHECK(test->tiers().figures().cold_values > 80);
  CHECK(test->heap().budget().charged() <= 64 * kKiB);
  for (unsigned round = 0; round < 2; ++round)
    for (unsigned i = 0; i < 100; ++i) CHECK(test.holds(handles[i], text_bytes(kPage, i)));
  CHECK_EQ(test->count_pinned(), 0u);
  PoolFigures figures;
  test->stats({}, figures);
  CHECK_EQ(std::string(figures.name), "test");
  for (const TierHandle handle : handles) CHECK(test->free(handle).fault == Fault::kNone);
  CHECK(test.ends_clean());
}

TEST(pools, "compressed: where nothing can become cold there is no room, and a cache ends values") {
  TestCompressedPool plain({.tiers = {.hot_bytes = 64 * kKiB}});
  CHECK(plain.pool->open(9));
  for (unsigned i = 0; i < 16; ++i) CHECK(plain.put(random_bytes(kPage, i)) != 0);
  CHECK_EQ(plain.put(random_bytes(kPage, 99), Fault::kNoRoom), 0u);
  CHECK_EQ(plain.put(Bytes(65 * kKiB), Fault::kTooLarge), 0u);
  CHECK(plain.is_as_expected);
  CHECK(plain.ends_clean());

  Evicted evicted;
  TestCompressedPool cache({.tiers = {.hot_bytes = 64 * kKiB}, .hook = {Evicted::note, &evicted}});
  CHECK(cache.pool->open(9));
  std::vector<TierHandle> handles;
  for (unsigned i = 0; i < 50; ++i) handles.push_back(cache.put(random_bytes(kPage, i)));
  CHECK(cache.is_as_expected);
  CHECK_EQ(evicted.handles.size(), 34u);
  CHECK_EQ(cache->evicted(), 34u);
  CHECK(cache.holds(handles.back(), random_bytes(kPage, 49)));
  CHECK(!cache.holds(evicted.handles.front(), random_bytes(kPage, 0)));
  CHECK(cache.ends_clean());
}

TEST(pools, "compressed: a closed pool keeps what is pinned, and takes nothing") {
  TestCompressedPool test({.tiers = {.hot_bytes = 64 * kKiB}});
  CHECK(test.pool->open(9));
  const Bytes value = text_bytes(kPage, 1);
  const TierHandle pinned = test.put(value);
  const TierHandle other = test.put(value);
  void* bytes;
  ByteCount length;
  CHECK(test->access(pinned, bytes, length).fault == Fault::kNone);
  test->close();
  CHECK_EQ(test.put(value, Fault::kClosed), 0u);
  CHECK_EQ(test->free(other).value, TierFault::kStale);
  CHECK(std::memcmp(bytes, value.data(), kPage) == 0);
  CHECK_EQ(test->count_pinned(), 1u);
  CHECK(test->release(pinned).fault == Fault::kNone);
  CHECK(test->free(pinned).fault == Fault::kNone);
  CHECK(test.ends_clean());
}

TEST(pools, "compressed: each refusal of memory loses no value") {
  if (!has_lz4()) SKIP("built without LZ4");
  for (const auto lasts : {FakeOs::Lasts::kOnce, FakeOs::Lasts::kFromThenOn}) {
    for (std::uint64_t nth = 1; nth <= 16; ++nth) {
      const Context context("refusal " + std::to_string(nth));
      TestCompressedPool test({.tiers = {.hot_bytes = 256 * kKiB}});
      test.world.os.fail_nth(nth, OsStatus::kNoMemory, lasts);
      const bool is_open = test.pool->open(9);
      std::vector<std::pair<TierHandle, unsigned>> put;
      for (unsigned i = 0; is_open && i < 60; ++i) {
        const Bytes value = text_bytes(20'000, i);
        TierHandle handle;
        static_cast<void>(test->put(value.data(), value.size(), handle));
        if (handle != 0) put.push_back({handle, i});
      }
      test.world.os.fail_none();
      for (const auto& [handle, i] : put) CHECK(test.holds(handle, text_bytes(20'000, i)));
      CHECK(test.ends_clean());
    }
  }
}

TEST(pools, "compressed: the child of a fork finds values and books whole") {
  if (!has_lz4()) SKIP("built without LZ4");
  TestCompressedPool test({.tiers = {.hot_bytes = 64 * kKiB}});
  CHECK(test.pool->open(9));
  std::vector<TierHandle> handles;
  for (unsigned i = 0; i < 60; ++i) handles.push_back(test.put(text_bytes(kPage, i)));
  CHECK(!test->survive_fork(nullptr, false));
  for (unsigned i = 0; i < 60; ++i) CHECK(test.holds(handles[i], text_bytes(kPage, i)));
  CHECK(test.ends_clean());
}
