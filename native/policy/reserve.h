// Which empty memory a heap keeps for demand that comes back. Whoever chooses it publishes it
// (Heap::publish_reserve); the heap reads it where it would dissolve slabs or give memory back.
#pragma once

#include <array>
#include <cstdint>

#include "base/types.h"

namespace superslab {

struct Reserve {
  /// By class: slabs that stay, whether blocks of them are out or not. Beyond those an empty one is
  /// dissolved once nobody wants it.
  std::array<std::uint32_t, kClassSlots> slabs{};
  /// Of empty slabs and of free memory in no slab together: what is not given back for being idle.
  ByteCount ready_bytes = 0;

  bool operator==(const Reserve&) const = default;
};

}  // namespace superslab
