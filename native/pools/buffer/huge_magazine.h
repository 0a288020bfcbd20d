// A thread's magazine of free blocks beyond 2 MiB: a few that it released last, of any lengths, for
// JavaScript to lend again without a call.
//
// They are charged, and leased to the thread's owner, like blocks that callers have. What they may
// have together is a part of what the big cache may hold, which the heap sets aside for the thread
// (HugeBlocks::reserve): so there is a limit in blocks, which JavaScript can look at, by the
// longest of them. It grows with each block that the big cache has for the thread, and ends when
// the thread has not acquired any for a while.
#pragma once

#include <cstdint>

#include "pools/buffer/buffer_pool.h"
#include "pools/buffer/lease_magazines.h"

namespace superslab {

/// From its thread, but for what says otherwise.
class HugeMagazine {
 public:
  /// `owner`: whom the thread's blocks are leased to.
  HugeMagazine(BufferPool& pool, const SlabOwner& owner, LeaseMagazines& magazines)
      : pool_(pool), owner_(owner), magazines_(magazines) {}
  HugeMagazine(const HugeMagazine&) = delete;
  HugeMagazine& operator=(const HugeMagazine&) = delete;

  /// The thread has taken `block` from the heap. `is_reused`: one that was free, so that keeping it
  /// would have saved a call.
  void note_taken(const Superslab& block, bool is_reused);

  /// Sets the limit anew: after a block was taken, or the policy has changed.
  void set_limit();
  /// Lets nothing in any more, until a block is taken. Any thread.
  void shut();

  /// Gives the older half back, and what is beyond a limit that fell.
  void spill();
  /// Gives everything back, and what was set aside for it.
  void empty();
  /// The same if nothing was acquired since the last call.
  void trim_idle();
  /// Brings the heap's counters up to date.
  void fold();

  /// Any thread, as far as it can tell.
  std::uint32_t count() const;
  ByteCount bytes() const;

  /// Whether it holds free blocks of this heap's, each once. While its thread is at rest.
  bool is_valid() const;

 private:
  void give(std::uint32_t count);
  BlockNumber* blocks() const {
    return magazines_.blocks + LeaseMagazines::kHuge * kMagazineBlocks;
  }

  BufferPool& pool_;
  const SlabOwner& owner_;
  LeaseMagazines& magazines_;
  std::uint32_t wanted_ = 0;     // blocks
  ByteCount longest_ = 0;        // of the blocks that may come in
  ByteCount reserved_ = 0;       // of what the big cache may hold
  std::uint32_t folded_ = 0;     // part of `acquired` that is in the counters
  std::uint32_t last_look_ = 0;  // `acquired` when trim_idle() came last
};

}  // namespace superslab
