#include "pools/generational/scope_stack.h"

#include <algorithm>

namespace superslab {
namespace {

constexpr unsigned kDepthBits = 8;
static_assert(ScopeStack::kMaxDepth < 1u << kDepthBits);

}  // namespace

ScopeId ScopeStack::begin(ScopeWindow& window) {
  if (depth_ == kMaxDepth) return 0;
  if (depth_ == 0) {
    current_ = first_;
    window = base_;
  }
  marks_[depth_] = {++serials_, current_, window.at, depth_ == 0 ? 0 : top(window)};
  ++depth_;
  return serials_ << kDepthBits | depth_;
}

bool ScopeStack::end(ScopeWindow& window, ScopeId id) {
  const auto depth = static_cast<std::uint32_t>(id & ((1u << kDepthBits) - 1));
  if (depth == 0 || depth > depth_ || marks_[depth - 1].serial != id >> kDepthBits) return false;
  depth_ = depth - 1;
  if (depth_ == 0) {
    // Nothing is put without a scope. The chunks stay, so that the next scope finds them.
    window = {};
    current_ = nullptr;
    slot_page_ = 0;
    return true;
  }
  const Mark& mark = marks_[depth_];
  if (mark.chunk != nullptr) {
    go_to(window, mark.chunk, mark.at);
  } else if (first_ != nullptr) {
    go_to(window, first_, first_->memory);
  }
  if (window.slot != nullptr) go_to_slot(window, mark.top);
  return true;
}

/// Where the outermost scope begins.
void ScopeStack::note_base() {
  base_ = {};
  if (first_ != nullptr) {
    base_.at = first_->memory;
    base_.end = first_->memory + first_->capacity;
  }
  if (slots_.page_count() != 0 && slots_.page(0).slots != nullptr) {
    base_.slot = slots_.page(0).slots;
    base_.slot_end = base_.slot + SlotPages::kPageSlots;
  }
}

void ScopeStack::go_to(ScopeWindow& window, Chunk* chunk, std::byte* at) {
  current_ = chunk;
  window.at = at;
  window.end = chunk == nullptr ? nullptr : chunk->memory + chunk->capacity;
}

void ScopeStack::go_to_slot(ScopeWindow& window, std::uint32_t number) {
  slot_page_ = number >> SlotPages::kPageShift;
  Slot* const slots = slots_.page(slot_page_).slots;
  window.slot = slots + (number & (SlotPages::kPageSlots - 1));
  window.slot_end = slots + SlotPages::kPageSlots;
}

bool ScopeStack::make_room(ScopeWindow& window, ByteCount bytes) {
  if (window.slot == window.slot_end && !next_slots(window)) return false;
  return footprint(bytes) <= static_cast<ByteCount>(window.end - window.at) ||
         next_chunk(window, footprint(bytes));
}

bool ScopeStack::next_slots(ScopeWindow& window) {
  const std::uint32_t next = window.slot == nullptr ? 0 : slot_page_ + 1;
  if (!slots_.make(next)) return false;
  go_to_slot(window, next << SlotPages::kPageShift);
  note_base();
  return true;
}

bool ScopeStack::next_chunk(ScopeWindow& window, ByteCount bytes) {
  Chunk** const link = current_ == nullptr ? &first_ : &current_->next;
  if (*link == nullptr || (*link)->capacity < bytes) {
    Chunk* const made = store_.make(std::max(bytes, store_.chunk_bytes()), Generation::kScope);
    if (made == nullptr) return false;
    made->next = *link;
    *link = made;
  }
  go_to(window, *link, (*link)->memory);
  note_base();
  return true;
}

Slot* ScopeStack::find(const ScopeWindow& window, ValueHandle handle) const {
  const std::uint32_t number = slot_of(handle) & ~kScoped;
  if (number >= top(window)) return nullptr;
  Slot* const slot = slots_.find(number);
  return slot->generation == generation_of(handle) && slot->at != nullptr ? slot : nullptr;
}

void ScopeStack::trim(const ScopeWindow& window) {
  Chunk** const link = current_ == nullptr ? &first_ : &current_->next;
  while (Chunk* const chunk = *link) {
    *link = chunk->next;
    store_.end(chunk);
  }
  const std::uint32_t used = window.slot == nullptr ? 0 : slot_page_ + 1;
  for (std::uint32_t i = used; i < slots_.page_count(); ++i) slots_.drop(i);
  note_base();
}

void ScopeStack::close() {
  while (Chunk* const chunk = first_) {
    first_ = chunk->next;
    store_.end(chunk);
  }
  current_ = nullptr;
  depth_ = slot_page_ = 0;
  slots_.close();
  note_base();
}

}  // namespace superslab
