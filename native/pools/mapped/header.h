// The two copies of the header.
#pragma once

#include <cstddef>

#include "pools/mapped/fault.h"
#include "pools/mapped/format.h"

namespace superslab::mapped {

constexpr unsigned kHeaders = 2;
constexpr ByteCount header_at(unsigned copy) { return copy * kPageBytes; }

bool is_valid(const Header& header);
/// Why a header is not valid.
Failure explain(const Header& header);
inline Layout layout_of(const Header& header) {
  return {header.max_pages, header.journal_bytes, (header.needed_features & kBlockChecksums) != 0,
          (header.needed_features & kSensitive) != 0};
}
/// The checksum that belongs to it.
std::uint32_t crc_of(const Header& header);
/// Whether the page of a copy is as it was written: a valid header, and zeros.
bool is_whole_page(const std::uint8_t* page);

}  // namespace superslab::mapped
