// Where leaks were acquired: what is one site, and that there is a limit to them.

#include <algorithm>
#include <string>
#include <thread>
#include <vector>

#include "check.h"
#include "diagnostics/leak_sites.h"

using namespace superslab;
using namespace superslab_test;

namespace {

constexpr LeakSiteKey kHere{1, LeakReason::kCollected, "body", "at here"};
constexpr Leak kOne{"uploads", 1, 1, 2048, 1500, 10};

/// The only site that `fits`; one without a leak when there is none, or several.
template <class Fits>
LeakSite only(LeakSites& sites, Fits fits) {
  const std::vector<LeakSite> all = sites.copy();
  if (std::count_if(all.begin(), all.end(), fits) != 1) return {};
  return *std::find_if(all.begin(), all.end(), fits);
}

std::uint64_t leaks_of(const std::vector<LeakSite>& all) {
  std::uint64_t sum = 0;
  for (const LeakSite& site : all) sum += site.count;
  return sum;
}

}  // namespace

TEST(addon,
     "leaks of one site are counted together, and the last one's size and the highest age stay") {
  LeakSites sites;
  CHECK_EQ(sites.note(kHere, kOne), 1u);
  CHECK_EQ(sites.note(kHere, {"uploads", 3, 384, 6144, 700, 40}), 4u);
  CHECK_EQ(sites.note(kHere, {"uploads", 1, 128, 2048, 900, 5}), 5u);
  const std::vector<LeakSite> all = sites.copy();
  CHECK_EQ(all.size(), 1u);
  CHECK_EQ(all[0].heap, 1u);
  CHECK_EQ(all[0].pool_name, std::string("uploads"));
  CHECK_EQ(all[0].tag, std::string("body"));
  CHECK_EQ(all[0].stack, std::string("at here"));
  CHECK(all[0].reason == LeakReason::kCollected);
  CHECK_EQ(all[0].count, 5u);
  CHECK_EQ(all[0].bytes, 2048u + 6144 + 2048);
  CHECK_EQ(all[0].last_size, 900u);
  CHECK(all[0].estimated == 1 + 384 + 128);
  CHECK(all[0].oldest_ms == 40);
}

TEST(addon, "heap, reason, tag and stack tell sites apart; a pool's name does not") {
  LeakSites sites;
  sites.note(kHere, kOne);
  sites.note({2, LeakReason::kCollected, "body", "at here"}, kOne);
  sites.note({1, LeakReason::kThreadEnded, "body", "at here"}, kOne);
  sites.note({1, LeakReason::kCollected, "head", "at here"}, kOne);
  sites.note({1, LeakReason::kCollected, "body", "at there"}, kOne);
  // Nothing runs into its neighbour.
  sites.note({1, LeakReason::kCollected, "", "body\nat here"}, kOne);
  sites.note({11, LeakReason::kCollected, "body", "at here"}, kOne);
  CHECK_EQ(sites.copy().size(), 7u);
  CHECK_EQ(sites.note(kHere, {"another name", 1, 1, 1, 1, 1}), 2u);
  CHECK_EQ(sites.copy().size(), 7u);
}

TEST(addon, "beyond the limit a pool's new sites are one, and known ones are counted as before") {
  LeakSites sites;
  for (std::size_t i = 0; i < LeakSites::kMaxSites; ++i)
    CHECK_EQ(sites.note({1, LeakReason::kCollected, "", std::to_string(i)}, kOne), 1u);
  CHECK_EQ(sites.copy().size(), LeakSites::kMaxSites);
  CHECK_EQ(sites.note({1, LeakReason::kCollected, "tag", "new"}, kOne), 1u);
  CHECK_EQ(sites.note({1, LeakReason::kCollected, "other", "newer"}, kOne), 2u);
  CHECK_EQ(sites.note({1, LeakReason::kCollected, "", "7"}, kOne), 2u);
  const LeakSite rest = only(sites, [](const LeakSite& s) { return s.stack.empty(); });
  CHECK_EQ(rest.count, 2u);
  CHECK_EQ(rest.heap, 1u);
  CHECK_EQ(rest.tag, std::string());
  CHECK_EQ(rest.pool_name, std::string("uploads"));
  // Of another pool, and for another reason, it is another one.
  CHECK_EQ(sites.note({2, LeakReason::kCollected, "", "x"}, kOne), 1u);
  CHECK_EQ(sites.note({1, LeakReason::kThreadEnded, "", "x"}, kOne), 1u);
  CHECK_EQ(sites.copy().size(), LeakSites::kMaxSites + 3);
}

TEST(addon, "a pool for each leak fills no memory, and no leak is forgotten") {
  LeakSites sites;
  constexpr HeapId kPools = 5000;
  for (HeapId heap = 1; heap <= kPools; ++heap) {
    for (const LeakReason reason : {LeakReason::kCollected, LeakReason::kThreadEnded})
      sites.note({heap, reason, "tag", "stack"}, kOne);
  }
  const std::vector<LeakSite> all = sites.copy();
  CHECK_EQ(all.size(), 2 * LeakSites::kMaxSites + 2);  // one rest a reason
  CHECK_EQ(leaks_of(all), 2u * kPools);
  const LeakSite rest = only(sites, [](const LeakSite& s) {
    return s.heap == LeakSites::kNoHeap && s.reason == LeakReason::kCollected;
  });
  CHECK_EQ(rest.pool_name, std::string("(other pools)"));
  CHECK_EQ(rest.count, kPools - LeakSites::kMaxSites);
}

TEST(addon, "threads that note leaks at once lose none") {
  LeakSites sites;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&sites, t] {
      for (int i = 0; i < 1000; ++i)
        sites.note({1, LeakReason::kCollected, "", std::to_string((i + t) % 8)}, kOne);
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK_EQ(sites.copy().size(), 8u);
  CHECK_EQ(leaks_of(sites.copy()), 4000u);
}
