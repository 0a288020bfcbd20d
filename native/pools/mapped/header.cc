#include "pools/mapped/header.h"

#include <algorithm>
#include <cstring>

#include "base/crc32c.h"

namespace superslab::mapped {

std::uint32_t crc_of(const Header& header) { return crc32c(&header, offsetof(Header, crc)); }

bool is_valid(const Header& header) {
  return header.magic == kMagic && header.byte_order == kByteOrder && header.version == kVersion &&
         (header.needed_features & ~kKnownFeatures) == 0 && header.page_bytes == kPageBytes &&
         Layout{header.max_pages, header.journal_bytes}.is_possible() &&
         header.crc == crc_of(header);
}

Failure explain(const Header& header) {
  if (header.magic != kMagic) return {Fault::kForeign, {}, "", 0};
  if (header.byte_order == __builtin_bswap32(kByteOrder)) return {Fault::kByteOrder, {}, "", 0};
  if (header.version != kVersion) return {Fault::kVersion, {}, "version", header.version};
  if ((header.needed_features & ~kKnownFeatures) != 0)
    return {Fault::kVersion, {}, "features", header.needed_features};
  if (header.page_bytes != kPageBytes) return {Fault::kPageSize, {}, "", header.page_bytes};
  return {Fault::kDamaged, {}, "header", 0};
}

bool is_whole_page(const std::uint8_t* page) {
  Header header;
  std::memcpy(&header, page, sizeof header);
  constexpr ByteCount kEnd = offsetof(Header, zero_too);
  return is_valid(header) &&
         std::all_of(page + kEnd, page + kPageBytes, [](std::uint8_t byte) { return byte == 0; });
}

}  // namespace superslab::mapped
