// How much idle memory a heap keeps that nobody looks after in the background: what is idle beyond
// the bound goes back when it is freed.
//
// A program that frees and takes the same memory in a loop must not pay for it each time. It is a
// ski rental: memory that is taken again within the purge delay would better have been kept, and
// the bound rises by as much, so that a loop pays once. Memory that then lies unused for as long as
// the delay lowers the bound again.
#pragma once

#include <algorithm>

#include "base/counter.h"
#include "base/types.h"

namespace superslab {

/// A controller on bytes and times alone. The heap's lock guards it, but for earned().
class IdleBound {
 public:
  explicit IdleBound(ByteCount min) : min_(min) {}

  /// Most idle bytes beside `live` ones, where the process may have `room` for others beside them.
  /// Not of all that: stacks, page tables and what is no heap's come beside it too.
  ByteCount bytes(ByteCount live, ByteCount room = ~ByteCount{0}) const {
    const ByteCount usual = std::max(min_, live / 4) + earned();
    return std::min(usual, std::max(room - room / 8, kMinUnderLimit));
  }

  /// The part of it that reuse has earned. Any thread.
  ByteCount earned() const { return earned_.get(); }

  /// Of `all` bytes that there were, `bytes` went back because they were beyond the bound.
  void given_back(ByteCount bytes, ByteCount all, Nanos now) {
    max_ = std::max(max_, all);
    gone_ += bytes;
    gone_since_ = now;
  }

  /// Whether taken() has anything to look at.
  bool is_watching() const { return gone_ != 0; }

  /// `bytes` were taken from the operating system. Returns how many of them had gone back too soon.
  ByteCount taken(ByteCount bytes, Nanos now, Nanos delay) {
    if (now - gone_since_ > delay) {
      gone_ = 0;
      return 0;
    }
    const ByteCount again = std::min(bytes, gone_);
    gone_ -= again;
    // No loop takes more again than there was.
    earned_.set(std::min(earned() + again, max_));
    return again;
  }

  /// `bytes` were idle for as long as the delay.
  void lay_unused(ByteCount bytes) {
    earned_.set(earned() - std::min(earned(), bytes));
    if (earned() == 0) max_ = 0;
  }

 private:
  /// Less is not worth the system calls.
  static constexpr ByteCount kMinUnderLimit = kMiB;

  const ByteCount min_;
  ByteCount gone_ = 0;  // given back since, and not taken again
  Nanos gone_since_ = 0;
  ByteCount max_ = 0;  // that there was since nothing was earned
  Counter earned_;
};

}  // namespace superslab
