// LZ4, where its C sources were there when this was compiled (scripts/codecs.cjs).
#pragma once

#include "base/types.h"

namespace superslab {

/// Whether it was there. Not a constant: other parts of a program are compiled without knowing.
bool has_lz4();

/// What lz4_compress() works with: 16 KiB of tables, for one call at a time. Whoever has many
/// values keeps one: to clear it costs more than to compress a page.
struct alignas(16) Lz4State {
  std::byte bytes[16 * kKiB + 64];
  bool is_begun = false;
};

/// Bytes that `size` bytes at `from` take compressed, which are then at `to`; 0 when that is more
/// than `room`, or without LZ4. Reads within [from, from + size) and writes within [to, to + room),
/// also when another thread changes what it reads: what comes of it is then worth nothing.
ByteCount lz4_compress(Lz4State& state, const void* from, ByteCount size, void* to, ByteCount room);

/// Whether `size` bytes at `from` are compressed data of exactly `length` bytes, which are then at
/// `to`. Whatever the data is, nothing is written or read outside of the two ranges.
bool lz4_decompress(const void* from, ByteCount size, void* to, ByteCount length);

}  // namespace superslab
