// What is counted of values, whether the books agree, and how a fork leaves them.
#include "pools/compressed/tiers.h"

namespace superslab {

TierFigures Tiers::figures() {
  LockGuard guard(lock_);
  return figures_;
}

const char* Tiers::contradiction() {
  LockGuard guard(lock_);
  TierFigures seen;
  std::uint32_t free = 0;
  for (std::uint32_t i = 0; i < slots_.count(); ++i) {
    const SlotIndex slot{i};
    const ValueState state = slots_.look(slot);
    if (state.place() == ValuePlace::kFree) {
      ++free;
    } else if (state.place() == ValuePlace::kCold) {
      if (state.pins() != 0) return "a cold value is pinned";
      ++seen.cold_values;
      seen.cold_bytes += slots_.length(slot);
      seen.compressed_bytes += slots_.cold(slot).bytes;
    } else {
      if (slots_.block(slot) == 0) return "a hot value has no block";
      ++seen.hot_values;
      seen.hot_bytes += slots_.length(slot);
    }
  }
  if (slots_.count_free() != free)
    return "the list of free slots is not that of slots without values";
  std::uint64_t listed = 0;
  for (SlotIndex slot = oldest_; slot != kNoSlot; slot = slots_.cold(slot).newer)
    if (!slots_.has(slot) || ++listed > seen.cold_values)
      return "the list of cold values is broken";
  if (listed != seen.cold_values) return "the list of cold values is not whole";
  if (seen.hot_values != figures_.hot_values || seen.hot_bytes != figures_.hot_bytes)
    return "hot values are not as many as are counted";
  if (seen.cold_values != figures_.cold_values || seen.cold_bytes != figures_.cold_bytes ||
      seen.compressed_bytes != figures_.compressed_bytes)
    return "cold values are not as many as are counted";
  return cold_.check() == PoolFault::kNone ? nullptr : "the heap of cold values is broken";
}

bool Tiers::survive_fork() NO_THREAD_SAFETY_ANALYSIS {
  const Holder worker = work_.survive_fork();
  const Holder holder = lock_.survive_fork();
  if (worker == Holder::kMe || holder == Holder::kMe) return true;
  // Whoever compressed is not there: its value stays hot. What a vanished thread had in hand, a
  // block or a chunk, stays out.
  busy_block_ = 0;
  is_busy_block_free_ = false;
  oldest_ = newest_ = kNoSlot;
  figures_.hot_values = figures_.hot_bytes = figures_.repeated_values = 0;
  figures_.cold_values = figures_.cold_bytes = figures_.compressed_bytes = 0;
  for (std::uint32_t i = 0; i < slots_.count(); ++i) {
    const SlotIndex slot{i};
    const ValueState state = slots_.look(slot);
    if (state.place() == ValuePlace::kCold) {
      link_cold(slot);
      note_cold(slot, 1);
    } else if (state.has_block()) {
      if (state.place() == ValuePlace::kBusy)
        slots_.change(slot, state, ValueState::at(ValuePlace::kHot));
      note_hot(slot, 1);
    }
  }
  // The list of cold values is in the order of their slots now, not of time: it may have been cut.
  slots_.find_free();
  return false;
}

}  // namespace superslab
