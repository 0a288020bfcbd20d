// The file of a mapped pool: docs/FILE-FORMAT.md, as types.
#pragma once

#include <bit>
#include <cstdint>

#include "base/bits.h"
#include "base/types.h"

namespace superslab::mapped {

static_assert(std::endian::native == std::endian::little,
              "words lie in the file as in memory; other machines need a conversion");

constexpr ByteCount kPageBytes = 4096;
constexpr ByteCount kGranuleBytes = 64;
constexpr ByteCount kAreaBytes = 64 * kKiB;  // every area begins at a multiple of it

/// A page of the data area, a page of the metadata area, a word of it.
using DataPage = std::uint32_t;
using MetadataPage = std::uint32_t;
using WordIndex = std::uint32_t;

constexpr std::uint32_t kWordsPerPage = kPageBytes / 4;
constexpr std::uint64_t kMaxDataPages = std::uint64_t{1} << 25;  // 128 GiB
constexpr std::uint32_t kSlabPages = 16;

// Header.

constexpr std::uint64_t kMagic = 0x50414d42414c5353;  // "SSLABMAP"
constexpr std::uint32_t kByteOrder = 0x01020304;
constexpr std::uint32_t kVersion = 1;

/// Bits of needed_features.
constexpr std::uint64_t kBlockChecksums = 1;  // each block has a CRC-32C
constexpr std::uint64_t kSensitive = 2;       // what is freed is overwritten
constexpr std::uint64_t kEncrypted = 4;       // blocks are sealed by the program
constexpr std::uint64_t kKnownFeatures = kBlockChecksums | kSensitive | kEncrypted;

struct Header {
  std::uint64_t magic;
  std::uint32_t byte_order;
  std::uint32_t version;
  std::uint64_t needed_features;
  std::uint64_t ignorable_features;
  std::uint32_t page_bytes;
  std::uint32_t zero;
  std::uint64_t max_pages;
  std::uint64_t journal_bytes;
  std::uint8_t id[16];
  std::uint64_t sequence;
  std::uint64_t epoch;
  std::uint64_t first_record;
  std::uint32_t crc;
  std::uint32_t zero_too;
};
static_assert(sizeof(Header) == 104);

// Journal.

constexpr std::uint32_t kRecordMagic = 0x524a5353;  // "SSJR"

enum RecordFlags : std::uint32_t {
  kSynced = 1,
  kFreesApplied = 2,
  kCheckpoint = 4,
  kCarried = 8,
  kSyncedThrough = 16,
};

struct RecordHead {
  std::uint32_t magic;
  std::uint32_t bytes;
  std::uint64_t epoch;
  std::uint64_t sequence;
  std::uint64_t boot;
  std::uint64_t durable;
  std::uint32_t flags;
  std::uint32_t words;
  std::uint32_t frees;
  std::uint32_t write_bytes;
  std::uint32_t crc;
  std::uint32_t crc_before;
};
static_assert(sizeof(RecordHead) == 64);

struct ChangedWord {
  WordIndex index;
  std::uint32_t value;
};

struct WriteHead {
  std::uint64_t offset;  // in the data
  std::uint32_t bytes;
  std::uint32_t zero;
};

// Metadata.

constexpr WordIndex kDataPagesWord = 0;
constexpr WordIndex kSlabsMadeWord = 1;
constexpr WordIndex kUsedBytesWord = 2;  // and the next
constexpr WordIndex kBlocksWord = 4;     // and the next
constexpr WordIndex kFreePagesWord = 6;
constexpr WordIndex kBinsWord = 16;
constexpr std::uint32_t kBins = 224;
constexpr WordIndex kClassesWord = 256;

constexpr WordIndex kRootsWord = kWordsPerPage;
constexpr std::uint32_t kRoots = 256;
constexpr std::uint32_t kRootWords = 16;
constexpr std::uint32_t kRootNameBytes = 48;

constexpr MetadataPage kFixedPages = 1 + kRoots * kRootWords / kWordsPerPage;
constexpr WordIndex kMapWord = kFixedPages * kWordsPerPage;
constexpr std::uint32_t kEntryWords = 4;

/// What the first word of an entry of the page map says, in its upper 4 bits.
enum class Kind : std::uint32_t {
  kNothing = 0,
  kFree = 1,
  kFreeWithHoles = 2,
  kFreeEnd = 3,
  kBlock = 4,
  kSlab = 5,
};
constexpr std::uint32_t kKindShift = 28;
constexpr std::uint32_t kCountMask = (std::uint32_t{1} << kKindShift) - 1;
constexpr std::uint32_t entry_word(Kind kind, std::uint32_t count) {
  return static_cast<std::uint32_t>(kind) << kKindShift | count;
}
constexpr Kind kind_of(std::uint32_t word) { return static_cast<Kind>(word >> kKindShift); }
constexpr std::uint32_t count_of(std::uint32_t word) { return word & kCountMask; }

constexpr WordIndex entry(DataPage page, std::uint32_t field = 0) {
  return kMapWord + page * kEntryWords + field;
}

// Generations and handles.

constexpr unsigned kGenerationBits = 21;
constexpr std::uint32_t kGenerationMask = (std::uint32_t{1} << kGenerationBits) - 1;
constexpr unsigned kSlackBits = 32 - kGenerationBits;
constexpr std::uint32_t kSlackMask = (std::uint32_t{1} << kSlackBits) - 1;

constexpr bool is_live(std::uint32_t generation) { return (generation & 1) != 0; }
constexpr std::uint32_t next_generation(std::uint32_t generation) {
  return (generation + 1) & kGenerationMask;
}

/// generation x 2^32 + granule in the data; 0 names nothing.
using Handle = std::uint64_t;
constexpr Handle kNoHandle = 0;
constexpr Handle handle_of(std::uint32_t generation, std::uint32_t granule) {
  return Handle{generation} << 32 | granule;
}
constexpr std::uint32_t granule_of(Handle handle) { return static_cast<std::uint32_t>(handle); }
constexpr std::uint32_t generation_of(Handle handle) {
  return static_cast<std::uint32_t>(handle >> 32);
}
constexpr Handle kMaxHandle = (std::uint64_t{1} << (32 + kGenerationBits)) - 1;
constexpr DataPage page_of_granule(std::uint32_t granule) {
  return granule / static_cast<std::uint32_t>(kPageBytes / kGranuleBytes);
}

// Areas.

constexpr ByteCount kMinJournalBytes = 128 * kKiB;
constexpr ByteCount kMaxJournalBytes = 64 * kMiB;
constexpr std::uint32_t kChecksumsPerPage = kWordsPerPage - 1;

/// Where everything lies: it follows from two numbers of the header.
struct Layout {
  std::uint64_t max_pages;     // of data, a multiple of kSlabPages
  ByteCount journal_bytes;     // both halves
  bool has_checksums = false;  // of blocks
  bool is_sensitive = false;   // what is freed is overwritten

  bool is_possible() const {
    return max_pages >= kSlabPages && max_pages <= kMaxDataPages && max_pages % kSlabPages == 0 &&
           journal_bytes >= kMinJournalBytes && journal_bytes <= kMaxJournalBytes &&
           journal_bytes % kMinJournalBytes == 0;
  }

  ByteCount half_bytes() const { return journal_bytes / 2; }
  ByteCount half_at(std::uint64_t epoch) const { return kAreaBytes + (epoch % 2) * half_bytes(); }

  MetadataPage map_pages() const {
    return static_cast<MetadataPage>(div_up(max_pages * kEntryWords, kWordsPerPage));
  }
  MetadataPage slab_word_page(DataPage slab) const {
    return kFixedPages + map_pages() + slab / kSlabPages;
  }
  MetadataPage metadata_pages() const {
    return kFixedPages + map_pages() + static_cast<MetadataPage>(max_pages / kSlabPages);
  }
  std::uint32_t checksum_pages() const {
    return static_cast<std::uint32_t>(div_up(metadata_pages(), kChecksumsPerPage));
  }

  ByteCount checksums_at() const { return kAreaBytes + journal_bytes; }
  ByteCount metadata_at() const {
    return align_up(checksums_at() + checksum_pages() * kPageBytes, kAreaBytes);
  }
  ByteCount data_at() const {
    return align_up(metadata_at() + ByteCount{metadata_pages()} * kPageBytes, kAreaBytes);
  }
  ByteCount max_file_bytes() const { return data_at() + max_pages * kPageBytes; }
};

}  // namespace superslab::mapped
