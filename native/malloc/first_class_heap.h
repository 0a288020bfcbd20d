// A heap that a program makes for itself, beside that of the process, and frees with all its blocks
// at once.
//
// Threads share it under one lock, without a cache each: one SlabOwner serves all of them. Its
// blocks lie in the same region as all others, so free() knows them, and they go home as blocks of
// another thread do, without the lock.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/lock.h"
#include "heap/heap.h"
#include "malloc/process_heap.h"

namespace superslab {

class FirstClassHeap {
 public:
  /// nullptr without memory. `max_bytes` 0: no limit.
  static FirstClassHeap* make(ByteCount max_bytes);

  /// With SUPERSLAB_CHECK: ends the process unless `heap` is one. `function` is what was called
  /// with it.
  static void check(const char* function, const FirstClassHeap* heap);

  /// Frees every block and the heap. No other thread may use it, or free a block of it, any more.
  void end();

  /// As their namesakes in malloc/allocate.h. nullptr also at the heap's limit and beyond
  /// kMaxBytes.
  void* allocate(ByteCount bytes);
  void* allocate_zeroed(ByteCount bytes);
  void* allocate_aligned(ByteCount alignment, ByteCount bytes);
  /// `block` may be of any heap.
  void* reallocate(void* block, ByteCount bytes);

  static constexpr ByteCount kMaxBytes = kGiB;

  /// Gives idle memory of all of them back to the operating system: at once, or what has been idle
  /// for the policy's delay, which is cheap when it is not yet time.
  static ByteCount trim_all();
  static void tick_all();

  /// How many there are. One that the caller has a block of is counted.
  static std::uint32_t count() { return count_.load(std::memory_order_relaxed); }

  struct Totals {
    std::uint64_t heaps = 0;
    ByteCount committed_bytes = 0;
  };
  static Totals totals();

 private:
  friend class Metadata;
  FirstClassHeap(ProcessHeap& process, const Snapshot& policy);

  class Registry;
  static Registry registry;
  static constinit std::atomic<std::uint32_t> count_;

  void* take(ClassIndex c);
  void* take_huge(ByteCount bytes, ByteCount alignment, bool& is_zero);
  /// Where a request of `bytes` begins in its block, which may be nullptr.
  void* placed(void* block, ByteCount bytes, ByteCount block_bytes) const;

  ProcessHeap& process_;
  Heap heap_;
  Mutex lock_{LockRank::kFirstClass};  // what the owner's thread would be alone with
  SlabOwner* owner_ PT_GUARDED_BY(lock_) = nullptr;
  // Under the registry's lock.
  FirstClassHeap* next_ = nullptr;
  FirstClassHeap* prev_ = nullptr;
};

}  // namespace superslab
