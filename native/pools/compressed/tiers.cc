// Values come, are pinned, and end.
#include "pools/compressed/tiers.h"

#include <cassert>

#include "base/secure_zero.h"
#include "pools/compressed/checksum.h"
#include "pools/compressed/repeated_word.h"

namespace superslab {
namespace {

ByteCount mark_of(const TierOptions& options) {
  return static_cast<ByteCount>(static_cast<double>(options.hot_bytes) * options.watermark);
}

}  // namespace

Tiers::Tiers(HotBlocks& hot, ColdPool& cold, Space& space, const Clock& clock,
             const TierOptions& options)
    : hot_(hot),
      cold_(cold),
      space_(space),
      clock_(clock),
      options_(options),
      mark_(mark_of(options)),
      slots_(space) {}

Tiers::~Tiers() NO_THREAD_SAFETY_ANALYSIS {
  if (lz4_ != nullptr) space_.metadata().destroy(lz4_);
  if (scratch_ != nullptr) space_.metadata().free(scratch_, scratch_bytes_);
}

bool Tiers::open(std::uint32_t first_generation) {
  slots_.begin(first_generation);
  LockGuard work(work_);
  if (options_.uses_lz4) lz4_ = space_.metadata().make<Lz4State>(space_.os());
  return lz4_ != nullptr || !options_.uses_lz4;
}

std::uint32_t Tiers::now_seconds() const {
  return static_cast<std::uint32_t>(clock_.now() / (1000 * kMillisecond));
}

// Books ---------------------------------------------------------------------------------------

void Tiers::note_hot(SlotIndex slot, int change) {
  figures_.hot_values += static_cast<std::uint64_t>(change);
  figures_.hot_bytes += static_cast<std::uint64_t>(change) * slots_.length(slot);
}

void Tiers::note_cold(SlotIndex slot, int change) {
  const ColdValue& cold = slots_.cold(slot);
  const auto by = static_cast<std::uint64_t>(change);
  figures_.cold_values += by;
  figures_.cold_bytes += by * slots_.length(slot);
  figures_.compressed_bytes += by * cold.bytes;
  if (cold.kind == ColdKind::kRepeated) figures_.repeated_values += by;
}

void Tiers::link_cold(SlotIndex slot) {
  ColdValue& cold = slots_.cold(slot);
  cold.older = newest_;
  cold.newer = kNoSlot;
  if (newest_ != kNoSlot) slots_.cold(newest_).newer = slot;
  newest_ = slot;
  if (oldest_ == kNoSlot) oldest_ = slot;
}

void Tiers::unlink_cold(SlotIndex slot) {
  const ColdValue& cold = slots_.cold(slot);
  (cold.older == kNoSlot ? oldest_ : slots_.cold(cold.older).newer) = cold.newer;
  (cold.newer == kNoSlot ? newest_ : slots_.cold(cold.newer).older) = cold.older;
}

void Tiers::give_chunk(SlotIndex slot) {
  ColdValue& cold = slots_.cold(slot);
  if (cold.chunk == nullptr) return;
  if (options_.clears) secure_zero(cold.chunk, cold.bytes);
  cold_.give(cold.chunk);
  cold.chunk = nullptr;
}

/// The block of a value that has ended or become cold.
void Tiers::give_block(SlotIndex slot) {
  std::uint32_t& block = slots_.block(slot);
  if (block == busy_block_) {
    is_busy_block_free_ = true;
  } else {
    hot_.give(block);
  }
  block = 0;
}

// Hot values ----------------------------------------------------------------------------------

TierHandle Tiers::put(std::uint32_t block, std::uint32_t length) {
  assert(block != 0);
  LockGuard guard(lock_);
  const SlotIndex slot = slots_.take();
  if (slot == kNoSlot) return 0;
  slots_.block(slot) = block;
  slots_.length(slot) = length;
  slots_.retry_at(slot) = 0;
  slots_.cold(slot) = {};
  note_hot(slot, 1);
  slots_.state(slot).store(ValueState::at(ValuePlace::kHot, ValueState::kReferenced).word,
                           std::memory_order_release);
  return handle_of(slot, slots_.generation(slot).load(std::memory_order_relaxed));
}

bool Tiers::is_current(TierHandle handle) const {
  const SlotIndex slot = tier_slot_of(handle);
  return slots_.has(slot) &&
         slots_.generation(slot).load(std::memory_order_acquire) == tier_generation_of(handle) &&
         slots_.look(slot).place() != ValuePlace::kFree;
}

TierFault Tiers::pin(TierHandle handle, std::uint32_t& block) {
  const SlotIndex slot = tier_slot_of(handle);
  for (;;) {
    if (!is_current(handle)) return TierFault::kStale;
    const ValueState state = slots_.look(slot);
    if (state.place() == ValuePlace::kCold) return TierFault::kCold;
    if (!state.has_block()) return TierFault::kStale;
    if (state.pins() == ValueState::kPins) return TierFault::kTooManyPins;
    const std::uint32_t rest = (state.pins() + 1) | ValueState::kReferenced;
    if (!slots_.change(slot, state, ValueState::at(ValuePlace::kHot, rest))) continue;
    block = slots_.block(slot);
    // The slot may have had another value by then, which is pinned now.
    if (slots_.generation(slot).load(std::memory_order_acquire) == tier_generation_of(handle))
      return TierFault::kNone;
    slots_.state(slot).fetch_sub(1, std::memory_order_acq_rel);
    return TierFault::kStale;
  }
}

TierFault Tiers::unpin(TierHandle handle) {
  const SlotIndex slot = tier_slot_of(handle);
  for (;;) {
    if (!is_current(handle)) return TierFault::kStale;
    const ValueState state = slots_.look(slot);
    if (state.pins() == 0) return TierFault::kUnpinned;
    if (slots_.change(slot, state, {state.word - 1})) return TierFault::kNone;
  }
}

bool Tiers::find_length(TierHandle handle, std::uint32_t& length) const {
  if (!is_current(handle)) return false;
  length = slots_.length(tier_slot_of(handle));
  return true;
}

bool Tiers::is_cold(TierHandle handle) const {
  return is_current(handle) && slots_.look(tier_slot_of(handle)).place() == ValuePlace::kCold;
}

// Ends ----------------------------------------------------------------------------------------

/// `state` is what the slot had; it is free by now, or cold.
void Tiers::end_value(SlotIndex slot, ValueState state) {
  if (state.place() == ValuePlace::kCold) {
    note_cold(slot, -1);
    unlink_cold(slot);
    give_chunk(slot);
  } else {
    note_hot(slot, -1);
    give_block(slot);
  }
  slots_.give(slot);
}

TierFault Tiers::free(TierHandle handle) {
  const SlotIndex slot = tier_slot_of(handle);
  LockGuard guard(lock_);
  for (;;) {
    if (!is_current(handle)) return TierFault::kStale;
    const ValueState state = slots_.look(slot);
    if (state.pins() != 0) return TierFault::kPinned;
    // A cold value is changed under this lock alone.
    if (state.place() != ValuePlace::kCold && !slots_.change(slot, state, {})) continue;
    end_value(slot, state);
    return TierFault::kNone;
  }
}

void Tiers::drop_cold() {
  LockGuard guard(lock_);
  while (oldest_ != kNoSlot) end_value(oldest_, slots_.look(oldest_));
}

void Tiers::drop_unpinned() {
  drop_cold();
  for (std::uint32_t i = 0; i < slots_.count(); ++i) {
    const SlotIndex slot{i};
    static_cast<void>(
        free(handle_of(slot, slots_.generation(slot).load(std::memory_order_relaxed))));
  }
}

std::uint64_t Tiers::drop_all(ByteCount& pinned_bytes) {
  drop_cold();
  std::uint64_t pinned = 0;
  LockGuard guard(lock_);
  for (std::uint32_t i = 0; i < slots_.count(); ++i) {
    const SlotIndex slot{i};
    const ValueState state{slots_.state(slot).exchange(0, std::memory_order_acq_rel)};
    if (!state.has_block()) continue;
    if (state.pins() != 0) {
      ++pinned;
      pinned_bytes += slots_.length(slot);
    }
    end_value(slot, state);
  }
  return pinned;
}

// Cold values become hot ------------------------------------------------------------------------

bool Tiers::is_intact(const ColdValue& cold) const {
  return cold.kind == ColdKind::kRepeated || checksum(cold.chunk, cold.bytes) == cold.checksum;
}

TierFault Tiers::decompress(SlotIndex slot, void* to, std::uint32_t length) {
  const ColdValue& cold = slots_.cold(slot);
  if (cold.kind == ColdKind::kForeign) return TierFault::kForeign;
  if (cold.kind == ColdKind::kRepeated) {
    repeat(cold.checksum, to, length);
    return TierFault::kNone;
  }
  if (is_intact(cold) && lz4_decompress(cold.chunk, cold.bytes, to, length))
    return TierFault::kNone;
  ++figures_.corrupt;
  return TierFault::kCorrupt;
}

/// And pinned. Its chunk goes.
void Tiers::make_hot(SlotIndex slot, std::uint32_t block) {
  note_cold(slot, -1);
  unlink_cold(slot);
  slots_.block(slot) = block;
  slots_.retry_at(slot) = 0;
  note_hot(slot, 1);
  ++figures_.heated;
  slots_.state(slot).store(ValueState::at(ValuePlace::kHot, ValueState::kReferenced | 1).word,
                           std::memory_order_release);
  give_chunk(slot);
}

TierFault Tiers::heat(TierHandle handle, std::uint32_t block, bool& is_taken) {
  const SlotIndex slot = tier_slot_of(handle);
  is_taken = false;
  {
    LockGuard guard(lock_);
    if (!is_current(handle)) return TierFault::kStale;
    if (slots_.look(slot).place() == ValuePlace::kCold) {
      const TierFault fault = decompress(slot, hot_.find(block), slots_.length(slot));
      if (fault != TierFault::kNone) return fault;
      make_hot(slot, block);
      is_taken = true;
      return TierFault::kNone;
    }
  }
  return TierFault::kNone;
}

TierFault Tiers::read_foreign(TierHandle handle, void* to, ByteCount room, ByteCount& size) {
  LockGuard guard(lock_);
  if (!is_current(handle) || slots_.look(tier_slot_of(handle)).place() != ValuePlace::kCold)
    return TierFault::kStale;
  const ColdValue& cold = slots_.cold(tier_slot_of(handle));
  size = cold.bytes;
  if (!is_intact(cold)) {
    ++figures_.corrupt;
    return TierFault::kCorrupt;
  }
  if (size <= room) __builtin_memcpy(to, cold.chunk, size);
  return TierFault::kNone;
}

TierFault Tiers::heat_foreign(TierHandle handle, std::uint32_t block) {
  const SlotIndex slot = tier_slot_of(handle);
  LockGuard guard(lock_);
  if (!is_current(handle) || slots_.look(slot).place() != ValuePlace::kCold)
    return TierFault::kStale;
  if (checksum(hot_.find(block), slots_.length(slot)) != slots_.cold(slot).original) {
    ++figures_.corrupt;
    return TierFault::kCorrupt;
  }
  make_hot(slot, block);
  return TierFault::kNone;
}

}  // namespace superslab
