// The slots of values that live until they are freed.
#pragma once

#include "pools/generational/slot_pages.h"

namespace superslab {

class SlotTable {
 public:
  SlotTable(ValueMemory& memory, std::uint32_t generation) : pages_(memory, 0, generation) {}

  /// A slot without a value; nullptr without memory. It is not taken before use().
  Slot* peek() {
    Slot* const slot = free_slot();
    return slot != nullptr ? slot : free_slot_of_new_page();
  }
  /// Takes what peek() returned last.
  void use(Slot& slot);
  /// Its value has ended. Pages without values go back, but for one.
  void end(Slot& slot);

  /// The slot that has the value of a handle, of any number; nullptr for a stale one.
  Slot* find(ValueHandle handle) const {
    Slot* const slot = pages_.find(slot_of(handle));
    const bool is_there =
        slot != nullptr && slot->at != nullptr && slot->generation == generation_of(handle);
    return is_there ? slot : nullptr;
  }
  Slot* at(std::uint32_t number) const { return pages_.find(number); }

  void close() { pages_.close(); }
  /// Pages that have memory.
  std::uint32_t pages_held() const { return held_; }

  /// Whether lists and counts agree, and good(const Slot&) holds of each slot with a value.
  template <class Good>
  bool is_valid(Good good) const {
    std::uint32_t held = 0;
    for (std::uint32_t i = 0; i < pages_.page_count(); ++i) {
      const SlotPages::Page& page = pages_.page(i);
      if (page.slots == nullptr) continue;
      ++held;
      std::uint32_t live = 0;
      for (std::uint32_t k = 0; k < SlotPages::kPageSlots; ++k) {
        if (page.slots[k].at == nullptr) continue;
        ++live;
        if (!good(page.slots[k])) return false;
      }
      std::uint32_t free = 0;
      for (std::uint32_t at = page.free; at != SlotPages::kNone; at = page.slots[at].length)
        if (page.slots[at].at != nullptr || ++free > SlotPages::kPageSlots) return false;
      if (live != page.live || live + free != page.made) return false;
    }
    return held == held_;
  }

 private:
  Slot* free_slot() const {
    if (first_ == SlotPages::kNone) return nullptr;
    const SlotPages::Page& page = pages_.page(first_);
    return page.slots + (page.free != SlotPages::kNone ? page.free : page.made);
  }
  Slot* free_slot_of_new_page();
  static bool is_full(const SlotPages::Page& page) { return page.live == SlotPages::kPageSlots; }
  void drop(std::uint32_t index);
  void unlist(std::uint32_t index);

  SlotPages pages_;
  std::uint32_t first_ = SlotPages::kNone;    // of the pages with free slots
  std::uint32_t dropped_ = SlotPages::kNone;  // of the pages without memory
  std::uint32_t held_ = 0;
};

}  // namespace superslab
