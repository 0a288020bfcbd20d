// A table of slots that grows and shrinks by pages. A page whose memory went back leaves a note of
// the generations that it has used, so that no handle comes twice.
#pragma once

#include <cstdint>

#include "pools/generational/slot.h"
#include "pools/generational/value_memory.h"

namespace superslab {

class SlotPages {
 public:
  static constexpr std::uint32_t kPageShift = 11;
  static constexpr std::uint32_t kPageSlots = 1u << kPageShift;
  static constexpr std::uint32_t kMaxPages = 1u << 15;
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};

  /// `flag`: in the number of each slot. `generation`: what handles begin with.
  SlotPages(ValueMemory& memory, std::uint32_t flag, std::uint32_t generation)
      : memory_(memory), flag_(flag), first_generation_(generation) {}
  ~SlotPages() = default;
  SlotPages(const SlotPages&) = delete;
  SlotPages& operator=(const SlotPages&) = delete;

  struct Page {
    Slot* slots;               // nullptr: its memory went back
    std::uint32_t generation;  // of its next slots then
    // For a table that knows which of its slots are free:
    std::uint32_t free;       // the first of its free slots, by number in the page
    std::uint32_t made;       // slots that were ever used; those behind are free
    std::uint32_t live;       // slots with a value
    std::uint32_t next_page;  // among those with free slots
  };

  std::uint32_t page_count() const { return count_; }
  Page& page(std::uint32_t index) const { return pages_[index]; }

  /// The slot of that number, without the flag; nullptr where there is none. Of any number.
  Slot* find(std::uint32_t index) const {
    const std::uint32_t page = index >> kPageShift;
    if (page >= count_ || pages_[page].slots == nullptr) return nullptr;
    return pages_[page].slots + (index & (kPageSlots - 1));
  }

  /// Sees to it that page `index` has its slots, at most one more than there are. False without
  /// memory, and beyond kMaxPages.
  bool make(std::uint32_t index);
  /// Gives the memory of a page back. None of its slots has a value.
  void drop(std::uint32_t index);
  /// Gives everything back.
  void close();

 private:
  static constexpr ByteCount kPageBytes = ByteCount{kPageSlots} * sizeof(Slot);
  static constexpr std::uint32_t kFirstPages = 64;

  bool grow();

  ValueMemory& memory_;
  const std::uint32_t flag_;
  const std::uint32_t first_generation_;
  Page* pages_ = nullptr;
  std::uint32_t capacity_ = 0;
  std::uint32_t count_ = 0;
};

}  // namespace superslab
