// How a pool reads books that others may change meanwhile.
#pragma once

#include "pools/mapped/mapped_pool.h"

namespace superslab::mapped {

/// Without the lock. What was read counts if no checkpoint has begun to write pages home since:
/// those pages are seen through the private mapping wherever this process has not changed them.
template <class Look>
Failure MappedPool::read_unlocked(Look look, bool* is_done) {
  const std::uint64_t homes = sharing_->homes();
  Failure failure = catch_up();
  if (failure.ok()) failure = look();
  *is_done = !needs_reload_ && !words_.is_damaged() && sharing_->homes() == homes;
  if (*is_done) return failure;
  if (words_.is_damaged()) needs_reload_ = true;
  static_cast<void>(words_.take_damage());
  return failure;
}

template <class Look>
Failure MappedPool::read(Look look) {
  constexpr int kAttempts = 8;
  if (is_closed()) return {Fault::kClosed};
  // It follows the others no more.
  if (shares() && !broken_.ok()) return broken_;
  Failure failure;
  bool is_done = !shares() || sharing_->holds_writer();
  if (is_done) failure = look();
  for (int i = 0; i < kAttempts && !is_done; ++i) failure = read_unlocked(look, &is_done);
  if (!is_done) {
    // The file is damaged, or others write more than this one can read: they have to wait.
    const Turn turn(*this);
    failure = lock_writer(lock_patience_);
    if (failure.ok()) failure = look();
  }
  if (const Failure lost = check_lost(); !lost.ok()) return lost;
  if (words_.is_damaged()) return break_by(words_.take_damage());
  return failure;
}

}  // namespace superslab::mapped
