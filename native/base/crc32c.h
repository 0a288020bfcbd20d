// CRC-32C (Castagnoli, RFC 3720): by the processor's instruction where it has one.
#pragma once

#include <cstdint>

#include "base/types.h"

namespace superslab {

/// Of `bytes` at `data`. With the CRC of what comes before as `before`, that of both together.
std::uint32_t crc32c(const void* data, ByteCount bytes, std::uint32_t before = 0);

/// What the CRC of a message is xored with when bytes of it change: `changes` are those bytes, old
/// xor new, and `behind` the bytes of the message behind them.
std::uint32_t crc32c_change(const void* changes, ByteCount bytes, ByteCount behind);

constexpr std::uint64_t kNoBit = UINT64_MAX;

/// Which bit of `bytes` bytes is wrong, if one alone is and their CRC would be another otherwise:
/// `difference` is that CRC xor the one that was found. kNoBit when it is not one alone. The
/// lowest bit of the next byte is 8. Up to 256 MiB two wrong bits never look like one (Koopman,
/// "32-Bit Cyclic Redundancy Codes for Internet Applications", 2002: the distance is 4).
std::uint64_t crc32c_wrong_bit(ByteCount bytes, std::uint32_t difference);

/// The same by a table, for processors without the instruction.
std::uint32_t crc32c_by_table(const void* data, ByteCount bytes, std::uint32_t before = 0);

}  // namespace superslab
