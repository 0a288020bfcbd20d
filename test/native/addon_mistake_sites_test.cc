// Where mistakes were made: what is one site, and which one makes room.

#include <string>
#include <vector>

#include "addon/mistake_sites.h"
#include "check.h"

using namespace superslab;

namespace {

MistakeSite at(std::string noticed, ByteCount size = 100) {
  MistakeSite mistake;
  mistake.fault = "double-release";
  mistake.pool = "uploads";
  mistake.tag = "body";
  mistake.acquired = "at a";
  mistake.released = "at b";
  mistake.detail = "of " + std::to_string(size);
  mistake.noticed = std::move(noticed);
  mistake.size = size;
  return mistake;
}

}  // namespace

TEST(addon, "mistakes of one kind at one place are counted together, with the last one's details") {
  MistakeSites sites;
  CHECK_EQ(sites.note(at("here", 100), 1000), 1u);
  CHECK_EQ(sites.note(at("here", 200), 3000), 2u);
  const std::vector<MistakeSite> all = sites.copy();
  CHECK_EQ(all.size(), 1u);
  CHECK_EQ(all[0].count, 2u);
  CHECK_EQ(all[0].size, 200u);
  CHECK_EQ(all[0].detail, std::string("of 200"));
  CHECK(all[0].first_ms == 1000 && all[0].last_ms == 3000);
}

TEST(addon, "fault, pool, tag and each stack tell mistakes apart") {
  MistakeSites sites;
  sites.note(at("here"), 1);
  std::string MistakeSite::*const fields[] = {&MistakeSite::fault,    &MistakeSite::pool,
                                              &MistakeSite::tag,      &MistakeSite::noticed,
                                              &MistakeSite::acquired, &MistakeSite::released};
  for (const auto field : fields) {
    MistakeSite other = at("here");
    other.*field += "!";
    CHECK_EQ(sites.note(other, 2), 1u);
  }
  CHECK_EQ(sites.copy().size(), 1 + std::size(fields));
}

TEST(addon, "beyond the limit the site that was quiet for longest makes room") {
  MistakeSites sites;
  double now = 0;
  for (std::size_t i = 0; i < MistakeSites::kMostSites; ++i)
    CHECK_EQ(sites.note(at(std::to_string(i)), ++now), 1u);
  CHECK_EQ(sites.note(at("0"), ++now), 2u);  // the oldest, but not quiet
  CHECK_EQ(sites.note(at("new"), ++now), 1u);
  CHECK_EQ(sites.copy().size(), MistakeSites::kMostSites);
  CHECK_EQ(sites.note(at("0"), ++now), 3u);
  CHECK_EQ(sites.note(at("1"), ++now), 1u);  // it had been forgotten
  for (const MistakeSite& site : sites.copy()) CHECK(site.noticed != "2");
}
