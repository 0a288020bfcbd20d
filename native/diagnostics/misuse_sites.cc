#include "diagnostics/misuse_sites.h"

#include <algorithm>
#include <utility>

namespace superslab {

bool MisuseSite::is_like(const MisuseSite& other) const {
  return fault == other.fault && pool == other.pool && tag == other.tag &&
         noticed == other.noticed && acquired == other.acquired && released == other.released;
}

MisuseSites& MisuseSites::of_process() {
  static auto* sites = new MisuseSites;  // threads may end after static destructors ran
  return *sites;
}

std::uint64_t MisuseSites::note(MisuseSite mistake, double now_ms) {
  LockGuard guard(lock_);
  MisuseSite& site = site_for(mistake);
  if (site.count == 0) site.first_ms = now_ms;
  site.last_ms = now_ms;
  site.size = mistake.size;
  site.detail = std::move(mistake.detail);
  ++changes_;
  return ++site.count;
}

MisuseSite& MisuseSites::site_for(MisuseSite& mistake) {
  const auto known = [&]() NO_THREAD_SAFETY_ANALYSIS {
    return std::ranges::find_if(sites_,
                                [&](const MisuseSite& site) { return site.is_like(mistake); });
  };
  auto site = known();
  if (site != sites_.end()) return *site;
  if (!has_room_for(mistake.fault)) {
    mistake.tag = mistake.acquired = mistake.released = mistake.noticed = {};
    site = known();
    if (site != sites_.end()) return *site;
    if (sites_.size() >= 2 * kMaxSites) {
      mistake.pool = kOtherPools;
      site = known();
      if (site != sites_.end()) return *site;
    }
  }
  MisuseSite fresh = mistake;
  fresh.count = 0;
  return sites_.emplace_back(std::move(fresh));
}

bool MisuseSites::has_room_for(const std::string& fault) const {
  if (sites_.size() < kMaxSites) return true;
  return std::ranges::count(sites_, fault, &MisuseSite::fault) < std::ptrdiff_t{kMinSitesOfFault};
}

std::vector<MisuseSite> MisuseSites::copy() {
  LockGuard guard(lock_);
  return sites_;
}

std::uint64_t MisuseSites::changes() {
  LockGuard guard(lock_);
  return changes_;
}

}  // namespace superslab
