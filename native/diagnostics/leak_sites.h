// Where leaked leases were acquired, of the whole process: a worker's leaks outlive the worker.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/lock.h"
#include "base/types.h"
#include "pools/pool_figures.h"

namespace superslab {

/// Why nobody can release the buffer any more.
enum class LeakReason : std::uint8_t { kCollected, kThreadEnded };

/// Names a site. Pools of the same name have heaps of their own; the default pools of all threads
/// share one.
struct LeakSiteKey {
  HeapId heap;
  LeakReason reason;
  std::string_view tag;
  std::string_view stack;
};

struct LeakSite {
  HeapId heap = 0;
  LeakReason reason = LeakReason::kCollected;
  std::string pool_name;
  std::string tag;
  std::string stack;
  std::uint64_t count = 0;
  double estimated = 0;     // leases that these stand for, where only some are watched
  ByteCount bytes = 0;      // capacity of all of them
  ByteCount last_size = 0;  // length of the last
  double oldest_ms = 0;     // longest time from acquire to report
};

/// Leaks of one site at once.
struct Leak {
  std::string_view pool_name;
  std::uint64_t count;
  double estimated;
  ByteCount bytes;
  ByteCount size;
  double age_ms;
};

/// One for a process. Every function may be called from any thread.
class LeakSites {
 public:
  static LeakSites& of_process();

  /// Returns how many leaks the site has had, these included.
  std::uint64_t note(const LeakSiteKey& key, const Leak& leak);

  /// All of them, in no order.
  std::vector<LeakSite> copy();

  // A program that leaks everywhere, with a tag for each request or a pool for each, must not fill
  // memory with sites. Beyond so many a pool's are counted as one, without tag and stack; beyond
  // twice as many those of all further pools are.
  static constexpr std::size_t kMaxSites = 1024;
  static constexpr HeapId kNoHeap = ~HeapId{0};

 private:
  LeakSite& site_for(const LeakSiteKey& key, std::string_view pool_name) REQUIRES(lock_);

  Mutex lock_{LockRank::kLeakSites};
  std::unordered_map<std::string, LeakSite> sites_ GUARDED_BY(lock_);
};

}  // namespace superslab
