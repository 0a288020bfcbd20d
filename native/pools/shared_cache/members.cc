#include "pools/shared_cache/members.h"

#include <algorithm>

namespace superslab::shared_cache {
namespace {

template <class Visit>
void for_each_counter(Counters& counters, Visit visit) {
  auto* const first = reinterpret_cast<std::atomic<double>*>(&counters);
  for (std::size_t i = 0; i < kCounters; ++i) visit(i, first[i]);
}

/// What somebody else wrote may be no number at all.
double sane(double count) { return count >= 0 && count < 9e15 ? count : 0; }

}  // namespace

/// With the page's lock held: nobody has it.
void Members::empty(std::size_t index) {
  Member& gone = member(index);
  marks().marks[index].store(0, std::memory_order_seq_cst);
  auto* const former = reinterpret_cast<std::atomic<double>*>(&header().former);
  for_each_counter(gone.counters, [&](std::size_t i, std::atomic<double>& count) {
    const double was = sane(count.exchange(0, std::memory_order_relaxed));
    if (was != 0) former[i].fetch_add(was, std::memory_order_relaxed);
  });
  for (Pin& pin : gone.pins) pin.start.store(0, std::memory_order_relaxed);
  gone.pid.store(0, std::memory_order_relaxed);
}

FileError Members::join(std::uint32_t pid) {
  FileError error{FileStatus::kLocked, 0};
  for (std::size_t index = 0; index < kMaxMembers && error.status == FileStatus::kLocked; ++index) {
    error = file_.lock_byte(kFirstLock + index, FileLock::kExclusive);
    if (!error.ok()) continue;
    empty(index);
    // Never 0, and hardly ever one that a lock still has from a member that died long ago.
    const std::uint32_t incarnation =
        static_cast<std::uint32_t>(
            header().next_incarnation.fetch_add(1, std::memory_order_relaxed)) |
        0x80000000u;
    index_ = index;
    own_word_ = std::uint64_t{incarnation} << 32 | (index + 1);
    own().pid.store(pid, std::memory_order_relaxed);
    own().incarnation.store(incarnation, std::memory_order_release);
    marks().marks[index].store(1, std::memory_order_seq_cst);
  }
  return error;
}

void Members::leave() {
  if (index_ == kNone) return;
  empty(index_);
  static_cast<void>(file_.unlock_byte(kFirstLock + index_));
  index_ = kNone;
  own_word_ = 0;
}

bool Members::is_alive(std::uint64_t word) const {
  const std::uint64_t index = (word & UINT32_MAX) - 1;
  if (index >= kMaxMembers) return false;
  const auto incarnation = static_cast<std::uint32_t>(word >> 32);
  return member(index).incarnation.load(std::memory_order_acquire) == incarnation && lives(index);
}

bool Members::reap(std::size_t index) {
  if (lives(index) || !file_.lock_byte(kFirstLock + index, FileLock::kExclusive).ok()) return false;
  empty(index);
  static_cast<void>(file_.unlock_byte(kFirstLock + index));
  return true;
}

/// Calls visit(range) for each pin of a member that has a part of [from, to).
template <class Visit>
void Members::for_each_pin(std::size_t index, std::uint64_t from, std::uint64_t to,
                           Visit visit) const {
  const std::size_t count =
      std::min<std::size_t>(marks().marks[index].load(std::memory_order_seq_cst), Member::kPins);
  for (std::size_t i = 0; i < count; ++i) {
    const Pin& pin = member(index).pins[i];
    const std::uint64_t start = pin.start.load(std::memory_order_seq_cst);
    const std::uint64_t end = start + pin.granules.load(std::memory_order_seq_cst);
    if (start != 0 && start < to && end > from) visit(PinnedRange{start, end});
  }
}

PinnedRange Members::first_pinned(std::uint64_t from, std::uint64_t to) {
  // A writer has taken the values from the index before, and a reader looks at the index again
  // after it has set its pin. With both in the one order of sequential consistency, either the
  // reader sees that the value is gone, or its pin is seen here.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  PinnedRange first;
  for (std::size_t index = 0; index < kMaxMembers; ++index) {
    PinnedRange found;
    for_each_pin(index, from, to, [&](PinnedRange pin) {
      if (found.is_empty() || pin.from < found.from) found = pin;
    });
    if (found.is_empty() || reap(index)) continue;
    if (first.is_empty() || found.from < first.from) first = found;
  }
  // A pin that a reader is about to take back, as the value is gone, may begin before one that
  // counts, and end within that: so a range ends where no pin goes on.
  for (std::uint64_t end = 0; !first.is_empty() && first.to < to && end != first.to;) {
    end = first.to;
    for (std::size_t index = 0; index < kMaxMembers; ++index) {
      for_each_pin(index, end - 1, end,
                   [&](PinnedRange pin) { first.to = std::max(first.to, pin.to); });
    }
  }
  return first;
}

void Members::sum_counters(double (&sums)[kCounters]) const {
  std::fill_n(sums, kCounters, 0);
  const auto add = [&](std::size_t i, std::atomic<double>& count) {
    sums[i] += sane(count.load(std::memory_order_relaxed));
  };
  for_each_counter(header().former, add);
  for (std::size_t index = 0; index < kMaxMembers; ++index)
    for_each_counter(member(index).counters, add);
}

std::size_t Members::count() const {
  std::size_t count = 0;
  for (std::size_t index = 0; index < kMaxMembers; ++index) {
    const bool joined = member(index).incarnation.load(std::memory_order_relaxed) != 0;
    if (joined && lives(index)) ++count;
  }
  return count;
}

}  // namespace superslab::shared_cache
