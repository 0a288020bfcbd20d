#include "addon/mistake_sites.h"

#include <algorithm>
#include <utility>

namespace superslab {

bool MistakeSite::is_like(const MistakeSite& other) const {
  return fault == other.fault && pool == other.pool && tag == other.tag &&
         noticed == other.noticed && acquired == other.acquired && released == other.released;
}

MistakeSites& MistakeSites::of_process() {
  static auto* sites = new MistakeSites;  // threads may end after static destructors ran
  return *sites;
}

std::uint64_t MistakeSites::note(MistakeSite mistake, double now_ms) {
  LockGuard guard(lock_);
  MistakeSite& site = site_for(mistake);
  if (site.count == 0) site.first_ms = now_ms;
  site.last_ms = now_ms;
  site.size = mistake.size;
  site.detail = std::move(mistake.detail);
  ++changes_;
  return ++site.count;
}

MistakeSite& MistakeSites::site_for(MistakeSite& mistake) {
  const auto known = [&] {
    return std::ranges::find_if(sites_,
                                [&](const MistakeSite& site) { return site.is_like(mistake); });
  };
  auto site = known();
  if (site != sites_.end()) return *site;
  if (!has_room_for(mistake.fault)) {
    mistake.tag = mistake.acquired = mistake.released = mistake.noticed = {};
    site = known();
    if (site != sites_.end()) return *site;
    if (sites_.size() >= 2 * kMostSites) {
      mistake.pool = kOtherPools;
      site = known();
      if (site != sites_.end()) return *site;
    }
  }
  MistakeSite fresh = mistake;
  fresh.count = 0;
  return sites_.emplace_back(std::move(fresh));
}

bool MistakeSites::has_room_for(const std::string& fault) const {
  if (sites_.size() < kMostSites) return true;
  return std::ranges::count(sites_, fault, &MistakeSite::fault) <
         std::ptrdiff_t{kLeastSitesOfFault};
}

std::vector<MistakeSite> MistakeSites::copy() {
  LockGuard guard(lock_);
  return sites_;
}

std::uint64_t MistakeSites::changes() {
  LockGuard guard(lock_);
  return changes_;
}

}  // namespace superslab
