// What must be true of the blocks that are in use, whatever the calls before: nobody else has them,
// they are aligned and as large as was asked for, and hold what was written to them.
#pragma once

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "../stress/pattern.h"
#include "include/superslab.h"

#define REQUIRE(condition) \
  ((condition)             \
       ? (void)0           \
       : (fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition), abort()))

/// The value of errno before a call, and after one that succeeds.
constexpr int kErrnoBefore = ENOTTY;

struct Block {
  char* at = nullptr;
  size_t bytes = 0;  // that may be used, and hold the pattern
  size_t asked = 0;
  uint64_t tag = 0;
  ss_heap* heap = nullptr;  // nullptr: that of the process

  bool is_used() const { return at != nullptr; }
};

class Model {
 public:
  static constexpr size_t kBlocks = 256;

  Block& operator[](size_t i) { return blocks_[i % kBlocks]; }

  /// A block came back for a request of `bytes`.
  void add(Block& block, void* at, size_t bytes, size_t alignment, ss_heap* heap) {
    REQUIRE(errno == kErrnoBefore);
    REQUIRE(reinterpret_cast<uintptr_t>(at) % alignment == 0);
    const size_t usable = ss_usable_size(at);
    REQUIRE(usable >= bytes);
    REQUIRE(ss_owns(at) == 1);
    REQUIRE(!overlaps(at, usable));
    block = {static_cast<char*>(at), usable, bytes, ++tags_, heap};
    pattern::fill(block.at, block.bytes, block.tag);
  }

  static void check(const Block& block) {
    REQUIRE(pattern::first_difference(block.at, block.bytes, block.at, block.bytes, block.tag) ==
            block.bytes);
  }

  /// The first `kept` bytes of what was in `before`, now at `now`.
  static void check_moved(const Block& before, const void* now, size_t kept) {
    REQUIRE(pattern::first_difference(now, kept, before.at, before.bytes, before.tag) == kept);
  }

  static void check_zero(const void* at, size_t bytes) {
    REQUIRE(pattern::for_each_word(bytes, bytes, [&](size_t offset, size_t length) {
      const uint64_t zero = 0;
      return memcmp(static_cast<const char*>(at) + offset, &zero, length) == 0;
    }));
  }

  template <class Visit>
  void for_each_used(Visit visit) {
    for (Block& block : blocks_) {
      if (block.is_used()) visit(block);
    }
  }

 private:
  bool overlaps(const void* at, size_t bytes) {
    const auto* start = static_cast<const char*>(at);
    for (const Block& other : blocks_) {
      if (other.is_used() && start < other.at + other.bytes && other.at < start + bytes)
        return true;
    }
    return false;
  }

  Block blocks_[kBlocks];
  uint64_t tags_ = 0;
};
