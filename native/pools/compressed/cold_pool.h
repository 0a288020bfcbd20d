// The memory of cold values: chunks of compressed bytes, in a heap of their own with a limit of its
// own. A pool like others, so that figures and the inspector show it beside the hot one.
#pragma once

#include "heap/heap.h"
#include "heap/slab_owner.h"
#include "pools/pool.h"

namespace superslab {

class ColdPool final : public Pool {
 public:
  /// `space` and `clock` outlive the pool. `max_bytes` is the most that chunks take; 0: no limit.
  ColdPool(Space& space, const Clock& clock, const Policy& policy, ByteCount max_bytes,
           ByteCount memory, std::string_view name);
  ~ColdPool() override;

  /// Before anything else; false without memory.
  bool open();

  // One thread at a time: under the lock of who has the pool. ------------------------------------

  /// A chunk of at least `bytes`, up to 2 MiB; nullptr when there is no room or no memory. Once the
  /// limit was met there is no room until a tenth of it is free (zswap's accept threshold): else
  /// each value that leaves would let in one more, at the price of a compression that is in vain.
  void* take(ByteCount bytes);
  void give(void* chunk);
  /// Whether take() would refuse for want of room.
  bool is_full();

  /// Bytes to be given back before there is room again.
  ByteCount excess() const;
  /// Times that there was no room.
  std::uint64_t refusals() const { return refusals_; }

  /// Dissolves the slabs that have been unused since the last call. Heap::tick() gives their memory
  /// back, and needs no lock.
  void retire_idle() {
    if (owner_ != nullptr) owner_->retire_idle();
  }
  /// Every slab that is unused.
  void retire_unused() {
    if (owner_ != nullptr) owner_->retire_unused();
  }

  // As a Pool ------------------------------------------------------------------------------------

  Heap& heap() override { return heap_; }
  using Pool::heap;
  void stats(const FaultCounts& faults, PoolFigures& out) const override;
  PoolFault check() const override;
  /// Every chunk came back. Nothing may be taken or given any more.
  void close() override;

  /// In the child of a fork.
  bool survive_fork(const SlabOwner* mine, bool is_suspect) {
    return heap_.survive_fork(mine, is_suspect);
  }

 private:
  static HeapSnapshot policy_for(const Policy& policy, ByteCount max_bytes);

  Heap heap_;
  SlabOwner* owner_ = nullptr;
  bool is_full_ = false;
  std::uint64_t refusals_ = 0;
};

}  // namespace superslab
