// Where leaked leases were acquired, of the whole process: a worker's leaks outlive the worker.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/lock.h"
#include "base/types.h"
#include "runtime/heap_figures.h"

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

  /// Calls visit(const LeakSite&) for each, in no order, under the lock.
  template <class Visit>
  void for_each(Visit visit) {
    LockGuard guard(lock_);
    for (const auto& [key, site] : sites_) visit(site);
  }

 private:
  // A program that leaks everywhere must not fill memory with stacks: what comes after is counted
  // as one more site of its pool, without a stack.
  static constexpr std::size_t kMostSites = 1024;

  Mutex lock_{LockRank::kLeakSites};
  std::unordered_map<std::string, LeakSite> sites_;
};

}  // namespace superslab
