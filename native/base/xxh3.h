// XXH3 of 64 bits, after the specification of xxHash (doc/xxhash_spec.md, version 0.2.0, "XXH3
// Algorithm Overview"), for inputs that are longer than 240 bytes, as pages are: shorter ones have
// ways of their own there.
#pragma once

#include <cstdint>

#include "base/types.h"

namespace superslab {

/// Inputs have to be longer.
constexpr ByteCount kXxh3Shortest = 241;

/// Of `bytes` at `data`, of which there are at least kXxh3Shortest.
std::uint64_t xxh3(const void* data, ByteCount bytes, std::uint64_t seed = 0);

/// The same without the processor's vector instructions.
std::uint64_t xxh3_by_words(const void* data, ByteCount bytes, std::uint64_t seed = 0);

}  // namespace superslab
