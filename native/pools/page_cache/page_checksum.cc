#include "pools/page_cache/page_checksum.h"

#include <bit>
#include <cstring>

#include "base/crc32c.h"

namespace superslab::pages {
namespace {

struct Trailer {
  std::uint32_t number;
  std::uint32_t crc;
};
static_assert(sizeof(Trailer) == kTrailerBytes);
static_assert(std::endian::native == std::endian::little, "as the file has them");

std::uint32_t crc_of(const void* page, ByteCount bytes, PageNumber number) {
  return crc32c(&number, sizeof number, crc32c(page, bytes - kTrailerBytes));
}

bool is_all_zero(const void* page, ByteCount bytes) {
  const auto* at = static_cast<const unsigned char*>(page);
  // Each byte is the one before it, and the first is zero.
  return at[0] == 0 && std::memcmp(at, at + 1, bytes - 1) == 0;
}

}  // namespace

void stamp_page(void* page, ByteCount bytes, PageNumber number) {
  const Trailer trailer{number, crc_of(page, bytes, number)};
  std::memcpy(static_cast<char*>(page) + bytes - kTrailerBytes, &trailer, sizeof trailer);
}

bool is_page_intact(const void* page, ByteCount bytes, PageNumber number) {
  Trailer trailer;
  std::memcpy(&trailer, static_cast<const char*>(page) + bytes - kTrailerBytes, sizeof trailer);
  if (trailer.number == number && trailer.crc == crc_of(page, bytes, number)) return true;
  return trailer.number == 0 && trailer.crc == 0 && is_all_zero(page, bytes);
}

}  // namespace superslab::pages
