#include "pools/compressed/lz4_codec.h"

#ifdef SUPERSLAB_LZ4

// All of LZ4 as static functions of this file: a process may have another copy, whose symbols
// must not be taken for ours, and what is not called leaves no code.
#define LZ4LIB_VISIBILITY static
#define LZ4_STATIC_LINKING_ONLY
#define LZ4_STATIC_LINKING_ONLY_DISABLE_MEMORY_ALLOCATION
#define LZ4_HEAPMODE 0
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wframe-larger-than="
#include <lz4.c>
#pragma GCC diagnostic pop

static_assert(LZ4_VERSION_NUMBER >= 11000, "LZ4 1.10 or later");

namespace superslab {

bool has_lz4() { return true; }

static_assert(sizeof(Lz4State::bytes) >= sizeof(LZ4_stream_t) &&
              alignof(Lz4State) >= alignof(LZ4_stream_t));

ByteCount lz4_compress(Lz4State& state, const void* from, ByteCount size, void* to,
                       ByteCount room) {
  if (size > LZ4_MAX_INPUT_SIZE || room == 0) return 0;
  auto* const source = static_cast<const char*>(from);
  auto* const target = static_cast<char*>(to);
  const auto most = static_cast<int>(room < size ? room : size);
  const int length = static_cast<int>(size);
  // The fast reset leaves the tables as the call before has left them, and needs that it was one.
  const int got =
      state.is_begun
          ? LZ4_compress_fast_extState_fastReset(state.bytes, source, target, length, most, 1)
          : LZ4_compress_fast_extState(state.bytes, source, target, length, most, 1);
  state.is_begun = true;
  return got > 0 ? static_cast<ByteCount>(got) : 0;
}

bool lz4_decompress(const void* from, ByteCount size, void* to, ByteCount length) {
  if (size > LZ4_MAX_INPUT_SIZE || length > LZ4_MAX_INPUT_SIZE) return false;
  const int got = LZ4_decompress_safe(static_cast<const char*>(from), static_cast<char*>(to),
                                      static_cast<int>(size), static_cast<int>(length));
  return got >= 0 && static_cast<ByteCount>(got) == length;
}

}  // namespace superslab

#else

namespace superslab {

bool has_lz4() { return false; }
ByteCount lz4_compress(Lz4State&, const void*, ByteCount, void*, ByteCount) { return 0; }
bool lz4_decompress(const void*, ByteCount, void*, ByteCount) { return false; }

}  // namespace superslab

#endif
