// How a pool of records divides its blocks. To the heap each of its chunks is a block that lies
// idle in JavaScript; the records in it are counted by two words (LeaseMagazines::records_made).
#pragma once

#include <cstdint>

#include "base/types.h"

namespace superslab {

/// All zero for a pool that lends whole blocks.
struct RecordShape {
  ByteCount chunk_bytes = 0;
  std::uint32_t chunk_records = 0;  // that a chunk has room for
  ByteCount record_bytes = 0;
};

/// A pool of records as statistics see it.
struct RecordFigures {
  RecordShape shape;
  std::uint64_t out = 0;
};

}  // namespace superslab
