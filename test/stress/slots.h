// Where the blocks in use are: a table that all threads share, so that one frees what another has
// allocated. It is no memory of the heap under stress.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <atomic>

struct Slot {
  /// Held while a thread works with the slot. A child of a fork leaves those alone that are held:
  /// who held them is not there.
  std::atomic<bool> is_held{false};
  void* block = nullptr;
  size_t bytes = 0;
  uint64_t tag = 0;

  bool try_hold() { return !is_held.exchange(true, std::memory_order_acquire); }
  void let_go() { is_held.store(false, std::memory_order_release); }
};

constexpr size_t kSlots = 4096;
inline Slot slots[kSlots];
