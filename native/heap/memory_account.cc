#include "heap/memory_account.h"

#include <algorithm>

namespace superslab {

MemoryAccount::MemoryAccount(HeapCore& core)
    : core_(core),
      looks_from_(core.shape.is_limited() ? 0 : core.policy.read()->malloc_idle_bytes),
      idle_bound_(core.policy.read()->malloc_idle_bytes, core.policy.read()->malloc_idle_share) {}

/// Down to a quarter of it in the last quarter of a limit. No less: what goes back too soon is
/// touched again, which is dear, and the bound on idle memory sees to what would not fit.
Nanos MemoryAccount::fitted(Nanos delay) const {
  if (!core_.shape.is_limited()) return delay;
  constexpr ByteCount kSteps = 256;
  const ByteCount quarter = core_.shape.memory / 4;
  const ByteCount room = std::clamp(room_left(), quarter / 4, quarter);
  return room == quarter ? delay : delay * (room * kSteps / quarter) / kSteps;
}

void MemoryAccount::follow_policy() {
  core_.lock.assert_held();
  const auto policy = core_.policy.read();
  idle_bound_.set(policy->malloc_idle_bytes, policy->malloc_idle_share);
  set_looks_from();
}

void MemoryAccount::note_fresh(ByteCount bytes) {
  core_.lock.assert_held();
  note_fresh_locked(bytes);
}

void MemoryAccount::note_fresh_locked(ByteCount bytes) {
  if (bytes == 0 || !idle_bound_.is_watching()) return;
  const Nanos delay = purge_delay();
  regretted_bytes_.add(idle_bound_.taken(bytes, core_.clock.now(), delay));
}

void MemoryAccount::note_taken_again(ByteCount bytes) {
  HeapLock guard(core_.lock);
  note_fresh_locked(bytes);
}

// [[gnu::noinline]]: who does not learn has one test more.
[[gnu::noinline]] void MemoryAccount::note_used_locked(IdleBand band, ByteCount bytes,
                                                       Nanos since) {
  core_.lock.assert_held();
  count(idle_times_->note_used(band, bytes, since, core_.clock.now(), delay_of(band)));
}

[[gnu::noinline]] void MemoryAccount::note_purged_locked(IdleBand band, ByteCount bytes,
                                                         Nanos since) {
  core_.lock.assert_held();
  count(idle_times_->note_purged(band, bytes, since, core_.clock.now(), delay_of(band)));
}

[[gnu::noinline]] void MemoryAccount::note_without_pages_locked(IdleBand band, ByteCount bytes) {
  core_.lock.assert_held();
  count(idle_times_->note_fresh(band, bytes, core_.clock.now()));
}

void MemoryAccount::count(const IdleTimes::Wrong& wrong) const {
  core_.counters.learn_early_bytes.add(wrong.early_bytes);
  core_.counters.learn_late_bytes.add(wrong.long_bytes);
}

void MemoryAccount::note_unused(ByteCount bytes) {
  if (bytes == 0 || !counts_idle()) return;
  HeapLock guard(core_.lock);
  idle_bound_.lay_unused(bytes);
  set_looks_from();
}

void MemoryAccount::note_given_back(ByteCount bytes) {
  excess_bytes_.add(bytes);
  HeapLock guard(core_.lock);
  const ByteCount left = committed_bytes() + core_.space.idle_bytes();
  idle_bound_.given_back(bytes, left + bytes, core_.clock.now());
}

// Of what the lock guards it reads counters only.
ByteCount MemoryAccount::idle_bound() const NO_THREAD_SAFETY_ANALYSIS {
  const ByteCount idle = idle_bytes() - std::min(idle_bytes(), core_.space.idle_bytes());
  const ByteCount committed = committed_bytes();
  const ByteCount live = committed > idle ? committed - idle : 0;
  return idle_bound_.bytes(live, core_.shape.is_limited() ? room_left() + idle_bytes() : kNoLimit);
}

ByteCount MemoryAccount::excess() const {
  HeapLock guard(core_.lock);
  const ByteCount idle = idle_bytes();
  const ByteCount bound = idle_bound();
  return idle > bound ? idle - bound + bound / 8 : 0;
}

void MemoryAccount::look_from_here() {
  HeapLock guard(core_.lock);
  set_looks_from();
  // What cannot be given back is no reason to look at each free.
  if (const ByteCount idle = idle_bytes(); idle > looks_from_.load(std::memory_order_relaxed))
    looks_from_.store(idle + idle / 4, std::memory_order_relaxed);
}

}  // namespace superslab
