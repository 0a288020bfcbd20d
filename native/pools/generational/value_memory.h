// Memory of a generational pool: blocks of its heap of any size. For the thread that uses the pool.
#pragma once

#include "heap/heap.h"

namespace superslab {

class ValueMemory {
 public:
  explicit ValueMemory(Heap& heap) : heap_(heap) {}

  /// False without memory.
  bool open() { return (owner_ = heap_.attach()) != nullptr; }
  /// Everything was given back.
  void close() {
    if (owner_ != nullptr) heap_.detach(owner_);
    owner_ = nullptr;
  }

  /// At least `bytes`; nullptr at the heap's limit or without memory. Charged are block_bytes().
  std::byte* take(ByteCount bytes);
  void give(std::byte* block, ByteCount bytes);

  /// Slabs without blocks go back to the heap: those that have been so for a while, or all.
  void retire_idle() { owner_->retire_idle(); }
  void retire_unused() { owner_->retire_unused(); }

  Heap& heap() const { return heap_; }

 private:
  Heap& heap_;
  SlabOwner* owner_ = nullptr;
};

}  // namespace superslab
