// The checksum of a page, which lies in its last bytes, so that page and checksum are written
// together: the page's number and CRC-32C of all before, as two little-endian words. So a page that
// was written to another's place is found, too.
#pragma once

#include "pools/page_cache/frame_table.h"

namespace superslab::pages {

/// Bytes at the end of a page with a checksum that are not the program's.
constexpr ByteCount kTrailerBytes = 8;

/// Puts the checksum into a page of `bytes`.
void stamp_page(void* page, ByteCount bytes, PageNumber number);

/// Whether the checksum is right, or all of the page is zeros: then it was never written.
bool is_page_intact(const void* page, ByteCount bytes, PageNumber number);

}  // namespace superslab::pages
