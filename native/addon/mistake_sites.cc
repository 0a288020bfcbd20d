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
  auto site = std::ranges::find_if(
      sites_, [&](const MistakeSite& known) { return known.is_like(mistake); });
  if (site != sites_.end()) {
    site->size = mistake.size;
    site->detail = std::move(mistake.detail);
  } else {
    mistake.count = 0;
    mistake.first_ms = now_ms;
    if (sites_.size() < kMostSites) {
      site = sites_.insert(sites_.end(), std::move(mistake));
    } else {
      site = std::ranges::min_element(sites_, {}, &MistakeSite::last_ms);
      *site = std::move(mistake);
    }
  }
  site->last_ms = now_ms;
  return ++site->count;
}

std::vector<MistakeSite> MistakeSites::copy() {
  LockGuard guard(lock_);
  return sites_;
}

}  // namespace superslab
