// malloc's thread cache: magazines of pointers in front of a SlabOwner. One thread uses it.
//
// try_allocate() and free() below are what malloc and free inline: no lock, no call, no atomic
// operation beyond plain loads and stores. What they cannot do they leave to the slow path.
//
// A magazine is a stack that grows upward in a row of kSlots pointers whose end lies at a multiple
// of the row's size, so that the stack's top alone tells that it is full. Under its lowest entry
// lies a null pointer, so that the popped entry alone tells that it is empty. Neither test loads a
// bound.
//
//   slots   [ . . . | null | block | block |  free places ... ]
//                    ^floor                ^top              ^ multiple of kRowBytes
//
// Invariant: a magazine holds only blocks of slabs that this cache's SlabOwner owns. Blocks of
// others' slabs wait in the outbox and go home in batches: a block goes back to who made its slab,
// so that two threads do not come to write to the same cache line by freeing each other's blocks.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "base/program_order.h"
#include "heap/heap.h"
#include "heap/magazine_limits.h"
#include "heap/small_sizes.h"

namespace superslab {

class ThreadCache;

/// What malloc and free touch when all goes well.
class FrontCache {
 public:
  /// Without a heap: every call takes the slow path. What a thread has before its first allocation.
  constexpr FrontCache() {
    for (void**& top : tops_) top = &no_blocks_[1];
  }
  FrontCache(const FrontCache&) = delete;
  FrontCache& operator=(const FrontCache&) = delete;

  /// A cached block of at least `bytes`; nullptr when there is none or `bytes` is beyond
  /// kMaxMediumBytes: then ThreadCache::allocate() knows what to do.
  [[gnu::always_inline]] void* try_allocate(ByteCount bytes) {
    if (bytes <= kMaxSmallBytes) [[likely]]
      return pop(small_classes_[(bytes + 15) / 16]);
    if (bytes > kMaxMediumBytes) return nullptr;
    return pop(medium_class(bytes));
  }

  /// Caches `block` and returns true, or returns false: then ThreadCache::free() knows what to do.
  [[gnu::always_inline]] bool try_free(void* block);

  /// The class of a block of this cache's own slabs; kClassSlots or more for any other address.
  /// Blocks beyond kMaxMediumBytes need not start where `block` points: see heap/request_offset.h.
  [[gnu::always_inline]] std::size_t own_class(const void* block) const {
    const std::size_t slice = slice_of(block);
    if (slice >= region_.slices) [[unlikely]]
      return kClassSlots;
    // Relaxed: for a block of its own slabs the thread wrote the route itself; of any other it is
    // not this thread's, whatever is read.
    return std::size_t{__atomic_load_n(&region_.routes[slice], __ATOMIC_RELAXED)} ^ route_;
  }

 protected:
  static constexpr std::size_t kRows =
      kFirstLargeClass;  // larger blocks: see SlabOwner::give_one()
  static constexpr std::size_t kSlots = kMagazineBlocks;
  static constexpr ByteCount kRowBytes = kSlots * sizeof(void*);

  FrontCache(const Region& region, Route route) : region_(region), route_(route) {}

  std::size_t slice_of(const void* block) const {
    return (address_of(block) - region_.base) >> kSliceShift;
  }

  [[gnu::always_inline]] void* pop(std::size_t c) {
    void** top = tops_[c];
    void* block = top[-1];
    if (block != nullptr) [[likely]]
      __atomic_store_n(&tops_[c], top - 1, __ATOMIC_RELAXED);
    return block;
  }

  [[gnu::always_inline]] void push(std::size_t c, void* block);

  void** tops_[kRows] = {};  // first: an index into it is then an address without an addition
  // A copy for each thread: no other way to it is as short.
  decltype(detail::kSmallClasses) small_classes_ = detail::kSmallClasses;
  Region region_;          // as it was at the last slow path: its end may lie further on
  std::size_t route_ = 0;  // of this owner's blocks, without the class; as wide as an index

 private:
  void* no_blocks_[1] = {};
};

class ThreadCache final : public FrontCache, public CacheRegistry::Member {
 public:
  /// Most that a magazine holds, whatever the policy says: it has places for one that makes it
  /// spill, and for the null pointer.
  static constexpr std::uint32_t kMostBlocks = kMagazineBlocks - 2;

  /// nullptr without memory.
  static ThreadCache* attach(Heap& heap);

  /// Gives everything cached back and ends; blocks that callers hold stay valid and may be freed
  /// through any other thread cache of the heap.
  void detach();

  /// In the child of a fork, once heap.survive_fork() has found that the thread is in the middle of
  /// nothing: ends the caches of `heap` whose threads are not there. `mine` is the cache of the one
  /// that is, or nullptr.
  static void detach_others(Heap& heap, ThreadCache* mine);

  /// Whether the thread is changing its magazines: in its child a signal handler interrupted it.
  bool is_busy() const { return busy_row_ != kNoRow; }

  /// After many slow paths: time for what has to be done now and then.
  bool is_due() const { return steps_ >= kStepsPerTurn || is_flush_wanted(); }
  /// True when it is due, and then not again for a while.
  bool take_turn() {
    if (!is_due()) return false;
    steps_ = 0;
    return true;
  }

  /// Dissolves slabs of this thread's that have been unused since the last call.
  void retire_idle() { owner_->retire_idle(); }

  /// A block of at least `bytes`, aligned to 16; nullptr when there is no memory or no room under
  /// maxBytes. `bytes` is at most kMaxHugeBytes.
  void* allocate(ByteCount bytes);

  /// A block of class `c` past the magazines; `is_zero` as below.
  void* allocate_one(ClassIndex c, bool& is_zero);

  /// The same, and `is_zero`: whether it reads as zero. Worth it where clearing is dearer than a
  /// way past the magazine: from kMinZeroBytes on.
  void* allocate_zeroed(ByteCount bytes, bool& is_zero);
  static constexpr ByteCount kMinZeroBytes = 4 * kKiB;

  /// `block` came from allocate() of any thread cache of this heap.
  void free(void* block) {
    const std::size_t c = own_class(block);
    c < kClassSlots ? free_own(block, c) : free_slow(block);
  }

  /// `block` begins a block of class `own` of this cache's own slabs.
  void free_own(void* block, std::size_t own) {
    own < kRows ? push(own, block) : free_large_class(block, own);
  }

  /// `block` begins a block of class `own`, from kFirstLargeClass on, of this cache's own slabs.
  void free_large_class(void* block, std::size_t own);

  /// `block` begins a block of class `c` of another owner's slab.
  void send_home(void* block, ClassIndex c);

  /// Gives every cached block back.
  void flush();
  /// The same if another thread has asked for it.
  void flush_if_wanted() {
    if (is_flush_wanted() && flush_wanted_.exchange(false, std::memory_order_relaxed)) flush();
  }

  /// Before the heap grows: gives those of classes back of which the thread has taken and freed
  /// none since the last time. What lies in a magazine keeps its slab from other uses.
  void give_idle_rows();

  void squeeze(bool on) override { squeezed_.store(on, std::memory_order_relaxed); }
  void flush_soon() override { flush_wanted_.store(true, std::memory_order_relaxed); }
  /// Whether each row holds as many blocks as it has room for, all of its own class. For assertions
  /// of the cache's own thread.
  bool is_valid() const;
  /// Exact while the thread rests.
  std::uint32_t cached(ClassIndex c) const override;

  /// Whether a block with this route is of this cache's own slabs.
  bool is_own(Route route) const { return (std::size_t{route} ^ route_) < kClassSlots; }

  /// The route of a block of any owner's; kNoRoute for an address that lies in no slab.
  Route route_of_block(const void* block) {
    const std::size_t slice = slice_of(block);
    if (slice >= region_.slices) {
      see_growth();
      if (slice >= region_.slices) return kNoRoute;
    }
    return __atomic_load_n(&region_.routes[slice], __ATOMIC_RELAXED);
  }

  SlabOwner& owner() { return *owner_; }
  Heap& heap() { return *heap_; }

 private:
  friend class FrontCache;
  static constexpr std::size_t kOutboxBatches = 32;
  static constexpr std::uint32_t kStepsPerTurn = 64;

  /// Set while a row is being changed as a whole: a child forked at that moment finds its blocks in
  /// no good order and leaves them alone. Nested, the outer row is empty meanwhile.
  class Busy {
   public:
    Busy(ThreadCache& cache, std::size_t row) : cache_(cache), before_(cache.busy_row_) {
      cache.busy_row_ = static_cast<std::uint8_t>(row);
      in_program_order();
    }
    ~Busy() {
      in_program_order();
      cache_.busy_row_ = before_;
    }
    Busy(const Busy&) = delete;
    Busy& operator=(const Busy&) = delete;

   private:
    ThreadCache& cache_;
    const std::uint8_t before_;
  };
  static constexpr std::uint8_t kNoRow = 0xff;

  explicit ThreadCache(Heap& heap, SlabOwner& owner);
  friend class Metadata;  // destroy()
  ~ThreadCache() = default;

  /// The space may have grown: blocks behind its former end take the fast paths from now on.
  void see_growth() { region_.slices = heap_->space().slices(); }

  bool is_flush_wanted() const { return flush_wanted_.load(std::memory_order_relaxed); }
  void free_slow(void* block);
  void spill(ClassIndex c);
  void spill_row(ClassIndex c);
  void send_batch(BlockBatch& batch);
  void empty_outbox();
  void give_all();
  void give_row(std::size_t c);
  void leave_busy_row();
  std::uint32_t count(std::size_t c) const {
    return is_open(c) ? static_cast<std::uint32_t>(tops_[c] - &slots_[c][floors_[c]]) - 1 : 0;
  }
  /// Of a row that is open: blocks that fit in before it spills.
  std::uint32_t room_of(std::size_t c) const { return kSlots - 2 - floors_[c]; }
  void follow_policy() {
    if (heap_->policy_generation() == policy_generation_) [[likely]]
      return;
    set_limits();
    shorten_rows();
  }
  void set_limits();
  void shorten_rows();
  void keep_newest(std::size_t c, std::uint32_t kept, std::uint32_t room);
  void lay_out(std::size_t c, std::uint32_t capacity);
  void close_row(std::size_t c);
  bool is_open(std::size_t c) const { return tops_[c] != &no_row_[kSlots - 1]; }

  SlabOwner* owner_ = nullptr;
  Heap* heap_ = nullptr;
  std::atomic<bool> squeezed_{false};      // written by other threads, see CacheRegistry
  std::atomic<bool> flush_wanted_{false};  // likewise
  BatchSizes batches_;
  std::uint8_t floors_[kRows] = {};      // place of the null pointer in each row
  std::uint8_t limits_[kRows] = {};      // most blocks of each class, from its next slow path on
  std::uint64_t policy_generation_ = 0;  // that the limits are of
  std::uint8_t streaks_[kRows] = {};     // spills since the last refill
  std::uint8_t busy_row_ = kNoRow;
  void** tops_at_growth_[kRows] = {};  // see give_idle_rows()
  std::uint32_t steps_ = 0;            // slow paths since the last turn
  ByteCount outbox_limit_ = 0;  // what may wait in the outbox; a larger block goes home at once
  ByteCount outbox_bytes_ = 0;
  ByteCount sent_bytes_ = 0;  // gone from the outbox, and not told to the heap yet
  BlockBatch outbox_[kOutboxBatches] =
      {};  // by a hash of slab and word: neighbours go home together
  /// For classes of which the thread has had no block: it looks empty to a pop and gets full by one
  /// push, so that the rows of those classes need no memory.
  alignas(kRowBytes) void* no_row_[kSlots];
  alignas(kRowBytes) void* slots_[kRows][kSlots];  // written as they are used
};

inline void FrontCache::push(std::size_t c, void* block) {
  void** top = tops_[c];
  *top++ = block;
  __atomic_store_n(&tops_[c], top, __ATOMIC_RELAXED);
  if (address_of(top) % kRowBytes == 0) [[unlikely]]
    static_cast<ThreadCache*>(this)->spill(static_cast<ClassIndex>(c));
}

inline bool FrontCache::try_free(void* block) {
  const std::size_t c = own_class(block);
  if (c > kLastMediumClass) [[unlikely]]
    return false;
  push(c, block);
  return true;
}

}  // namespace superslab
