// SUPERSLAB_CACHE_BLOCKS: most free blocks that a thread keeps of every class, and of single ones.
//
//   64           of every class
//   64,512:32    and 32 of the class that serves requests of 512 bytes
//   4k:8,64k:2   of these two alone
#pragma once

#include <string_view>

#include "policy/knob.h"
#include "policy/snapshot.h"

namespace superslab {

struct SizeBlocksReading {
  /// Of all of it; the value is that of every class.
  Reading all;
  bool has_value = false;
};

/// `heap` keeps what it has where the text is wrong.
SizeBlocksReading read_size_blocks(const Knob& knob, std::string_view text, HeapSnapshot& heap);

}  // namespace superslab
