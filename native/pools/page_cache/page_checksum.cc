#include "pools/page_cache/page_checksum.h"

#include <bit>
#include <cstring>

#include "base/crc32c.h"
#include "base/xxh3.h"

namespace superslab::pages {
namespace {

using Trailer = std::uint64_t;
static_assert(sizeof(Trailer) == kTrailerBytes);
static_assert(std::endian::native == std::endian::little, "as the file has them");

/// What the last bytes of the page are to be.
Trailer trailer_of(PageChecksum kind, const void* page, ByteCount bytes, PageNumber number) {
  const ByteCount covered = bytes - kTrailerBytes;
  if (kind == PageChecksum::kXxh3) return xxh3(page, covered, number);
  const std::uint32_t crc = crc32c(&number, sizeof number, crc32c(page, covered));
  return Trailer{crc} << 32 | number;
}

bool is_all_zero(const void* page, ByteCount bytes) {
  const auto* at = static_cast<const unsigned char*>(page);
  // Each byte is the one before it, and the first is zero.
  return at[0] == 0 && std::memcmp(at, at + 1, bytes - 1) == 0;
}

}  // namespace

void stamp_page(PageChecksum kind, void* page, ByteCount bytes, PageNumber number) {
  const Trailer trailer = trailer_of(kind, page, bytes, number);
  std::memcpy(static_cast<char*>(page) + bytes - kTrailerBytes, &trailer, sizeof trailer);
}

bool is_page_intact(PageChecksum kind, const void* page, ByteCount bytes, PageNumber number) {
  Trailer trailer;
  std::memcpy(&trailer, static_cast<const char*>(page) + bytes - kTrailerBytes, sizeof trailer);
  if (trailer == trailer_of(kind, page, bytes, number)) return true;
  const PageChecksum other =
      kind == PageChecksum::kXxh3 ? PageChecksum::kCrc32c : PageChecksum::kXxh3;
  if (trailer == trailer_of(other, page, bytes, number)) return true;
  return trailer == 0 && is_all_zero(page, bytes);
}

}  // namespace superslab::pages
