// What is counted of a pool whose things are JavaScript's own objects: there is no block for them,
// so the heap counts nothing. JavaScript writes the numbers (lib/pools/object), which any thread
// may read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace superslab {

/// Plain doubles on purpose, as JavaScript's numbers are: one thread writes them, and an aligned
/// 64-bit store is seen whole by others, sooner or later.
struct ObjectCounts {
  double is_counted;  // 0 in a pool of another kind
  double acquires;
  double exhausted;
#define OBJECT_STAT(field, json, unit, meaning) double field;
#include "heap/stats.def"
};

static_assert(std::is_standard_layout_v<ObjectCounts> &&
              std::is_trivially_copyable_v<ObjectCounts>);

}  // namespace superslab
