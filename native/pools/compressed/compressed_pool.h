// A pool of compressed values for threads that share it, with hot blocks of its own.
#pragma once

#include <atomic>

#include "base/lock.h"
#include "pools/compressed/tiers.h"
#include "pools/pool.h"

namespace superslab {

/// What ends values for want of room, and tells of each.
struct EvictHook {
  void (*evicted)(TierHandle handle, ByteCount length, void* context) = nullptr;
  void* context = nullptr;
};

class CompressedPool final : public Pool, private HotBlocks {
 public:
  struct Options {
    TierOptions tiers;
    ByteCount cold_bytes = 0;
    EvictHook hook = {};
  };
  enum class Fault : std::uint8_t { kNone, kNoMemory, kNoRoom, kTooLarge, kClosed, kOfValue };
  /// What became of a call; `value` with kOfValue.
  struct Result {
    Fault fault = Fault::kNone;
    TierFault value = TierFault::kNone;
  };

  /// `space` and `clock` outlive the pool.
  CompressedPool(Space& space, const Clock& clock, const Policy& policy, const Options& options,
                 std::string_view name);
  ~CompressedPool() override;

  /// Before anything else; false without memory.
  bool open(std::uint32_t first_generation);

  // Any thread, with no lock held. Calls the program's hook. --------------------------------------

  /// A copy of the bytes: its handle.
  Result put(const void* bytes, ByteCount length, TierHandle& handle);
  /// The value, pinned, and where it is.
  Result access(TierHandle handle, void*& bytes, ByteCount& length);
  Result release(TierHandle handle);
  Result free(TierHandle handle);

  Tiers& tiers() { return tiers_; }
  ColdPool& cold() { return cold_; }
  /// Values that ended for want of room.
  std::uint64_t evicted() const { return evicted_.get(); }
  /// Memory of hot and cold values together.
  ByteCount committed_bytes() const {
    return heap_.committed_bytes() + cold_.heap().committed_bytes();
  }
  /// Values that are pinned.
  std::size_t count_pinned();

  // As a Pool ------------------------------------------------------------------------------------

  Heap& heap() override { return heap_; }
  using Pool::heap;
  void stats(const FaultCounts& faults, PoolFigures& out) const override;
  PoolFault check() const override;
  ByteCount trim(ByteCount target) override;
  /// Ends every value but those that are pinned. Nobody compresses any more.
  void close() override;

  /// In the child of a fork, as Heap::survive_fork().
  bool survive_fork(const SlabOwner* mine, bool is_suspect);

 private:
  static HeapSnapshot policy_for(const Policy& policy, const Options& options);

  // As HotBlocks.
  void* find(std::uint32_t block) const override;
  void give(std::uint32_t block) override;
  ByteCount charged() const override { return heap_.budget().charged(); }
  void tick() override;

  std::uint32_t take_block(ByteCount length, Fault& fault);
  std::uint32_t try_block(ClassIndex c, bool& had_room);
  bool cool(ByteCount bytes);
  bool evict(ByteCount bytes);
  bool end_value(TierHandle handle, ByteCount& freed);
  Result heat(TierHandle handle);

  const EvictHook hook_;
  Heap heap_;
  ColdPool cold_;
  Tiers tiers_;
  std::uintptr_t base_ = 0;  // of the region: blocks are numbered from there
  mutable Mutex hot_lock_{LockRank::kHotBlocks};
  SlabOwner* owner_ PT_GUARDED_BY(hot_lock_) = nullptr;
  Counter evicted_;
  std::atomic<std::uint32_t> frees_{0};
};

}  // namespace superslab
