// What is counted of a pool whose blocks lie in a file: the heap of the process has none of them.
// One thread writes the numbers, the native side its own and JavaScript (lib/pools/mapped) its own;
// any thread may read them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace superslab {

/// Plain doubles, for the reasons of ObjectCounts.
struct FileCounts {
  double is_counted;  // 0 in a pool of another kind
#define FILE_STAT(field, json, unit, meaning) double field;
#include "heap/stats.def"
};

static_assert(std::is_standard_layout_v<FileCounts> && std::is_trivially_copyable_v<FileCounts>);

}  // namespace superslab
