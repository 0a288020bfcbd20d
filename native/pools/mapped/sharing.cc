#include "pools/mapped/sharing.h"

#include <algorithm>
#include <bit>

#include "os/shared_wait.h"

namespace superslab::mapped {
namespace {

constexpr int kSpins = 64;
/// Whoever waits looks so often whether the holder has died, of which nobody tells.
constexpr Nanos kLook = 20 * kMillisecond;
/// A holder that is no member: it is not alive.
constexpr std::uint64_t kAbandoned = std::uint64_t{1} << 32;

constexpr std::uint64_t bit_of(std::size_t index) { return std::uint64_t{1} << index; }

}  // namespace

void Sharing::raise(SharedWord& word, std::uint64_t to) {
  std::uint64_t was = word.load(std::memory_order_relaxed);
  while (was < to && !word.compare_exchange_weak(was, to, std::memory_order_release)) {
  }
}

// Members.

void Sharing::format(std::uint64_t boot, SyncLevel promise, const JournalPlace& place) {
  SharedState& own_state = state();
  for (SharedWord* word :
       {&own_state.joined, &own_state.writer, &own_state.homes, &own_state.applied,
        &own_state.durable, &own_state.wanted, &own_state.changes, &own_state.failed})
    word->store(0, std::memory_order_relaxed);
  own_state.waiters.store(0, std::memory_order_relaxed);
  for (std::size_t index = 0; index < kMaxMembers; ++index) empty(index);
  own_state.promise.store(static_cast<std::uint64_t>(promise), std::memory_order_relaxed);
  own_state.durable.store(place.sequence - 1, std::memory_order_relaxed);
  own_state.applied.store(place.sequence - 1, std::memory_order_relaxed);
  publish(place);
  own_state.boot.store(boot, std::memory_order_relaxed);
  own_state.magic.store(kSharedMagic, std::memory_order_release);
}

bool Sharing::is_formatted(std::uint64_t boot) const {
  return state().magic.load(std::memory_order_acquire) == kSharedMagic &&
         state().boot.load(std::memory_order_relaxed) == boot &&
         state().promise.load(std::memory_order_relaxed) <=
             static_cast<std::uint64_t>(SyncLevel::kFull);
}

bool Sharing::has_members(const File& file, std::size_t but) {
  for (std::size_t index = 0; index < kMaxMembers; ++index) {
    if (index != but && file.is_byte_locked(kMemberLocks + index)) return true;
  }
  return false;
}

/// With the place's lock held, or with nobody there.
void Sharing::empty(std::size_t index) {
  SharedMember& gone = member(index);
  gone.reads_from.store(0, std::memory_order_relaxed);
  gone.pid.store(0, std::memory_order_relaxed);
  state().joined.fetch_and(~bit_of(index), std::memory_order_seq_cst);
}

FileError Sharing::join(std::uint32_t pid) {
  FileError error{FileStatus::kLocked, 0};
  for (std::size_t index = 0; index < kMaxMembers && error.status == FileStatus::kLocked; ++index) {
    error = file_->lock_byte(kMemberLocks + index, FileLock::kExclusive);
    if (!error.ok()) continue;
    empty(index);
    // Never 0, and hardly ever one that the lock still has from a member that died long ago.
    const std::uint32_t incarnation = static_cast<std::uint32_t>(state().next_incarnation.fetch_add(
                                          1, std::memory_order_relaxed)) |
                                      0x80000000u;
    index_ = index;
    own_word_ = std::uint64_t{incarnation} << 32 | (index + 1);
    own().pid.store(pid, std::memory_order_relaxed);
    own().incarnation.store(incarnation, std::memory_order_release);
    state().joined.fetch_or(bit_of(index), std::memory_order_seq_cst);
  }
  return error;
}

void Sharing::leave() {
  if (index_ == kMaxMembers) return;
  if (holds_) release_writer();
  empty(index_);
  static_cast<void>(file_->unlock_byte(kMemberLocks + index_));
  index_ = kMaxMembers;
}

bool Sharing::is_alive(std::uint64_t word) const {
  const std::uint64_t index = (word & UINT32_MAX) - 1;
  if (index >= kMaxMembers) return false;
  const auto incarnation = static_cast<std::uint32_t>(word >> 32);
  return member(index).incarnation.load(std::memory_order_acquire) == incarnation && lives(index);
}

/// Its place becomes free, unless somebody joins there just now.
void Sharing::reap(std::size_t index) {
  if (!file_->lock_byte(kMemberLocks + index, FileLock::kExclusive).ok()) return;
  empty(index);
  static_cast<void>(file_->unlock_byte(kMemberLocks + index));
}

// The writer's lock.

bool Sharing::try_writer(std::uint64_t from) {
  // Acquire: what the holder before has published is seen.
  holds_ = state().writer.compare_exchange_strong(from, own_word_, std::memory_order_seq_cst);
  return holds_;
}

Sharing::Taken Sharing::take_writer(Nanos patience) {
  if (holds_) return Taken::kLocked;
  Nanos until = 0;
  for (int turn = 0;; ++turn) {
    const std::uint32_t seen = events();
    const std::uint64_t holder = state().writer.load(std::memory_order_seq_cst);
    if (holder == 0) {
      if (try_writer(0)) return Taken::kLocked;
      continue;
    }
    if (turn < kSpins) continue;
    // Its own word is what damage has left: this one knows that it does not hold the lock.
    if (holder == own_word_ || !is_alive(holder)) {
      if (try_writer(holder)) return Taken::kOwnerDied;
      continue;
    }
    const Nanos now = precise_now();
    if (until == 0) until = now + patience;
    if (now >= until) return Taken::kBusy;
    await_event(seen, std::min(until - now, kLook));
  }
}

void Sharing::release_writer() {
  holds_ = false;
  std::uint64_t own_word = own_word_;
  state().writer.compare_exchange_strong(own_word, 0, std::memory_order_seq_cst);
  tell();
}

void Sharing::abandon_writer() {
  holds_ = false;
  std::uint64_t own_word = own_word_;
  state().writer.compare_exchange_strong(own_word, kAbandoned, std::memory_order_seq_cst);
  tell();
}

std::uint32_t Sharing::writer_pid() const {
  const std::uint64_t index = (state().writer.load(std::memory_order_relaxed) & UINT32_MAX) - 1;
  return index < kMaxMembers ? member(index).pid.load(std::memory_order_relaxed) : 0;
}

void Sharing::await_writer(Nanos timeout) const {
  const Nanos until = precise_now() + timeout;
  for (;;) {
    const std::uint32_t seen = events();
    if (state().writer.load(std::memory_order_seq_cst) == 0) return;
    const Nanos now = precise_now();
    if (now >= until) return;
    await_event(seen, until - now);
  }
}

// The journal.

void Sharing::publish(const JournalPlace& place) {
  state().tail.store(place.tail, std::memory_order_relaxed);
  state().epoch.store(place.epoch, std::memory_order_relaxed);
  state().sequence.store(place.sequence - 1, std::memory_order_seq_cst);
}

// Views.

void Sharing::show_view(std::uint64_t sequence, bool is_first) {
  if (!is_first && own().reads_from.load(std::memory_order_relaxed) != 0) return;
  set_oldest_view(sequence, 0);
  // Whoever frees has published the record before he looks here, and this thread looks at the
  // journal's end after it: so either he sees this, or the block is found to be gone.
  std::atomic_thread_fence(std::memory_order_seq_cst);
}

void Sharing::set_oldest_view(std::uint64_t sequence, Nanos age) {
  own().reads_since.store(precise_now() - age, std::memory_order_relaxed);
  own().reads_from.store(sequence + 1, std::memory_order_seq_cst);
}

std::uint64_t Sharing::unseen_through() {
  std::atomic_thread_fence(std::memory_order_seq_cst);
  const Nanos now = precise_now();
  std::uint64_t through = UINT64_MAX;
  for (std::uint64_t left = state().joined.load(std::memory_order_seq_cst); left != 0;
       left &= left - 1) {
    const auto index = static_cast<std::size_t>(std::countr_zero(left));
    const std::uint64_t from = member(index).reads_from.load(std::memory_order_seq_cst);
    const Nanos since = member(index).reads_since.load(std::memory_order_relaxed);
    if (from == 0 || from - 1 >= through || now - since > kViewLease) continue;
    if (lives(index))
      through = from - 1;
    else
      reap(index);
  }
  return through;
}

// Events.

void Sharing::tell() {
  state().events.fetch_add(1, std::memory_order_seq_cst);
  if (state().waiters.load(std::memory_order_seq_cst) != 0) wake_all(state().events);
}

void Sharing::await_event(std::uint32_t seen, Nanos timeout) const {
  state().waiters.fetch_add(1, std::memory_order_seq_cst);
  // A wait may be longer than those of whoever tells have ended: nobody tells of a death.
  wait_for_change(state().events, seen, timeout);
  state().waiters.fetch_sub(1, std::memory_order_seq_cst);
}

}  // namespace superslab::mapped
