#include "malloc/first_class_heap.h"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "base/program_order.h"
#include "heap/request_offset.h"
#include "heap/small_sizes.h"
#include "malloc/allocate.h"
#include "malloc/checked.h"
#include "malloc/fatal.h"
#include "malloc/foreign.h"

namespace superslab {

/// All of them, for what concerns all.
class FirstClassHeap::Registry {
 public:
  void add(FirstClassHeap* heap) {
    LockGuard guard(lock_);
    heap->next_ = first_;
    if (first_ != nullptr) first_->prev_ = heap;
    in_program_order();
    first_ = heap;
    count_.fetch_add(1, std::memory_order_relaxed);
  }

  void remove(FirstClassHeap* heap) {
    LockGuard guard(lock_);
    (heap->prev_ != nullptr ? heap->prev_->next_ : first_) = heap->next_;
    if (heap->next_ != nullptr) heap->next_->prev_ = heap->prev_;
    count_.fetch_sub(1, std::memory_order_relaxed);
  }

  bool has(const FirstClassHeap* wanted) {
    LockGuard guard(lock_);
    for (FirstClassHeap* heap = first_; heap != nullptr; heap = heap->next_) {
      if (heap == wanted) return true;
    }
    return false;
  }

  /// No heap comes or goes meanwhile.
  template <class Visit>
  void for_each(Visit visit) {
    LockGuard guard(lock_);
    for (FirstClassHeap* heap = first_; heap != nullptr; heap = heap->next_) visit(*heap);
  }

  /// False when it is not yet time.
  bool begin_tick(Nanos now, Nanos delay) {
    Nanos due = next_tick_.load(std::memory_order_relaxed);
    return now >= due &&
           next_tick_.compare_exchange_strong(due, now + delay / 2 + 1, std::memory_order_relaxed);
  }

  /// As Heap::survive_fork().
  bool survive_fork(const SlabOwner* mine, bool is_suspect) NO_THREAD_SAFETY_ANALYSIS {
    const Holder list = lock_.survive_fork();
    bool is_inside = list == Holder::kMe;
    std::uint32_t heaps = 0;
    FirstClassHeap* before = nullptr;
    for (FirstClassHeap* heap = first_; heap != nullptr; heap = heap->next_) {
      // Forward the list is whole at any moment.
      if (list == Holder::kVanished) heap->prev_ = before;
      before = heap;
      ++heaps;
      is_inside |= heap->lock_.survive_fork() == Holder::kMe;
      is_inside |= heap->heap_.survive_fork(mine, is_suspect);
    }
    if (list == Holder::kVanished) count_.store(heaps, std::memory_order_relaxed);
    return is_inside;
  }

 private:
  Mutex lock_{LockRank::kRegistry};
  FirstClassHeap* first_ GUARDED_BY(lock_) = nullptr;
  std::atomic<Nanos> next_tick_{0};
};

constinit FirstClassHeap::Registry FirstClassHeap::registry;
constinit std::atomic<std::uint32_t> FirstClassHeap::count_{0};

FirstClassHeap::FirstClassHeap(ProcessHeap& process, const Policy& policy)
    : process_(process),
      heap_(process.space(), process.clock(), policy, {.access = Access::kPointers}) {}

FirstClassHeap* FirstClassHeap::make(ByteCount max_bytes) {
  ProcessHeap* process = ProcessHeap::get();
  if (process == nullptr) return nullptr;
  process->set_fork_hook(ProcessHeap::Others::kFirstClass,
                         [](const SlabOwner* mine, bool is_suspect) {
                           return registry.survive_fork(mine, is_suspect);
                         });
  Policy policy = process->policy();
  policy.max_bytes = max_bytes;
  // A heap for what does not live long has no time to pay for a huge page.
  policy.huge_pages = HugePages::kOff;
  Space& space = process->space();
  auto* heap = space.metadata().make<FirstClassHeap>(space.os(), *process, policy);
  if (heap == nullptr) return nullptr;
  heap->owner_ = heap->heap_.attach();
  if (heap->owner_ == nullptr) {
    space.metadata().destroy(heap);
    return nullptr;
  }
  registry.add(heap);
  return heap;
}

void FirstClassHeap::check(const char* function, const FirstClassHeap* heap) {
  const ProcessHeap* process = ProcessHeap::get();
  if (process == nullptr || !process->policy().check || registry.has(heap)) return;
  fail_on_address(function, heap, "no heap of ss_heap_new(), or one that was deleted",
                  "is not a heap");
}

// Nobody else has the heap any more.
void FirstClassHeap::end() NO_THREAD_SAFETY_ANALYSIS {
  registry.remove(this);
  while (Superslab* head = heap_.huge().orphan(owner_)) heap_.give_huge(head);
  heap_.discharge(heap_.budget().charged());
  heap_.detach(owner_);
  // The heap's end dissolves the owner's slabs, with the blocks of them that are out.
  process_.space().metadata().destroy(this);
}

void* FirstClassHeap::take(ClassIndex c) {
  void* block = nullptr;
  LockGuard guard(lock_);
  owner_->take(c, &block, 1);
  return block;
}

void* FirstClassHeap::take_huge(ByteCount bytes, ByteCount alignment, bool& is_zero) {
  if (bytes > kMaxBytes || alignment > kMaxBytes) return nullptr;
  const Superslab* head =
      heap_.huge().take(bytes, owner_, std::max(alignment, kSuperslabBytes), &is_zero);
  return head == nullptr ? nullptr : head->base;
}

void* FirstClassHeap::placed(void* block, ByteCount bytes, ByteCount block_bytes) const {
  if (block == nullptr || process_.policy().check) return block;
  return static_cast<std::byte*>(block) + request_offset(bytes, block_bytes);
}

void* FirstClassHeap::allocate(ByteCount bytes) {
  if (bytes > kMaxClassBytes) {
    bool is_zero;
    void* block = take_huge(bytes, kMinAlignment, is_zero);
    return placed(block, bytes, kSuperslabBytes);
  }
  const ClassIndex c = class_for(bytes);
  void* block = take(c);
  return bytes <= kMaxMediumBytes ? block : placed(block, bytes, size_class(c).block_bytes);
}

void* FirstClassHeap::allocate_zeroed(ByteCount bytes) {
  bool is_zero = false;
  void* block = bytes > kMaxClassBytes ? take_huge(bytes, kMinAlignment, is_zero) : allocate(bytes);
  if (block != nullptr && !is_zero) std::memset(block, 0, bytes);
  return block;
}

void* FirstClassHeap::allocate_aligned(ByteCount alignment, ByteCount bytes) {
  if (alignment <= kMinAlignment) return allocate(bytes);
  if (alignment <= kSliceBytes && bytes <= kMaxClassBytes) {
    // A request for a whole class begins at its block's start.
    if (const ByteCount fitting = class_aligned_to(alignment, bytes); fitting != 0)
      return allocate(fitting);
  }
  bool is_zero;
  return take_huge(std::max(bytes, kMaxClassBytes + 1), alignment, is_zero);
}

void* FirstClassHeap::reallocate(void* block, ByteCount bytes) {
  if (!owns(block)) return reallocate_foreign(block, bytes);
  if (process_.policy().check) check_block(process_, "realloc", block);
  if (resize_in_place(block, bytes)) return block;
  const ByteCount before = usable_bytes(block);
  void* moved = allocate(bytes);
  if (moved == nullptr) return bytes <= before ? block : nullptr;
  std::memcpy(moved, block, std::min(before, bytes));
  deallocate(block);
  return moved;
}

ByteCount FirstClassHeap::trim_all() {
  ByteCount bytes = 0;
  if (count() == 0) return bytes;
  registry.for_each([&](FirstClassHeap& heap) {
    LockGuard guard(heap.lock_);
    heap.owner_->retire_unused();
    bytes += heap.heap_.trim(0);
  });
  return bytes;
}

void FirstClassHeap::tick_all() {
  if (count() == 0) return;
  ProcessHeap* process = ProcessHeap::get();
  if (!registry.begin_tick(process->clock().now(), to_nanos(process->policy().purge_delay_ms)))
    return;
  registry.for_each([](FirstClassHeap& heap) {
    LockGuard guard(heap.lock_);
    heap.owner_->retire_idle();
    heap.heap_.tick();
  });
}

FirstClassHeap::Totals FirstClassHeap::totals() {
  Totals totals;
  registry.for_each([&](FirstClassHeap& heap) {
    ++totals.heaps;
    totals.committed_bytes += heap.heap_.committed_bytes();
  });
  return totals;
}

}  // namespace superslab
