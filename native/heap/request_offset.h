// Where in its block a request beyond kMaxMediumBytes begins.
//
// Blocks of these sizes are reused for requests of other sizes. If each request began at its
// block's start, each would end on another page, and over time every page of the block would be
// touched though hardly any is used. So a request is moved up until it ends at a multiple of a
// step: the pages that its ends touch are then few and the same for all sizes. It also keeps large
// arrays from all starting at the same cache sets.
#pragma once

#include <algorithm>

#include "base/bits.h"
#include "base/types.h"

namespace superslab {

/// Offset from the block's start for a request of `bytes` <= block_bytes; a multiple of 64.
constexpr ByteCount request_offset(ByteCount bytes, ByteCount block_bytes) {
  const ByteCount natural = block_bytes & (~block_bytes + 1);
  const ByteCount step = std::min(natural, kSliceBytes);
  return align_down((step - bytes % step) % step, 64);
}

}  // namespace superslab
