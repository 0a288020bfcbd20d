#include "pools/compressed/value_slots.h"

#include <algorithm>
#include <cassert>

namespace superslab {

SlotChunk* SlotChunk::make(Space& space, std::uint32_t first_generation) {
  auto* chunk = static_cast<SlotChunk*>(
      space.metadata().allocate(space.os(), sizeof(SlotChunk), alignof(SlotChunk)));
  if (chunk == nullptr) return nullptr;
  // The other rows are written with a slot's first value, so that memory comes as it is needed.
  for (std::uint32_t i = 0; i < kSlots; ++i) {
    new (&chunk->state[i]) Word(0);
    new (&chunk->generation[i]) Word(first_generation);
  }
  new (&chunk->references) std::atomic<std::uint32_t>(1);
  return chunk;
}

void SlotChunk::release(Space& space) {
  if (references.fetch_sub(1, std::memory_order_acq_rel) == 1)
    space.metadata().free(this, sizeof *this);
}

ValueSlots::~ValueSlots() {
  for (std::atomic<SlotChunk*>& at : chunks_) {
    SlotChunk* const chunk = at.load(std::memory_order_relaxed);
    if (chunk == nullptr) break;
    chunk->release(space_);
  }
}

SlotIndex ValueSlots::take() {
  if (free_ != kNoSlot) {
    const SlotIndex slot = free_;
    assert(look(slot).place() == ValuePlace::kFree);
    free_ = SlotIndex{next_free(slot)};
    return slot;
  }
  const std::uint32_t slot = count();
  if (slot == kMaxSlots) return kNoSlot;
  std::atomic<SlotChunk*>& at = chunks_[slot / SlotChunk::kSlots];
  if (at.load(std::memory_order_relaxed) == nullptr) {
    SlotChunk* const made = SlotChunk::make(space_, first_generation_);
    if (made == nullptr) return kNoSlot;
    at.store(made, std::memory_order_release);
  }
  count_.store(slot + 1, std::memory_order_release);
  return SlotIndex{slot};
}

void ValueSlots::give(SlotIndex slot) {
  assert(has(slot));
  SlotChunk::Word& own = generation(slot);
  own.store(next_tier_generation(own.load(std::memory_order_relaxed)), std::memory_order_release);
  state(slot).store(0, std::memory_order_release);
  next_free(slot) = to_word(free_);
  free_ = slot;
}

void ValueSlots::find_free() {
  free_ = kNoSlot;
  for (std::uint32_t i = count(); i > 0; --i) {
    const SlotIndex slot{i - 1};
    if (look(slot).place() != ValuePlace::kFree) continue;
    next_free(slot) = to_word(free_);
    free_ = slot;
  }
}

std::uint32_t ValueSlots::count_free() const {
  std::uint32_t free = 0;
  for (SlotIndex slot = free_; slot != kNoSlot; slot = SlotIndex{next_free(slot)}) {
    if (!has(slot) || look(slot).place() != ValuePlace::kFree || ++free > count())
      return UINT32_MAX;
  }
  return free;
}

}  // namespace superslab
