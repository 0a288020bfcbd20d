// A shard while this member may write to it. Whoever finds that the holder before died, or that the
// shard contradicts itself, repairs it first.
#pragma once

#include "pools/shared_cache/shard.h"
#include "pools/shared_cache/shard_lock.h"

namespace superslab::shared_cache {

class LockedShard {
 public:
  explicit LockedShard(Shard& shard);

  bool is_locked() const { return lock_.state() != ShardLock::State::kBusy; }

  /// Walks all of the shard. Slots that name no value are emptied; a ring that contradicts itself
  /// is.
  ShardCheck repair() const;

 private:
  bool walk_ring() const;
  bool names_value(const Word& slot, std::uint64_t word, Record* record) const;
  void check_slots(ShardCheck* check) const;

  Shard& shard_;
  const ShardLock lock_;
};

}  // namespace superslab::shared_cache
