// What a block holds while it is in use, so that a foreign write or a second owner is seen.
//
// Every word follows from the block's address, its size, its tag and the word's place. Blocks up to
// kWholeBytes are filled; of larger ones the ends, where allocators make their mistakes, and words
// in between, so that each page of all but the largest is touched.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <algorithm>
#include <bit>

namespace pattern {

constexpr size_t kWholeBytes = 16 << 10;
constexpr size_t kEndBytes = 512;
/// Words between the ends: every kMinStride bytes, but not more than kMaxWords.
constexpr size_t kMinStride = 1024;
constexpr size_t kMaxWords = 4096;

// The finalizer of MurmurHash3.
constexpr uint64_t mix(uint64_t value) {
  value = (value ^ (value >> 33)) * 0xff51afd7ed558ccd;
  value = (value ^ (value >> 33)) * 0xc4ceb9fe1a85ec53;
  return value ^ (value >> 33);
}

inline uint64_t key_of(const void* block, size_t bytes, uint64_t tag) {
  return mix(reinterpret_cast<uintptr_t>(block) ^ mix(bytes ^ mix(tag)));
}

/// Calls visit(offset, bytes of the word) for every word that counts of the first `upto` bytes of a
/// block of `bytes`; stops and answers false when it does.
template <class Visit>
bool for_each_word(size_t bytes, size_t upto, Visit visit) {
  const size_t stride = std::max(kMinStride, std::bit_ceil(bytes / kMaxWords));
  const size_t tail = bytes > kWholeBytes ? (bytes - kEndBytes) & ~size_t{7} : 0;
  for (size_t at = 0; at < upto;) {
    if (!visit(at, std::min(upto - at, sizeof(uint64_t)))) return false;
    at += sizeof(uint64_t);
    if (at >= kEndBytes && at < tail) at = std::min((at + stride - 1) / stride * stride, tail);
  }
  return true;
}

inline void fill(void* block, size_t bytes, uint64_t tag) {
  const uint64_t key = key_of(block, bytes, tag);
  for_each_word(bytes, bytes, [&](size_t at, size_t length) {
    const uint64_t word = key ^ mix(at);
    memcpy(static_cast<char*>(block) + at, &word, length);
    return true;
  });
}

/// Where the content of the first `upto` bytes at `now` differs from what fill(block, bytes, tag)
/// wrote; `upto` when nowhere.
inline size_t first_difference(const void* now, size_t upto, const void* block, size_t bytes,
                               uint64_t tag) {
  const uint64_t key = key_of(block, bytes, tag);
  size_t wrong = upto;
  for_each_word(bytes, upto, [&](size_t at, size_t length) {
    const uint64_t word = key ^ mix(at);
    if (memcmp(static_cast<const char*>(now) + at, &word, length) == 0) return true;
    wrong = at;
    return false;
  });
  return wrong;
}

}  // namespace pattern
