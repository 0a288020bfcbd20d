// Threads that read, end and compress the values of one pool at once.
#include <atomic>
#include <thread>

#include "check.h"
#include "compressed_fixture.h"
#include "runtime/cooler.h"

using namespace superslab;
using namespace superslab_test;

TEST(pools, "compressed: threads that pin, free and compress lose nothing") {
  if (!has_lz4()) SKIP("built without LZ4");
  TestTiers test({.hot_bytes = 64 * kKiB});
  CHECK(test.open());
  std::atomic<bool> is_done{false};
  std::atomic<unsigned> wrong{0};
  std::thread cooling([&] {
    ByteCount freed;
    while (!is_done) {
      static_cast<void>(test.tiers->cool_one(freed));
      test.tiers->tick();
    }
  });
  std::vector<std::thread> users;
  for (unsigned user = 0; user < 3; ++user) {
    users.emplace_back([&, user] {
      std::mt19937 random(user);
      std::vector<std::pair<TierHandle, unsigned>> own;
      for (unsigned step = 0; step < 4000; ++step) {
        const unsigned seed = user * 100'000 + step;
        if (own.size() < 20 || random() % 3 == 0)
          own.push_back({test.put(text_bytes(500 + seed % 3000, seed)), seed});
        const std::size_t at = random() % own.size();
        const auto [handle, made_of] = own[at];
        Bytes got;
        if (test.read(handle, got) != TierFault::kNone ||
            got != text_bytes(500 + made_of % 3000, made_of))
          ++wrong;
        if (own.size() < 40 && random() % 2 == 0) continue;
        if (test.tiers->free(handle) != TierFault::kNone) ++wrong;
        own.erase(own.begin() + static_cast<std::ptrdiff_t>(at));
      }
      for (const auto& [handle, made_of] : own)
        if (test.tiers->free(handle) != TierFault::kNone) ++wrong;
    });
  }
  for (std::thread& user : users) user.join();
  is_done = true;
  cooling.join();
  CHECK_EQ(wrong.load(), 0u);
  CHECK_EQ(test.tiers->figures().hot_values + test.tiers->figures().cold_values, 0u);
  CHECK(test.ends_clean());
}

TEST(pools, "compressed: in the background hot values shrink to their watermark, within a share") {
  if (!has_lz4()) SKIP("built without LZ4");
  TestTiers test({.hot_bytes = 1 << 20, .watermark = 0.5});
  CHECK(test.open());
  Cooler cooler(*test.tiers, 0.5);
  std::vector<TierHandle> handles;
  for (unsigned i = 0; i < 250; ++i) handles.push_back(test.put(text_bytes(4096, i)));
  cooler.nudge();
  for (unsigned i = 0; i < 5000 && test.tiers->is_warm(); ++i) {
    timespec rest{0, 1'000'000};
    nanosleep(&rest, nullptr);
  }
  CHECK(!test.tiers->is_warm());
  cooler.stop();
  CHECK(cooler.cpu() > 0);
  CHECK(test.tiers->contradiction() == nullptr);
  CHECK(test.ends_clean());
}

TEST(pools, "compressed: a pool may end while its thread is at work, or before it ever was") {
  if (!has_lz4()) SKIP("built without LZ4");
  for (unsigned round = 0; round < 20; ++round) {
    TestTiers test({.hot_bytes = 64 * kKiB, .watermark = 0.1});
    CHECK(test.open());
    Cooler cooler(*test.tiers, round % 2 == 0 ? 1 : 0.01);
    for (unsigned i = 0; i < 100; ++i) static_cast<void>(test.put(text_bytes(2000, i)));
    if (round != 0) cooler.nudge();
    cooler.stop();
    cooler.nudge();
    CHECK(test.ends_clean());
  }
}
