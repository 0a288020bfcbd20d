#include "pools/generational/slot_pages.h"

#include <algorithm>
#include <cstring>

namespace superslab {

bool SlotPages::grow() {
  const std::uint32_t capacity = std::max(capacity_ * 2, kFirstPages);
  if (capacity > kMaxPages) return false;
  auto* pages = reinterpret_cast<Page*>(memory_.take(capacity * sizeof(Page)));
  if (pages == nullptr) return false;
  if (pages_ != nullptr) {
    std::memcpy(pages, pages_, count_ * sizeof(Page));
    memory_.give(reinterpret_cast<std::byte*>(pages_), capacity_ * sizeof(Page));
  }
  pages_ = pages;
  capacity_ = capacity;
  return true;
}

bool SlotPages::make(std::uint32_t index) {
  if (index == capacity_ && !grow()) return false;
  const bool is_new = index == count_;
  if (!is_new && pages_[index].slots != nullptr) return true;
  auto* slots = reinterpret_cast<Slot*>(memory_.take(kPageBytes));
  if (slots == nullptr) return false;
  Page& page = pages_[index];
  const std::uint32_t generation = is_new ? first_generation_ : page.generation;
  for (std::uint32_t i = 0; i < kPageSlots; ++i) {
    slots[i] = {.at = nullptr,
                .generation = generation,
                .length = kNone,
                .number = flag_ | index << kPageShift | i,
                .pins = 0,
                .age = 0,
                .chunk = nullptr};
  }
  page = {.slots = slots,
          .generation = generation,
          .free = kNone,
          .made = 0,
          .live = 0,
          .next_page = kNone};
  count_ += is_new;
  return true;
}

void SlotPages::drop(std::uint32_t index) {
  Page& page = pages_[index];
  if (page.slots == nullptr) return;
  // As far as a generation can come to its end: the page's next ones begin behind all that were.
  std::uint32_t most = 0;
  for (std::uint32_t i = 0; i < kPageSlots; ++i)
    most = std::max(most, page.slots[i].generation - page.generation);
  page.generation = next_generation(page.generation + most);
  memory_.give(reinterpret_cast<std::byte*>(page.slots), kPageBytes);
  page.slots = nullptr;
}

void SlotPages::close() {
  for (std::uint32_t i = 0; i < count_; ++i) drop(i);
  if (pages_ != nullptr)
    memory_.give(reinterpret_cast<std::byte*>(pages_), capacity_ * sizeof(Page));
  pages_ = nullptr;
  capacity_ = count_ = 0;
}

}  // namespace superslab
