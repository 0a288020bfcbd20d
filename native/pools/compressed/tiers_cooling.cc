// Hot values become cold.
#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>

#include "pools/compressed/checksum.h"
#include "pools/compressed/repeated_word.h"
#include "pools/compressed/tiers.h"

namespace superslab {
namespace {

/// How long a value that compressed badly is left alone.
constexpr std::uint32_t kRetrySeconds = 30;

/// Slots that the hand passes with the lock held.
constexpr std::uint32_t kSlotsPerSweep = 4096;

constexpr ByteCount kMinScratch = 4 * kKiB;

}  // namespace

// The hand ------------------------------------------------------------------------------------

bool Tiers::fits(SlotIndex slot, Wanted wanted) const {
  if (wanted == Wanted::kAny) return true;
  const bool is_foreign = slots_.length(slot) >= options_.foreign_from;
  return is_foreign == (wanted == Wanted::kForeign) && slots_.retry_at(slot) <= now_seconds();
}

/// Whether the slot's value was unused since the hand came by, and is `as` now.
bool Tiers::try_take(SlotIndex slot, Wanted wanted, ValuePlace as) {
  const ValueState state = slots_.look(slot);
  if (state.place() != ValuePlace::kHot || state.pins() != 0 || !fits(slot, wanted)) return false;
  const bool has_chance = state.is_referenced();
  return slots_.change(slot, state, ValueState::at(has_chance ? ValuePlace::kHot : as)) &&
         !has_chance;
}

SlotIndex Tiers::sweep(Wanted wanted, ValuePlace as, std::uint32_t steps) {
  const std::uint32_t count = slots_.count();
  for (; steps > 0 && count > 0; --steps) {
    if (hand_ >= count) hand_ = 0;
    const SlotIndex slot{hand_++};
    if (try_take(slot, wanted, as)) return slot;
  }
  return kNoSlot;
}

/// A native value that is busy from then on is what its block is noted for: see give_block().
Tiers::Victim Tiers::find_victim(Wanted wanted, ValuePlace as, std::uint32_t most) {
  const std::uint64_t all = 2 * std::uint64_t{slots_.count()};
  std::uint64_t left = most == 0 ? all : std::min<std::uint64_t>(all, most);
  while (left > 0) {
    const auto steps = static_cast<std::uint32_t>(std::min<std::uint64_t>(left, kSlotsPerSweep));
    left -= steps;
    LockGuard guard(lock_);
    const SlotIndex slot = sweep(wanted, as, steps);
    if (slot == kNoSlot) continue;
    if (wanted == Wanted::kNative) busy_block_ = slots_.block(slot);
    return {slot, handle_of(slot, slots_.generation(slot).load(std::memory_order_relaxed)),
            slots_.block(slot), slots_.length(slot)};
  }
  return {};
}

// Compressing ---------------------------------------------------------------------------------

bool Tiers::grow_scratch(ByteCount bytes) {
  if (bytes <= scratch_bytes_) return true;
  const ByteCount size = std::bit_ceil(std::max(bytes, kMinScratch));
  void* const larger = space_.metadata().allocate(space_.os(), size, kMinAlignment);
  if (larger == nullptr) return false;
  if (scratch_ != nullptr) space_.metadata().free(scratch_, scratch_bytes_);
  scratch_ = larger;
  scratch_bytes_ = size;
  return true;
}

/// False when it comes out too large.
bool Tiers::compress(const void* bytes, ByteCount length, Compressed& out) {
  if (is_repeated(bytes, length, out.word)) return true;
  if (lz4_ == nullptr) return false;
  const auto most = static_cast<ByteCount>(static_cast<double>(length) / options_.min_ratio);
  if (most == 0 || !grow_scratch(most)) return false;
  out.kind = ColdKind::kLz4;
  out.bytes = scratch_;
  out.size = lz4_compress(*lz4_, bytes, length, scratch_, most);
  return out.size != 0;
}

Cooled Tiers::cool_one(ByteCount& freed, std::uint32_t most) {
  LockGuard work(work_);
  const Victim victim = find_victim(Wanted::kNative, ValuePlace::kBusy, most);
  if (victim.slot == kNoSlot) return Cooled::kNothing;
  freed = victim.length;
  Compressed made;
  const bool is_small = compress(hot_.find(victim.block), victim.length, made);
  LockGuard guard(lock_);
  Cooled result = Cooled::kInVain;
  // The block is nobody else's for as long as it is noted as busy.
  const bool is_same = slots_.block(victim.slot) == victim.block &&
                       slots_.look(victim.slot).place() == ValuePlace::kBusy;
  if (is_same && is_small) {
    result = settle(victim.slot, made);
  } else if (is_same) {
    reject(victim.slot);
    result = Cooled::kRejected;
  }
  if (result == Cooled::kInVain) ++figures_.in_vain;
  end_busy();
  return result;
}

/// Compressing is done with: the block goes now if its value went.
void Tiers::end_busy() {
  const std::uint32_t block = busy_block_;
  busy_block_ = 0;
  if (is_busy_block_free_) hot_.give(block);
  is_busy_block_free_ = false;
}

/// The value stays hot, and is not tried again for a while.
void Tiers::reject(SlotIndex slot) {
  ++figures_.rejected;
  slots_.retry_at(slot) = now_seconds() + kRetrySeconds;
  slots_.change(slot, ValueState::at(ValuePlace::kBusy), ValueState::at(ValuePlace::kHot));
}

/// The value of a busy slot is what it was made, from now on.
Cooled Tiers::settle(SlotIndex slot, const Compressed& made) {
  ColdValue cold{.checksum = made.word, .original = made.original, .kind = made.kind};
  if (made.kind != ColdKind::kRepeated) {
    cold.chunk = cold_.take(made.size);
    if (cold.chunk == nullptr) {
      slots_.change(slot, ValueState::at(ValuePlace::kBusy), ValueState::at(ValuePlace::kHot));
      if (!cold_.is_full()) return Cooled::kNoMemory;
      ++figures_.refused;
      return Cooled::kFull;
    }
    std::memcpy(cold.chunk, made.bytes, made.size);
    cold.bytes = static_cast<std::uint32_t>(made.size);
    cold.checksum = checksum(cold.chunk, made.size);
  }
  slots_.cold(slot) = cold;
  if (!slots_.change(slot, ValueState::at(ValuePlace::kBusy), ValueState::at(ValuePlace::kCold))) {
    give_chunk(slot);
    return Cooled::kInVain;
  }
  note_hot(slot, -1);
  note_cold(slot, 1);
  link_cold(slot);
  ++figures_.cooled;
  give_block(slot);
  return Cooled::kDone;
}

// By a codec of the program -------------------------------------------------------------------

TierHandle Tiers::begin_foreign(std::uint32_t& block) {
  for (;;) {
    const Victim victim = find_victim(Wanted::kForeign, ValuePlace::kBusy, 0);
    block = victim.block;
    if (victim.slot == kNoSlot) return 0;
    Compressed word;
    LockGuard guard(lock_);
    const bool is_busy =
        is_current(victim.handle) && slots_.look(victim.slot).place() == ValuePlace::kBusy;
    if (is_busy && !is_repeated(hot_.find(victim.block), victim.length, word.word))
      return victim.handle;
    if (is_busy) static_cast<void>(settle(victim.slot, word));
  }
}

Cooled Tiers::finish_foreign(TierHandle handle, const void* bytes, ByteCount size) {
  const SlotIndex slot = tier_slot_of(handle);
  LockGuard guard(lock_);
  if (!is_current(handle) || slots_.look(slot).place() != ValuePlace::kBusy) {
    ++figures_.in_vain;
    return Cooled::kInVain;
  }
  const ByteCount length = slots_.length(slot);
  const auto most = static_cast<ByteCount>(static_cast<double>(length) / options_.min_ratio);
  if (size == 0 || size > most) {
    reject(slot);
    return Cooled::kRejected;
  }
  Compressed made{.kind = ColdKind::kForeign, .bytes = bytes, .size = size};
  made.original = checksum(hot_.find(slots_.block(slot)), length);
  const Cooled result = settle(slot, made);
  if (result == Cooled::kInVain) ++figures_.in_vain;
  return result;
}

void Tiers::give_up_foreign(TierHandle handle) {
  LockGuard guard(lock_);
  if (is_current(handle) && slots_.look(tier_slot_of(handle)).place() == ValuePlace::kBusy)
    reject(tier_slot_of(handle));
}

// Evicting ------------------------------------------------------------------------------------

TierHandle Tiers::oldest_cold() {
  LockGuard guard(lock_);
  return oldest_ == kNoSlot
             ? 0
             : handle_of(oldest_, slots_.generation(oldest_).load(std::memory_order_relaxed));
}

TierHandle Tiers::next_unused() { return find_victim(Wanted::kAny, ValuePlace::kHot, 0).handle; }

void Tiers::tick() {
  {
    LockGuard guard(lock_);
    cold_.retire_idle();
  }
  cold_.heap().tick();
  hot_.tick();
}

void Tiers::retire_unused() {
  LockGuard guard(lock_);
  cold_.retire_unused();
}

}  // namespace superslab
