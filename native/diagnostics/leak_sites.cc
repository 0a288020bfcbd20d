#include "diagnostics/leak_sites.h"

#include <algorithm>

namespace superslab {
namespace {

std::string text_of(const LeakSiteKey& key) {
  std::string text = std::to_string(key.heap);
  text += key.reason == LeakReason::kCollected ? 'c' : 't';
  // No tag has this character: they are printable.
  text.append(key.tag).append(1, '\n').append(key.stack);
  return text;
}

}  // namespace

LeakSites& LeakSites::of_process() {
  static auto* sites = new LeakSites;  // threads may end after static destructors ran
  return *sites;
}

std::uint64_t LeakSites::note(const LeakSiteKey& key, const Leak& leak) {
  LockGuard guard(lock_);
  LeakSite& site = site_for(key, leak.pool_name);
  site.count += leak.count;
  site.estimated += leak.estimated;
  site.bytes += leak.bytes;
  site.last_size = leak.size;
  site.oldest_ms = std::max(site.oldest_ms, leak.age_ms);
  return site.count;
}

LeakSite& LeakSites::site_for(const LeakSiteKey& key, std::string_view pool_name) {
  const auto known = sites_.find(text_of(key));
  if (known != sites_.end()) return known->second;
  LeakSiteKey kept = key;
  if (sites_.size() >= kMaxSites) {
    kept.tag = kept.stack = {};
    const auto rest = sites_.find(text_of(kept));
    if (rest != sites_.end()) return rest->second;
    if (sites_.size() >= 2 * kMaxSites) {
      kept.heap = kNoHeap;
      pool_name = "(other pools)";
    }
  }
  LeakSite& site = sites_[text_of(kept)];
  site.heap = kept.heap;
  site.reason = kept.reason;
  site.pool_name = pool_name;
  site.tag = kept.tag;
  site.stack = kept.stack;
  return site;
}

std::vector<LeakSite> LeakSites::copy() {
  LockGuard guard(lock_);
  std::vector<LeakSite> out;
  out.reserve(sites_.size());
  for (const auto& [key, site] : sites_) out.push_back(site);
  return out;
}

}  // namespace superslab
