// The lock of a shard, for as long as one lives. It outlives the death of its holder.
//
// Not a robust mutex of the C library: that keeps a list of pointers in the very memory that others
// may damage, and waits for ever for a holder that never was. This one is a word, which whoever
// finds its holder dead takes over.
#pragma once

#include "pools/shared_cache/members.h"

namespace superslab::shared_cache {

class ShardLock {
 public:
  enum class State : std::uint8_t {
    kLocked,
    kOwnerDied,  // locked; the holder died within
    kBusy,       // the holder lives, and did not go on for half a second
  };

  /// `stopped`: the holder for whom this member has waited in vain; kept between locks of a shard.
  ShardLock(Word& word, const Members& members, std::uint64_t& stopped);
  ~ShardLock();
  ShardLock(const ShardLock&) = delete;
  ShardLock& operator=(const ShardLock&) = delete;

  State state() const { return state_; }

 private:
  bool try_take(std::uint64_t from);

  Word& word_;
  const Members& members_;
  State state_ = State::kBusy;
};

}  // namespace superslab::shared_cache
