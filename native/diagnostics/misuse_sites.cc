#include "diagnostics/misuse_sites.h"

#include <algorithm>
#include <utility>

namespace superslab {

bool MisuseSite::is_like(const MisuseSite& other) const {
  return kind == other.kind && pool == other.pool && tag == other.tag && noticed == other.noticed &&
         acquired == other.acquired && released == other.released;
}

MisuseSites& MisuseSites::of_process() {
  static auto* sites = new MisuseSites;  // threads may end after static destructors ran
  return *sites;
}

std::uint64_t MisuseSites::note(MisuseSite misuse, double now_ms) {
  LockGuard guard(lock_);
  MisuseSite& site = site_for(misuse);
  if (site.count == 0) site.first_ms = now_ms;
  site.last_ms = now_ms;
  site.size = misuse.size;
  site.detail = std::move(misuse.detail);
  ++changes_;
  return ++site.count;
}

MisuseSite& MisuseSites::site_for(MisuseSite& misuse) {
  const auto known = [&]() NO_THREAD_SAFETY_ANALYSIS {
    return std::ranges::find_if(sites_,
                                [&](const MisuseSite& site) { return site.is_like(misuse); });
  };
  auto site = known();
  if (site != sites_.end()) return *site;
  if (!has_room_for(misuse.kind)) {
    misuse.tag = misuse.acquired = misuse.released = misuse.noticed = {};
    site = known();
    if (site != sites_.end()) return *site;
    if (sites_.size() >= 2 * kMaxSites) {
      misuse.pool = kOtherPools;
      site = known();
      if (site != sites_.end()) return *site;
    }
  }
  MisuseSite fresh = misuse;
  fresh.count = 0;
  return sites_.emplace_back(std::move(fresh));
}

bool MisuseSites::has_room_for(const std::string& kind) const {
  if (sites_.size() < kMaxSites) return true;
  return std::ranges::count(sites_, kind, &MisuseSite::kind) < std::ptrdiff_t{kMinSitesOfKind};
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
