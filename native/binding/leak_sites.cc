#include "binding/leak_sites.h"

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
  std::string name = text_of(key);
  std::string_view stack = key.stack;
  if (sites_.size() >= kMostSites && sites_.count(name) == 0) {
    stack = {};
    name = text_of({key.heap, key.reason, key.tag, stack});
  }
  LeakSite& site = sites_[name];
  if (site.count == 0) {
    site.heap = key.heap;
    site.reason = key.reason;
    site.pool_name = leak.pool_name;
    site.tag = key.tag;
    site.stack = stack;
  }
  site.count += leak.count;
  site.estimated += leak.estimated;
  site.bytes += leak.bytes;
  site.last_size = leak.size;
  site.oldest_ms = std::max(site.oldest_ms, leak.age_ms);
  return site.count;
}

}  // namespace superslab
