// Pages that came in lately and have not yet shown that they are used again, oldest first; and
// which such pages went not long ago.
//
// Most pages that come in are not used again before they would go. Where those have a tenth of the
// frames to pass through, the others stay longer; and a page that comes back soon after it went is
// no such page (S3-FIFO: J. Yang et al., "FIFO queues are all you need for cache eviction", SOSP
// 2023).
#pragma once

#include <memory>

#include "pools/page_cache/frame_table.h"

namespace superslab::pages {

/// Under the cache's lock.
class NewPages {
 public:
  /// False without memory.
  bool make(std::uint32_t frames);

  /// Whether there are any: a small cache has too few frames to set some apart.
  bool is_used() const { return most_ != 0; }
  /// Whether the oldest are to go before other pages do.
  bool is_full() const { return count_ > most_; }
  std::uint32_t count() const { return count_; }
  /// kNoFrame when there is none.
  FrameIndex oldest() const { return count_ == 0 ? kNoFrame : after(end_); }
  /// The next younger one; kNoFrame after the youngest.
  FrameIndex younger(FrameIndex frame) const {
    const FrameIndex next = after(frame);
    return next == end_ ? kNoFrame : next;
  }

  /// The frame's page is the youngest.
  void add(FrameIndex frame);
  /// The frame's page is no new one any more.
  void remove(FrameIndex frame);

  /// A new page goes.
  void note_gone(PageNumber page) { gone(page) = page; }
  /// Whether the page went not long ago. It did no more then.
  bool take_gone(PageNumber page);

 private:
  struct Link {
    FrameIndex before = kNoFrame;
    FrameIndex after = kNoFrame;
  };
  FrameIndex after(FrameIndex frame) const { return links_[to_word(frame)].after; }
  /// Pages that share the place drive each other out: those that went long ago are forgotten so.
  PageNumber& gone(PageNumber page) { return gone_[(page * FrameTable::kHash) >> gone_shift_]; }

  std::uint32_t most_ = 0;
  std::uint32_t count_ = 0;
  FrameIndex end_ = kNoFrame;      // a link that is no frame's, between the youngest and the oldest
  std::unique_ptr<Link[]> links_;  // by frame
  unsigned gone_shift_ = 0;
  std::unique_ptr<PageNumber[]> gone_;
};

}  // namespace superslab::pages
