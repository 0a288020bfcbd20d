// Where misuse happened: what is one site, and what is counted together when there are many.

#include <string>
#include <vector>

#include "check.h"
#include "diagnostics/misuse_sites.h"

using namespace superslab;

namespace {

MisuseSite at(std::string noticed, ByteCount size = 100) {
  MisuseSite misuse;
  misuse.kind = "double-release";
  misuse.pool = "uploads";
  misuse.tag = "body";
  misuse.acquired = "at a";
  misuse.released = "at b";
  misuse.detail = "of " + std::to_string(size);
  misuse.noticed = std::move(noticed);
  misuse.size = size;
  return misuse;
}

}  // namespace

TEST(addon, "misuse of one kind at one place is counted together, with the last one's details") {
  MisuseSites sites;
  CHECK_EQ(sites.note(at("here", 100), 1000), 1u);
  CHECK_EQ(sites.note(at("here", 200), 3000), 2u);
  const std::vector<MisuseSite> all = sites.copy();
  CHECK_EQ(all.size(), 1u);
  CHECK_EQ(all[0].count, 2u);
  CHECK_EQ(all[0].size, 200u);
  CHECK_EQ(all[0].detail, std::string("of 200"));
  CHECK(all[0].first_ms == 1000 && all[0].last_ms == 3000);
}

TEST(addon, "kind, pool, tag and each stack tell cases apart") {
  MisuseSites sites;
  sites.note(at("here"), 1);
  std::string MisuseSite::*const fields[] = {&MisuseSite::kind,     &MisuseSite::pool,
                                             &MisuseSite::tag,      &MisuseSite::noticed,
                                             &MisuseSite::acquired, &MisuseSite::released};
  for (const auto field : fields) {
    MisuseSite other = at("here");
    other.*field += "!";
    CHECK_EQ(sites.note(other, 2), 1u);
  }
  CHECK_EQ(sites.copy().size(), 1 + std::size(fields));
}

TEST(addon, "beyond the limit a pool's misuse of a kind is one site, and all are counted") {
  MisuseSites sites;
  double now = 0;
  constexpr std::size_t kRounds = 3;
  constexpr std::size_t kPlaces = MisuseSites::kMaxSites + 72;
  for (std::size_t round = 1; round <= kRounds; ++round) {
    for (std::size_t i = 0; i < kPlaces; ++i) {
      const std::uint64_t count = sites.note(at(std::to_string(i)), ++now);
      if (i < MisuseSites::kMaxSites) CHECK_EQ(count, round);
    }
  }
  const std::vector<MisuseSite> all = sites.copy();
  CHECK_EQ(all.size(), MisuseSites::kMaxSites + 1);
  const MisuseSite& rest = all.back();
  CHECK_EQ(rest.count, 72 * kRounds);
  CHECK_EQ(rest.pool, std::string("uploads"));
  CHECK(rest.tag.empty() && rest.noticed.empty() && rest.acquired.empty() && rest.released.empty());
  CHECK(rest.first_ms == 129 && rest.last_ms == now);
  CHECK_EQ(sites.changes(), kPlaces * kRounds);
}

TEST(addon, "misuse that happens everywhere does not hide where rare misuse is") {
  MisuseSites sites;
  for (std::size_t i = 0; i < 2 * MisuseSites::kMaxSites; ++i) sites.note(at(std::to_string(i)), 1);
  for (std::size_t i = 0; i < MisuseSites::kMinSitesOfKind + 2; ++i) {
    MisuseSite rare = at("rare " + std::to_string(i));
    rare.kind = "overflow";
    CHECK_EQ(sites.note(rare, 2), i == MisuseSites::kMinSitesOfKind + 1 ? 2u : 1u);
  }
  std::size_t named = 0;
  for (const MisuseSite& site : sites.copy()) named += site.noticed.starts_with("rare");
  CHECK_EQ(named, MisuseSites::kMinSitesOfKind);
}

TEST(addon, "sites in any number of pools are of bounded number, and all counted") {
  MisuseSites sites;
  constexpr std::size_t kPools = 1000;
  for (std::size_t i = 0; i < kPools; ++i) {
    for (const char* kind : {"overflow", "foreign"}) {
      MisuseSite misuse = at("here");
      misuse.kind = kind;
      misuse.pool = "pool " + std::to_string(i);
      sites.note(misuse, 1);
    }
  }
  const std::vector<MisuseSite> known = sites.copy();
  std::uint64_t count = 0;
  for (const MisuseSite& site : known) count += site.count;
  CHECK_EQ(count, 2 * kPools);
  CHECK_EQ(known.size(), 2 * MisuseSites::kMaxSites + 2);
  CHECK_EQ(known.back().pool, std::string(MisuseSites::kOtherPools));
}
