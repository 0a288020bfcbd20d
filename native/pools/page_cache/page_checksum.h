// The checksum of a page, which lies in its last eight bytes, so that page and checksum are written
// together. It covers the page's number, so that a page in another's place is found, too.
//
//   kCrc32c   the number, and CRC-32C of all before and of the number: two little-endian words
//   kXxh3     XXH3 of 64 bits of all before, with the number as its seed, little-endian
//
// A page does not say which it has: whoever reads it tries both. A page that has one kind by chance
// when it has the other, damaged, is as improbable as one whose damage its own checksum misses.
#pragma once

#include "pools/page_cache/frame_table.h"

namespace superslab::pages {

/// Bytes at the end of a page with a checksum that are not the program's.
constexpr ByteCount kTrailerBytes = 8;

/// Which checksum pages are written with.
enum class PageChecksum : std::uint8_t { kNone, kCrc32c, kXxh3 };

/// Puts the checksum, which is not kNone, into a page of `bytes`.
void stamp_page(PageChecksum kind, void* page, ByteCount bytes, PageNumber number);

/// Whether a checksum of either kind is right, that of `kind` first; or all of the page is zeros:
/// then it was never written.
bool is_page_intact(PageChecksum kind, const void* page, ByteCount bytes, PageNumber number);

}  // namespace superslab::pages
