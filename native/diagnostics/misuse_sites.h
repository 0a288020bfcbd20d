// Misuse of buffers that the guards and the always-on checks found, of the whole process: the
// page and the command line show those of workers too.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/lock.h"
#include "base/types.h"

namespace superslab {

/// Misuse of one kind at one place.
struct MisuseSite {
  std::string kind;
  std::string pool;  // empty for what is no buffer of a pool
  std::string tag;
  std::string acquired;  // stacks; empty when none was taken
  std::string released;
  std::string noticed;
  std::string detail;  // of the last one
  ByteCount size = 0;  // likewise
  std::uint64_t count = 0;
  double first_ms = 0;  // since 1970
  double last_ms = 0;

  /// Whether `other` is of the same kind and place.
  bool is_like(const MisuseSite& other) const;
};

/// One for a process. Every function may be called from any thread.
class MisuseSites {
 public:
  static MisuseSites& of_process();

  /// Counts one case, described by a site without counts, that happened at `now_ms`. Returns how
  /// many the site has had, this one included.
  std::uint64_t note(MisuseSite misuse, double now_ms);

  /// All of them, in no order.
  std::vector<MisuseSite> copy();

  /// Grows with each case: who has copied them can tell whether they are the same still.
  std::uint64_t changes();

  // They go to a page when they change, so they are few; but none is forgotten, and no case goes
  // uncounted. Beyond so many, those of a pool that are of one kind are one site, without tag and
  // stacks; beyond twice as many, those of all further pools are.
  static constexpr std::size_t kMaxSites = 128;
  // So many of each kind have a site of their own all the same: misuse that happens everywhere
  // must not hide where a rare one is.
  static constexpr std::size_t kMinSitesOfKind = 8;
  static constexpr const char* kOtherPools = "(other pools)";

 private:
  /// The site that `misuse` counts for; leaves out of it what that one does not tell apart. Under
  /// the lock.
  MisuseSite& site_for(MisuseSite& misuse) REQUIRES(lock_);
  bool has_room_for(const std::string& kind) const REQUIRES(lock_);

  Mutex lock_{LockRank::kMisuseSites};
  std::vector<MisuseSite> sites_ GUARDED_BY(lock_);
  std::uint64_t changes_ GUARDED_BY(lock_) = 0;
};

}  // namespace superslab
