// Values that are one word again and again, as zeroed pages are: zswap's same-filled pages.
#pragma once

#include <cstdint>
#include <cstring>

#include "base/types.h"

namespace superslab {

/// Whether the `size` bytes are one word of eight again and again, the last perhaps in part. Then
/// `word` is it.
inline bool is_repeated(const void* bytes, ByteCount size, std::uint64_t& word) {
  constexpr ByteCount kWord = sizeof(std::uint64_t);
  word = 0;
  std::memcpy(&word, bytes, size < kWord ? size : kWord);
  // Bytes that equal those a word before them, from the first word on, are the word repeated.
  return size <= kWord ||
         std::memcmp(bytes, static_cast<const std::byte*>(bytes) + kWord, size - kWord) == 0;
}

inline void repeat(std::uint64_t word, void* to, ByteCount size) {
  auto* at = static_cast<std::byte*>(to);
  for (; size >= sizeof word; size -= sizeof word, at += sizeof word)
    std::memcpy(at, &word, sizeof word);
  std::memcpy(at, &word, size);
}

}  // namespace superslab
