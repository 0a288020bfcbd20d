// Which blocks went in and out of magazines: what no slab's bits tell.
#pragma once

#include <cstdint>

#include "pools/buffer/block_number.h"

namespace superslab {

/// Who wants to know.
class RecentBlocks {
 public:
  /// The magazines of one cache, by tag: what was acquired of each class so far, and rows of
  /// kMagazineBlocks numbers, the blocks above a magazine's depth included: they were handed out
  /// last. Their thread goes on using them. `whose` tells caches apart while they exist.
  virtual void look_at(const void* whose, const std::uint32_t* acquired,
                       const BlockNumber* blocks) = 0;

 protected:
  ~RecentBlocks() = default;
};

}  // namespace superslab
