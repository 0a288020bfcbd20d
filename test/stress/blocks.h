// What is done with one block: every way to allocate, resize and free, with its content checked.
#pragma once

#include <errno.h>

#include "fail.h"
#include "heap_calls.h"
#include "pattern.h"
#include "random.h"
#include "slots.h"

/// Set in a process that has a limit: allocations may fail there, with ENOMEM.
inline std::atomic<bool> may_fail{false};

/// A heap from which every thread takes blocks that any thread frees; nullptr without the
/// ingredient.
inline heap::Heap* shared_heap = nullptr;

/// Most are small; a few reach into every part of an allocator.
inline size_t random_size(Random& random) {
  const uint64_t kind = random.below(1000);
  if (kind < 10) return random.below(16);
  if (kind < 600) return 16 + random.below(240);
  if (kind < 850) return 256 + random.below((4 << 10) - 256);
  if (kind < 975) return (4 << 10) + random.below(60 << 10);
  if (kind < 998) return (64 << 10) + random.below((1 << 20) - (64 << 10));
  return (1 << 20) + random.below(7 << 20);
}

inline void check_content(const Slot& slot) {
  const size_t at =
      pattern::first_difference(slot.block, slot.bytes, slot.block, slot.bytes, slot.tag);
  if (at != slot.bytes)
    fail("block %p of %zu bytes: other content at %zu", slot.block, slot.bytes, at);
}

inline void check_zero(const void* block, size_t bytes) {
  const char* content = static_cast<const char*>(block);
  // All zero: the first is, and each is like its neighbour.
  if (bytes != 0 && (content[0] != 0 || memcmp(content, content + 1, bytes - 1) != 0))
    fail("calloc: block %p of %zu bytes does not read as zero", block, bytes);
}

/// For want of memory, where that may be.
inline void expect_failure(const char* how, size_t bytes) {
  if (!may_fail.load(std::memory_order_relaxed) || errno != ENOMEM)
    fail("%s: no block of %zu bytes: %s", how, bytes, strerror(errno));
}

/// Into an empty slot that is held.
inline void allocate_into(Slot& slot, Random& random) {
  const size_t bytes = random_size(random);
  size_t alignment = bytes < alignof(max_align_t) ? 8 : alignof(max_align_t);
  void* block = nullptr;
  const char* how = "malloc";
  errno = ENOMEM;  // posix_memalign leaves it alone
  switch (random.below(8)) {
    case 0:
      how = "calloc";
      block = heap::allocate_zeroed(1 + bytes / 8, 8);
      if (block != nullptr) check_zero(block, (1 + bytes / 8) * 8);
      break;
    case 1:
      how = "aligned_alloc";
      alignment = size_t{16} << random.below(random.one_in(16) ? 17 : 9);
      block = heap::allocate_aligned(alignment, bytes);
      break;
    case 2:
      how = "posix_memalign";
      alignment = size_t{8} << random.below(random.one_in(16) ? 18 : 10);
      block = heap::allocate_at(alignment, bytes);
      break;
    case 3:
      how = "realloc(NULL)";
      block = heap::resize(nullptr, bytes);
      break;
    case 4:
      if (shared_heap != nullptr) {
        how = "ss_heap_malloc";
        block = heap::allocate_from(shared_heap, bytes);
        break;
      }
      [[fallthrough]];
    default:
      block = heap::allocate(bytes);
  }
  if (block == nullptr) return expect_failure(how, bytes);
  if (reinterpret_cast<uintptr_t>(block) % alignment != 0)
    fail("%s: block %p of %zu bytes is not aligned to %zu", how, block, bytes, alignment);
  const size_t usable = heap::usable_bytes(block);
  if (usable < bytes) fail("%s: block %p of %zu bytes has %zu", how, block, bytes, usable);
  // What is usable belongs to the caller, whatever was asked for.
  slot.bytes = random.one_in(8) ? usable : bytes;
  slot.block = block;
  slot.tag = random.next();
  pattern::fill(slot.block, slot.bytes, slot.tag);
}

inline void resize_in(Slot& slot, Random& random) {
  check_content(slot);
  size_t bytes = random.one_in(2) ? random_size(random)                     // anywhere
                                  : slot.bytes + random.below(slot.bytes);  // as a buffer grows
  if (bytes == 0) bytes = 1;  // realloc(block, 0) is no one thing
  if (bytes > 16 << 20) bytes = 16 << 20;
  void* block = heap::resize(slot.block, bytes);
  if (block == nullptr) {
    expect_failure("realloc", bytes);
    return check_content(slot);  // nothing has changed
  }
  const size_t kept = std::min(bytes, slot.bytes);
  const size_t at = pattern::first_difference(block, kept, slot.block, slot.bytes, slot.tag);
  if (at != kept)
    fail("realloc: %p of %zu bytes became %p of %zu: other content at %zu", slot.block, slot.bytes,
         block, bytes, at);
  slot.block = block;
  slot.bytes = bytes;
  slot.tag = random.next();
  pattern::fill(slot.block, slot.bytes, slot.tag);
}

inline void release_from(Slot& slot, Random& random) {
  check_content(slot);
  // Whose the block is next must not find what belongs to this one.
  if (slot.bytes >= sizeof slot.tag) memset(slot.block, 0xdd, sizeof slot.tag);
  errno = ENOTTY;
  random.one_in(4) ? heap::release_sized(slot.block, slot.bytes) : heap::release(slot.block);
  if (errno != ENOTTY) fail("free: errno became %d", errno);
  slot.block = nullptr;
}

inline void work_on(Slot& slot, Random& random) {
  if (slot.block == nullptr) {
    allocate_into(slot, random);
  } else if (slot.bytes != 0 && random.one_in(6)) {
    resize_in(slot, random);
  } else {
    release_from(slot, random);
  }
}

/// A slot of the table, for which nobody waits.
inline void work_on_any(Random& random) {
  Slot& slot = slots[random.below(kSlots)];
  if (!slot.try_hold()) return;
  work_on(slot, random);
  slot.let_go();
}

/// A burst that is freed at once, in the order of allocation: magazines fill and empty as a whole.
inline void burst(Random& random) {
  Slot own[300];
  const size_t count = 1 + random.below(std::size(own));
  const bool alike = random.one_in(2);
  const size_t bytes = 1 + random.below(1024);
  for (size_t i = 0; i < count; ++i) {
    if (!alike && i % 8 == 0) {
      allocate_into(own[i], random);
      continue;
    }
    own[i].block = heap::allocate(bytes);
    if (own[i].block == nullptr) {
      expect_failure("malloc", bytes);
      continue;
    }
    own[i].bytes = bytes;
    own[i].tag = i;
    pattern::fill(own[i].block, bytes, i);
  }
  for (size_t i = 0; i < count; ++i) {
    if (own[i].block != nullptr) release_from(own[i], random);
  }
}
