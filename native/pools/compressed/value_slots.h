// The slots of a pool's values: where each value is, and which use of its slot it is.
//
// A value's handle is its slot and the slot's generation, as one number of 53 bits. Its state is
// one word, by which a thread pins a hot value without a lock, and by which whoever compresses
// values takes those that nobody has pinned: each changes it by compare and exchange alone.
//
// JavaScript maps the first rows of a chunk of slots (lib/pools/compressed), and pins by itself.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "space/space.h"

namespace superslab {

/// Names a slot.
enum class SlotIndex : std::uint32_t {};
constexpr SlotIndex kNoSlot{UINT32_MAX};
constexpr std::uint32_t to_word(SlotIndex slot) { return static_cast<std::uint32_t>(slot); }

/// A slot and its generation; 0 names nothing. JavaScript has it as a number.
using TierHandle = std::uint64_t;

constexpr unsigned kSlotBits = 24;
constexpr std::uint32_t kMaxSlots = 1u << kSlotBits;
constexpr std::uint32_t kGenerationMask = (1u << 29) - 1;

constexpr TierHandle handle_of(SlotIndex slot, std::uint32_t generation) {
  return (TierHandle{generation} << kSlotBits) | to_word(slot);
}
constexpr SlotIndex tier_slot_of(TierHandle handle) {
  return SlotIndex{static_cast<std::uint32_t>(handle & (kMaxSlots - 1))};
}
constexpr std::uint32_t tier_generation_of(TierHandle handle) {
  return static_cast<std::uint32_t>(handle >> kSlotBits);
}
/// 0 is left out, so that no handle is 0.
constexpr std::uint32_t next_tier_generation(std::uint32_t generation) {
  return generation == kGenerationMask ? 1 : generation + 1;
}

enum class ValuePlace : std::uint32_t {
  kFree,  // no value
  kHot,   // in a block of its length
  kBusy,  // the same, and it is being compressed: whoever pins or frees it makes that in vain
  kCold,  // compressed, or nothing but a word
};

/// The word of a slot.
struct ValueState {
  static constexpr std::uint32_t kPins = 0xffff;          // how many; only of a hot value
  static constexpr std::uint32_t kReferenced = 1u << 16;  // used since the hand came by
  static constexpr unsigned kPlaceShift = 17;

  std::uint32_t word = 0;

  constexpr ValuePlace place() const { return static_cast<ValuePlace>(word >> kPlaceShift); }
  constexpr std::uint32_t pins() const { return word & kPins; }
  constexpr bool is_referenced() const { return (word & kReferenced) != 0; }
  /// Hot, whether it is being compressed or not.
  constexpr bool has_block() const {
    return place() == ValuePlace::kHot || place() == ValuePlace::kBusy;
  }

  static constexpr ValueState at(ValuePlace place, std::uint32_t rest = 0) {
    return {(static_cast<std::uint32_t>(place) << kPlaceShift) | rest};
  }
};

/// What is kept instead of a cold value's block.
enum class ColdKind : std::uint8_t {
  kRepeated,  // a word: no chunk
  kLz4,
  kForeign,  // what a codec of the program made of it
};

struct ColdValue {
  void* chunk = nullptr;
  std::uint64_t checksum = 0;  // of the chunk's bytes; of a repeated value the word
  std::uint64_t original = 0;  // of a foreign one, the checksum of the value itself
  std::uint32_t bytes = 0;     // of the chunk that are used
  ColdKind kind = ColdKind::kRepeated;
  SlotIndex older = kNoSlot;  // in the order in which they became cold
  SlotIndex newer = kNoSlot;
};

/// So many slots, which stay where they are for as long as anybody has the chunk.
struct SlotChunk {
  static constexpr std::uint32_t kSlots = 4096;
  using Word = std::atomic<std::uint32_t>;

  // Rows that JavaScript maps.
  Word state[kSlots];
  Word generation[kSlots];
  std::uint32_t block[kSlots];   // where a hot value lies, by number; 0 of others
  std::uint32_t length[kSlots];  // of the value

  // What follows is not for JavaScript.
  std::uint32_t next_free[kSlots];  // of a free slot
  std::uint32_t retry_at[kSlots];   // when a hot value may be compressed again; seconds
  ColdValue cold[kSlots];
  std::atomic<std::uint32_t> references{1};

  static SlotChunk* make(Space& space, std::uint32_t first_generation);
  void retain() { references.fetch_add(1, std::memory_order_relaxed); }
  void release(Space& space);
};

static_assert(sizeof(SlotChunk::Word) == sizeof(std::uint32_t) &&
              SlotChunk::Word::is_always_lock_free);
static_assert(std::is_standard_layout_v<SlotChunk>);

/// The part of a chunk that JavaScript maps.
constexpr ByteCount kMappedSlotBytes = offsetof(SlotChunk, next_free);

/// All slots of a pool. Slots are taken and given back under the pool's lock; any thread may look
/// at those that there are.
class ValueSlots {
 public:
  explicit ValueSlots(Space& space) : space_(space) {}
  ~ValueSlots();
  ValueSlots(const ValueSlots&) = delete;
  ValueSlots& operator=(const ValueSlots&) = delete;

  /// The generation that every slot begins with, not 0: another one for each pool, so that a handle
  /// of another pool is mostly found to be one. Before the first slot is taken.
  void begin(std::uint32_t first_generation) {
    first_generation_ = first_generation & kGenerationMask;
    if (first_generation_ == 0) first_generation_ = 1;
  }
  std::uint32_t first_generation() const { return first_generation_; }

  /// A free slot; kNoSlot without memory, and when all are taken.
  SlotIndex take();
  /// Its value has ended: its generation is the next one from now on.
  void give(SlotIndex slot);

  /// Slots that were ever taken: those below have a chunk.
  std::uint32_t count() const { return count_.load(std::memory_order_acquire); }
  bool has(SlotIndex slot) const { return to_word(slot) < count(); }
  /// nullptr for one that there is not.
  SlotChunk* chunk(std::uint32_t index) const {
    return index < kChunks ? chunks_[index].load(std::memory_order_acquire) : nullptr;
  }
  SlotChunk& chunk_of(SlotIndex slot) const { return *chunk(to_word(slot) / SlotChunk::kSlots); }

  // Of a slot that there is.
  SlotChunk::Word& state(SlotIndex slot) const { return chunk_of(slot).state[place(slot)]; }
  SlotChunk::Word& generation(SlotIndex slot) const {
    return chunk_of(slot).generation[place(slot)];
  }
  std::uint32_t& block(SlotIndex slot) const { return chunk_of(slot).block[place(slot)]; }
  std::uint32_t& length(SlotIndex slot) const { return chunk_of(slot).length[place(slot)]; }
  std::uint32_t& retry_at(SlotIndex slot) const { return chunk_of(slot).retry_at[place(slot)]; }
  ColdValue& cold(SlotIndex slot) const { return chunk_of(slot).cold[place(slot)]; }

  ValueState look(SlotIndex slot) const { return {state(slot).load(std::memory_order_acquire)}; }
  /// Whether the state was `from`, and is `to` now.
  bool change(SlotIndex slot, ValueState from, ValueState to) const {
    return state(slot).compare_exchange_strong(from.word, to.word, std::memory_order_acq_rel,
                                               std::memory_order_acquire);
  }

  /// Makes the list of free slots anew from their states: after a fork.
  void find_free();
  /// How many slots are free, as the list has them; UINT32_MAX if it runs in a circle, or through a
  /// slot with a value.
  std::uint32_t count_free() const;

 private:
  static constexpr std::uint32_t kChunks = kMaxSlots / SlotChunk::kSlots;
  static constexpr std::uint32_t place(SlotIndex slot) { return to_word(slot) % SlotChunk::kSlots; }
  std::uint32_t& next_free(SlotIndex slot) const { return chunk_of(slot).next_free[place(slot)]; }

  Space& space_;
  std::uint32_t first_generation_ = 1;
  std::atomic<std::uint32_t> count_{0};
  SlotIndex free_ = kNoSlot;
  std::atomic<SlotChunk*> chunks_[kChunks] = {};
};

}  // namespace superslab
