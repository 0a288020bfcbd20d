// The values of a compressed pool: hot ones in blocks of their length, cold ones compressed.
//
//   put, heat      the caller takes a hot block, and the value is in it
//   cool_one       the hand of a clock finds a value that nobody used since it came by (second
//                  chance), which is compressed; its block goes back
//   pin, unpin     by the slot's word alone, without a lock
//
// Whoever compresses takes a value by making its state kBusy, reads its block without any lock, and
// makes it kCold under the lock if it still is kBusy. So nobody ever waits for a compression: who
// pins or frees a busy value makes that compression be in vain.
//
// Locks: work_ is held while one value is compressed, lock_ for the books. Neither is held in a
// call of the program's.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/lock.h"
#include "pools/compressed/cold_pool.h"
#include "pools/compressed/lz4_codec.h"
#include "pools/compressed/value_slots.h"

namespace superslab {

/// Where hot values lie. Any thread.
class HotBlocks {
 public:
  virtual void* find(std::uint32_t block) const = 0;
  /// Sends a block home.
  virtual void give(std::uint32_t block) = 0;
  /// Bytes of blocks that are out.
  virtual ByteCount charged() const = 0;
  /// Gives idle memory back, where nobody else sees to that.
  virtual void tick() {}

 protected:
  ~HotBlocks() = default;
};

struct TierOptions {
  ByteCount hot_bytes = 0;
  double watermark = 0.8;   // share of hot_bytes beyond which values are compressed
  double min_ratio = 1.25;  // value / compressed; what compresses worse stays as it is
  bool uses_lz4 = has_lz4();
  ByteCount foreign_from = SIZE_MAX;  // values of so many bytes are for a codec of the program
  bool clears = false;                // chunks are cleared when they go
};

/// What became of an attempt to compress a value.
enum class Cooled : std::uint8_t {
  kDone,
  kRejected,  // it compresses badly
  kInVain,    // it was pinned or freed meanwhile
  kNothing,   // there is no value to compress
  kFull,      // no room for cold values
  kNoMemory,
};

enum class TierFault : std::uint8_t {
  kNone,
  kCold,      // pin(): it has to be heated first
  kForeign,   // heat(): by the program's codec
  kStale,     // the value has ended, or never was
  kPinned,    // free(): somebody has it
  kUnpinned,  // unpin(): nobody has
  kTooManyPins,
  kCorrupt,  // its compressed bytes were changed
};

struct TierFigures {
  std::uint64_t hot_values = 0;
  std::uint64_t hot_bytes = 0;  // of the values
  std::uint64_t cold_values = 0;
  std::uint64_t cold_bytes = 0;        // of the values
  std::uint64_t compressed_bytes = 0;  // what they take, without the rest of their chunks
  std::uint64_t repeated_values = 0;   // cold ones that are nothing but a word
  std::uint64_t cooled = 0;            // times that a value became cold
  std::uint64_t heated = 0;
  std::uint64_t rejected = 0;  // compressions that came out too large
  std::uint64_t in_vain = 0;   // whose value was pinned or freed meanwhile
  std::uint64_t refused = 0;   // times that there was no room for a cold value
  std::uint64_t corrupt = 0;   // values whose bytes were found changed
};

class Tiers {
 public:
  /// All of them outlive it.
  Tiers(HotBlocks& hot, ColdPool& cold, Space& space, const Clock& clock,
        const TierOptions& options);
  ~Tiers();
  Tiers(const Tiers&) = delete;
  Tiers& operator=(const Tiers&) = delete;

  /// Before anything else; false without memory.
  bool open(std::uint32_t first_generation);

  const TierOptions& options() const { return options_; }
  ValueSlots& slots() { return slots_; }

  // Any thread, with no lock held ----------------------------------------------------------------

  /// The value in that block, `length` bytes long: its handle. 0 without memory for a slot, or when
  /// there are kMaxSlots.
  TierHandle put(std::uint32_t block, std::uint32_t length);

  /// Pins a hot value once more; `block` is where it lies.
  TierFault pin(TierHandle handle, std::uint32_t& block);
  TierFault unpin(TierHandle handle);

  /// Its length; false for a stale handle.
  bool find_length(TierHandle handle, std::uint32_t& length) const;
  bool is_cold(TierHandle handle) const;

  /// Decompresses a cold value into a block of its length, which is its own from then on, and pins
  /// it. kNone also when another thread has heated it meanwhile: then `is_taken` is false, and the
  /// block is still the caller's.
  TierFault heat(TierHandle handle, std::uint32_t block, bool& is_taken);

  /// Ends a value that nobody has pinned.
  TierFault free(TierHandle handle);

  /// Compresses one value that LZ4 is for; `freed` is then the length of its value. Looks at no
  /// more than `most` slots, if they are not 0, and at each twice at most.
  Cooled cool_one(ByteCount& freed, std::uint32_t most = 0);

  /// Whether the hot blocks are beyond their watermark.
  bool is_warm() const { return hot_.charged() > mark_; }

  /// The cold value that has been cold for longest, or the next hot one that the hand finds unused,
  /// whether it compresses or not; 0 when there is none.
  TierHandle oldest_cold();
  TierHandle next_unused();

  TierFigures figures();
  /// What contradicts itself, in words; nullptr when nothing does. While no other thread uses it.
  const char* contradiction();
  /// Calls visit(handle, length, pins) for up to `most` values that are pinned.
  template <class Visit>
  void for_each_pinned(std::uint32_t most, Visit visit);

  /// Gives back what lies idle among the chunks.
  void tick();

  /// The same at once, as far as the heap's own part goes; its memory is Pool::trim()'s.
  void retire_unused() EXCLUDES(lock_);

  /// Ends every cold value: the pool is closed.
  void drop_cold();
  /// Ends every value that nobody has pinned.
  void drop_unpinned();
  /// Ends every value, pinned or not: nobody can reach them any more. Returns those that were
  /// pinned, and their bytes.
  std::uint64_t drop_all(ByteCount& pinned_bytes);

  // For a codec of the program: any thread, but one compression of a value at a time. -------------

  /// Takes a hot value that is for it; 0 when there is none.
  TierHandle begin_foreign(std::uint32_t& block);
  /// What begin_foreign() took is `size` bytes at `bytes` now.
  Cooled finish_foreign(TierHandle handle, const void* bytes, ByteCount size);
  /// It could not be compressed, and is not tried again for a while.
  void give_up_foreign(TierHandle handle);
  /// Copies what a foreign value is compressed to, as far as there is room, and says how long that
  /// is.
  TierFault read_foreign(TierHandle handle, void* to, ByteCount room, ByteCount& size);
  /// Like heat(); the block has what the codec made of it.
  TierFault heat_foreign(TierHandle handle, std::uint32_t block);

  // In the child of a fork -----------------------------------------------------------------------

  /// Makes the books whole again. Returns whether the forking thread itself was at them.
  bool survive_fork();

 private:
  /// What a value is compressed to.
  struct Compressed {
    ColdKind kind = ColdKind::kRepeated;
    std::uint64_t word = 0;
    const void* bytes = nullptr;
    ByteCount size = 0;
    std::uint64_t original = 0;
  };
  enum class Wanted : std::uint8_t { kNative, kForeign, kAny };
  /// What the hand has found, as it was then.
  struct Victim {
    SlotIndex slot = kNoSlot;
    TierHandle handle = 0;
    std::uint32_t block = 0;
    std::uint32_t length = 0;
  };

  bool is_current(TierHandle handle) const;
  bool fits(SlotIndex slot, Wanted wanted) const;
  bool try_take(SlotIndex slot, Wanted wanted, ValuePlace as) REQUIRES(lock_);
  SlotIndex sweep(Wanted wanted, ValuePlace as, std::uint32_t steps) REQUIRES(lock_);
  Victim find_victim(Wanted wanted, ValuePlace as, std::uint32_t most);
  bool compress(const void* bytes, ByteCount length, Compressed& out) REQUIRES(work_);
  bool grow_scratch(ByteCount bytes) REQUIRES(work_);
  Cooled settle(SlotIndex slot, const Compressed& made) REQUIRES(lock_);
  void reject(SlotIndex slot) REQUIRES(lock_);
  void end_busy() REQUIRES(lock_);
  void give_block(SlotIndex slot) REQUIRES(lock_);
  void link_cold(SlotIndex slot) REQUIRES(lock_);
  void unlink_cold(SlotIndex slot) REQUIRES(lock_);
  void give_chunk(SlotIndex slot) REQUIRES(lock_);
  void make_hot(SlotIndex slot, std::uint32_t block) REQUIRES(lock_);
  TierFault decompress(SlotIndex slot, void* to, std::uint32_t length) REQUIRES(lock_);
  bool is_intact(const ColdValue& cold) const;
  void end_value(SlotIndex slot, ValueState state) REQUIRES(lock_);
  void note_hot(SlotIndex slot, int change) REQUIRES(lock_);
  void note_cold(SlotIndex slot, int change) REQUIRES(lock_);
  std::uint32_t now_seconds() const;

  HotBlocks& hot_;
  ColdPool& cold_;
  Space& space_;
  const Clock& clock_;
  const TierOptions options_;
  const ByteCount mark_;
  ValueSlots slots_;

  Mutex work_{LockRank::kCompressing};
  Lz4State* lz4_ GUARDED_BY(work_) = nullptr;
  void* scratch_ GUARDED_BY(work_) = nullptr;
  ByteCount scratch_bytes_ GUARDED_BY(work_) = 0;

  Mutex lock_{LockRank::kTiers};
  std::uint32_t hand_ GUARDED_BY(lock_) = 0;
  SlotIndex oldest_ GUARDED_BY(lock_) = kNoSlot;
  SlotIndex newest_ GUARDED_BY(lock_) = kNoSlot;
  TierFigures figures_ GUARDED_BY(lock_);
  // The block that is being compressed. If its value ends meanwhile, who compresses gives it back.
  std::uint32_t busy_block_ GUARDED_BY(lock_) = 0;
  bool is_busy_block_free_ GUARDED_BY(lock_) = false;
};

template <class Visit>
void Tiers::for_each_pinned(std::uint32_t most, Visit visit) {
  for (std::uint32_t i = 0; i < slots_.count() && most > 0; ++i) {
    const SlotIndex slot{i};
    const ValueState state = slots_.look(slot);
    if (state.pins() == 0) continue;
    --most;
    visit(handle_of(slot, slots_.generation(slot).load(std::memory_order_relaxed)),
          slots_.length(slot), state.pins());
  }
}

}  // namespace superslab
