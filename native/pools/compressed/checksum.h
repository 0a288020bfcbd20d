// By what damaged bytes are found.
#pragma once

#include <cstdint>

#include "base/types.h"

namespace superslab {

/// XXH3 of 64 bits; without its header, which is there wherever LZ4 is (scripts/codecs.cjs), a sum
/// of our own, which finds every change of a single word for certain, too. Both are only compared
/// within one process.
std::uint64_t checksum(const void* bytes, ByteCount size);

}  // namespace superslab
