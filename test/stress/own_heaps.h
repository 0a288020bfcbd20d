// First-class heaps: made, filled, used in part by free(), and ended with what is left.
#pragma once

#include "blocks.h"

inline void use_own_heap(Random& random) {
  heap::Heap* own = heap::make_heap(random.one_in(4) ? 1 << 20 : 0);
  if (own == nullptr) return expect_failure("ss_heap_new", 0);
  Slot blocks[40];
  for (Slot& slot : blocks) {
    const size_t bytes = random_size(random);
    slot.block = heap::allocate_from(own, bytes);
    if (slot.block == nullptr) continue;  // the heap's limit
    slot.bytes = bytes;
    slot.tag = random.next();
    pattern::fill(slot.block, bytes, slot.tag);
  }
  for (Slot& slot : blocks) {
    if (slot.block == nullptr) continue;
    check_content(slot);
    if (random.one_in(3)) heap::release(slot.block);
  }
  heap::end_heap(own);
}
