// The frames of a page cache: which page each has, and what is done with it; and by which frame a
// page is found.
//
// A frame's state is one word. A thread pins a page that is there by changing the word alone, and
// so does whoever takes a page that nobody has pinned out of its frame, or writes it: each by
// compare and exchange. JavaScript maps the table, and pins by itself (lib/pools/page-cache).
//
// Chains and the numbers of pages are changed under the cache's lock. Who follows a chain without
// it may be led astray, and so looks at the number again once the page is pinned: a page that is
// pinned stays in its frame.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/types.h"

namespace superslab::pages {

/// Names a frame.
enum class FrameIndex : std::uint32_t {};
constexpr FrameIndex kNoFrame{UINT32_MAX};
constexpr std::uint32_t to_word(FrameIndex frame) { return static_cast<std::uint32_t>(frame); }

/// Counts the pages of a file from 0.
using PageNumber = std::uint32_t;
constexpr PageNumber kNoPage = UINT32_MAX;
constexpr PageNumber kMostPages = UINT32_MAX;

/// The word of a frame. One without kThere has no memory; one with nothing else is empty.
struct FrameState {
  static constexpr std::uint32_t kPins = 0xffff;      // how many
  static constexpr std::uint32_t kOneUse = 1u << 16;  // pins since the hand came by, up to kMostUse
  static constexpr std::uint32_t kUse = 7u << 16;     // (PostgreSQL's usage count)
  static constexpr std::uint32_t kThere = 1u << 19;   // it has memory
  static constexpr std::uint32_t kValid = 1u << 20;   // the page's bytes are in it
  static constexpr std::uint32_t kLoading = 1u << 21;  // they are to be read
  static constexpr std::uint32_t kReading = 1u << 22;  // the same, and somebody is at it
  static constexpr std::uint32_t kDirty = 1u << 23;    // they are newer than those of the file
  static constexpr std::uint32_t kCopying = 1u << 24;  // they are copied to be written: no new pins
  static constexpr std::uint32_t kWriting = 1u << 25;  // the copy is on its way to the file
  static constexpr std::uint32_t kDue = 1u << 26;      // a checkpoint waits for them: no new pins
  static constexpr std::uint32_t kNew = 1u << 27;      // it is one of NewPages
  static constexpr std::uint32_t kMostUse = 5;

  std::uint32_t word = 0;

  constexpr bool has(std::uint32_t bits) const { return (word & bits) == bits; }
  constexpr std::uint32_t pins() const { return word & kPins; }
  constexpr std::uint32_t use() const { return (word & kUse) / kOneUse; }
  /// Whether a page lies in it that nobody uses, reads or writes.
  constexpr bool is_at_rest() const {
    return has(kValid) && (word & (kPins | kCopying | kWriting)) == 0;
  }
  /// Whether a page lies in it that may be pinned by the word alone.
  constexpr bool may_be_pinned() const {
    return has(kValid) && (word & (kCopying | kDue)) == 0 && pins() != kPins;
  }
  /// The same with one more use, up to `most`.
  constexpr FrameState used(std::uint32_t most) const {
    return {use() < most ? word + kOneUse : word};
  }
};

class FrameTable {
 public:
  using Word = std::atomic<std::uint32_t>;

  /// nullptr without memory. `frames` is at least 1.
  static std::shared_ptr<FrameTable> make(std::uint32_t frames);

  std::uint32_t frames() const { return frames_; }
  std::uint32_t buckets() const { return 1u << (32 - bucket_shift_); }
  /// A page's chain begins in the bucket `number * kHash >> bucket_shift()`.
  unsigned bucket_shift() const { return bucket_shift_; }
  static constexpr std::uint32_t kHash = 0x9e3779b1;  // 2^32 divided by the golden ratio

  /// Rows of `frames()` words: states, numbers, the next of the same chain, turns, blocks; then the
  /// heads of the chains, of which there are buckets(). A frame that there is not ends a chain.
  void* words() const { return words_.get(); }
  ByteCount bytes() const { return (ByteCount{kRows} * frames_ + buckets()) * sizeof(Word); }

  Word& state(FrameIndex f) const { return row(0)[to_word(f)]; }
  Word& number(FrameIndex f) const { return row(1)[to_word(f)]; }
  /// In its chain, or in a list of frames without a page.
  Word& next(FrameIndex f) const { return row(2)[to_word(f)]; }
  /// Of the chain that the page would be in.
  FrameIndex first(PageNumber page) const {
    return FrameIndex{head(page).load(std::memory_order_relaxed)};
  }
  /// Another number whenever the frame's page is another.
  Word& turn(FrameIndex f) const { return row(3)[to_word(f)]; }
  /// What the owner of the frame's memory calls it.
  Word& block(FrameIndex f) const { return row(4)[to_word(f)]; }

  FrameState look(FrameIndex f) const { return {state(f).load(std::memory_order_acquire)}; }
  /// Whether the state was `from`, and is `to` now.
  bool change(FrameIndex f, FrameState from, FrameState to) const {
    return state(f).compare_exchange_strong(from.word, to.word, std::memory_order_acq_rel,
                                            std::memory_order_acquire);
  }
  void set(FrameIndex f, std::uint32_t bits) const {
    state(f).fetch_or(bits, std::memory_order_acq_rel);
  }
  void clear(FrameIndex f, std::uint32_t bits) const {
    state(f).fetch_and(~bits, std::memory_order_acq_rel);
  }

  // Under the cache's lock -----------------------------------------------------------------------

  FrameIndex find(PageNumber number) const;
  void link(FrameIndex f, PageNumber number);
  void unlink(FrameIndex f);

 private:
  static constexpr std::uint32_t kRows = 5;

  explicit FrameTable(std::uint32_t frames);
  Word* row(std::uint32_t i) const { return words_.get() + std::size_t{i} * frames_; }
  Word& head(PageNumber number) const { return row(kRows)[(number * kHash) >> bucket_shift_]; }

  const std::uint32_t frames_;
  unsigned bucket_shift_;
  std::unique_ptr<Word[]> words_;
};

static_assert(sizeof(FrameTable::Word) == sizeof(std::uint32_t) &&
              FrameTable::Word::is_always_lock_free);

}  // namespace superslab::pages
