// The C door's thread cache: magazines of pointers in front of a SlabOwner. One thread uses it.
#pragma once

#include <array>
#include <cstdint>

#include "heap/heap.h"
#include "heap/magazine_limits.h"

namespace superslab {

class ThreadCache final : public Room::Member {
 public:
  /// nullptr without memory.
  static ThreadCache* attach(Heap& heap);

  /// Gives everything cached back and ends; blocks that callers hold stay valid and may be freed
  /// through any other thread cache of the heap.
  void detach();

  /// A block of at least `bytes`, aligned to 16; nullptr when there is no memory or no room under
  /// maxBytes. `bytes` is at most kMaxLargeBytes.
  void* allocate(ByteCount bytes);

  /// `block` came from allocate() of any thread cache of this heap.
  void free(void* block);

  /// Gives every cached block back.
  void flush();

  void squeeze(bool on) override { squeezed_.store(on, std::memory_order_relaxed); }
  void flush_soon() override {}
  void room_made() override {}
  std::uint32_t cached(ClassIndex c) const override { return magazines_[to_index(c)].count.get(); }

 private:
  struct Magazine {
    Level count;  // other threads read it for statistics
    std::uint32_t limit = 0;
    void* blocks[kMagazineBlocks];

    void* pop() {
      const std::uint32_t top = count.get() - 1;
      count.set(top);
      return blocks[top];
    }
    void push(void* block) {
      const std::uint32_t top = count.get();
      blocks[top] = block;
      count.set(top + 1);
    }
  };

  ThreadCache(Heap& heap, SlabOwner& owner);
  ~ThreadCache() = default;
  void* allocate_slow(ClassIndex c);
  void free_slow(ClassIndex c, void* block);

  Heap& heap_;
  SlabOwner& owner_;
  std::array<Magazine, kClassCount> magazines_;
  BatchSizes batches_;
  std::atomic<bool> squeezed_{false};  // written by other threads, see Room
};

}  // namespace superslab
