// CRC-32C (Castagnoli, RFC 3720): by the processor's instruction where it has one.
#pragma once

#include <cstdint>

#include "base/types.h"

namespace superslab {

/// Of `bytes` at `data`. With the CRC of what comes before as `before`, that of both together.
std::uint32_t crc32c(const void* data, ByteCount bytes, std::uint32_t before = 0);

/// The same by a table, for processors without the instruction.
std::uint32_t crc32c_by_table(const void* data, ByteCount bytes, std::uint32_t before = 0);

}  // namespace superslab
