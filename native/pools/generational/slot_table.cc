#include "pools/generational/slot_table.h"

namespace superslab {

Slot* SlotTable::free_slot_of_new_page() {
  const bool is_old = dropped_ != SlotPages::kNone;
  const std::uint32_t index = is_old ? dropped_ : pages_.page_count();
  const std::uint32_t next_dropped = is_old ? pages_.page(index).next_page : SlotPages::kNone;
  if (!pages_.make(index)) return nullptr;
  dropped_ = next_dropped;
  pages_.page(index).next_page = first_;
  first_ = index;
  ++held_;
  return free_slot();
}

void SlotTable::use(Slot& slot) {
  SlotPages::Page& page = pages_.page(first_);
  if (page.free != SlotPages::kNone) {
    page.free = slot.length;
  } else {
    ++page.made;
  }
  ++page.live;
  if (!is_full(page)) return;
  first_ = page.next_page;
  page.next_page = SlotPages::kNone;
}

void SlotTable::end(Slot& slot) {
  const std::uint32_t index = slot.number >> SlotPages::kPageShift;
  SlotPages::Page& page = pages_.page(index);
  const bool was_full = is_full(page);
  slot.at = nullptr;
  slot.chunk = nullptr;
  slot.generation = next_generation(slot.generation);
  slot.length = page.free;
  page.free = slot.number & (SlotPages::kPageSlots - 1);
  --page.live;
  if (was_full) {
    const std::uint32_t before = first_;
    page.next_page = before;
    first_ = index;
    if (before != SlotPages::kNone && pages_.page(before).live == 0) drop(before);
  }
  // The first one serves on, so that a value that comes and goes does not take a page each time.
  if (page.live == 0 && index != first_) drop(index);
}

void SlotTable::drop(std::uint32_t index) {
  unlist(index);
  pages_.drop(index);
  pages_.page(index).next_page = dropped_;
  dropped_ = index;
  --held_;
}

void SlotTable::unlist(std::uint32_t index) {
  std::uint32_t* at = &first_;
  while (*at != index) at = &pages_.page(*at).next_page;
  *at = pages_.page(index).next_page;
}

}  // namespace superslab
