#include "pools/mapped/raw_books.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/crc32c.h"
#include "pools/mapped/header.h"
#include "pools/mapped/metadata.h"

namespace superslab::mapped {
namespace {

constexpr ByteCount kTableBytes = kChecksumsPerPage * sizeof(std::uint32_t);
constexpr unsigned kMaxMendedRecords = 1024;

std::string at(const char* what, std::uint64_t where) {
  return std::string(what) + " " + std::to_string(where);
}

/// The bit that alone keeps a page from having that checksum; kNoBit when there is none such.
std::uint64_t wrong_bit_of(const std::uint32_t* page, ByteCount bytes, std::uint32_t checksum) {
  if (checksum != 0) return crc32c_wrong_bit(bytes, crc32c(page, bytes) ^ checksum);
  std::uint64_t found = kNoBit;
  for (ByteCount i = 0; i < bytes / 4; ++i) {
    if (page[i] == 0) continue;
    if (found != kNoBit || !std::has_single_bit(page[i])) return kNoBit;
    found = i * 32 + static_cast<unsigned>(std::countr_zero(page[i]));
  }
  return found;
}

}  // namespace

Failure RawBooks::flip(ByteCount at_byte, unsigned bit) {
  std::uint8_t byte = 0;
  FileError error = file_->read_at(&byte, 1, at_byte);
  byte ^= static_cast<std::uint8_t>(1u << bit);
  if (error.ok()) error = file_->write_at(&byte, 1, at_byte);
  return error.ok() ? Failure{} : Failure{Fault::kFailed, error, "mending", at_byte};
}

// Headers.

Failure RawBooks::read_header(unsigned copy, HeaderPage* page) {
  page->bytes.resize(kPageBytes);
  const ByteCount start = std::min(file_bytes_, header_at(copy));
  const ByteCount there = std::min(kPageBytes, file_bytes_ - start);
  if (const FileError error = file_->read_at(page->bytes.data(), there, start); !error.ok())
    return {Fault::kFile, error, "header", copy};
  std::memcpy(&page->header, page->bytes.data(), sizeof(Header));
  page->is_good = is_whole_page(page->bytes.data());
  if (page->is_good || there < kPageBytes) return {};
  HeaderPage mended = *page;
  const std::uint32_t difference = crc_of(page->header) ^ page->header.crc;
  const std::uint64_t bit = crc32c_wrong_bit(offsetof(Header, crc), difference);
  if (bit != kNoBit) mended.bytes[bit / 8] ^= static_cast<std::uint8_t>(1u << bit % 8);
  std::memcpy(&mended.header, mended.bytes.data(), sizeof(Header));
  if (std::has_single_bit(difference)) mended.header.crc ^= difference;
  std::fill(mended.bytes.begin(), mended.bytes.end(), std::uint8_t{0});
  mended.header.zero_too = 0;
  std::memcpy(mended.bytes.data(), &mended.header, sizeof(Header));
  if (!is_whole_page(mended.bytes.data())) return {};
  *page = std::move(mended);
  page->is_good = page->is_mended = true;
  return {};
}

Failure RawBooks::choose_header(const HeaderPage (&pages)[2]) {
  const HeaderPage& a = pages[0];
  const HeaderPage& b = pages[1];
  if (!a.is_good && !b.is_good) return explain(a.header.magic == kMagic ? a.header : b.header);
  const bool takes_second = b.is_good && (!a.is_good || b.header.sequence > a.header.sequence);
  header_ = takes_second ? b.header : a.header;
  layout_ = layout_of(header_);
  if (file_bytes_ < layout_.data_at()) return {Fault::kCut, {}, "", file_bytes_};
  if (a.is_good && b.is_good) return {};
  // As when it is opened: the other one may have counted.
  JournalReader next;
  static_cast<void>(next.read(*file_, layout_, header_.epoch + 1, kAnySequence, boot_));
  if (next.count() > 1 || (next.count() == 1 && (next.parts(0).flags & kCarried) == 0)) {
    ++header_.epoch;
    header_.first_record = next.place_after(0).sequence;
  }
  return {};
}

/// What is zero anyway stays a hole.
Failure RawBooks::copy_to(Files& files, const std::string& path) {
  constexpr ByteCount kChunkBytes = 64 * kKiB;
  std::unique_ptr<File> copy;
  FileError error = files.create(path.c_str(), 0600, &copy);
  if (error.ok()) error = copy->set_size(file_bytes_);
  std::vector<std::uint8_t> chunk(kChunkBytes);
  for (ByteCount at = 0; at < file_bytes_ && error.ok(); at += kChunkBytes) {
    const ByteCount part = std::min(kChunkBytes, file_bytes_ - at);
    error = file_->read_at(chunk.data(), part, at);
    const bool is_zero =
        std::all_of(chunk.begin(), chunk.end(), [](auto byte) { return byte == 0; });
    if (error.ok() && !is_zero) error = copy->write_at(chunk.data(), part, at);
  }
  if (error.ok()) error = copy->sync(SyncLevel::kFull);
  if (error.ok()) error = files.publish(*copy, path.c_str());
  return error.ok() ? Failure{} : Failure{Fault::kFile, error, "copy", 0};
}

/// A copy that is beyond its checksum is made anew when the file is opened.
Failure RawBooks::write_headers(const HeaderPage (&pages)[2], RepairReport& report) {
  for (unsigned copy = 0; copy < kHeaders; ++copy) {
    const HeaderPage& page = pages[copy];
    if (page.is_good && !page.is_mended) continue;
    report.mend(at("header", copy) + (page.is_good ? ": what its checksum told was wrong"
                                                   : ": made anew from the other"));
    if (!page.is_good) continue;
    const FileError error = file_->write_at(page.bytes.data(), kPageBytes, header_at(copy));
    if (!error.ok()) return {Fault::kFailed, error, "header", copy};
  }
  return {};
}

Failure RawBooks::open(Files& files, const std::string& path, const std::string& copy,
                       RepairReport& report) {
  boot_ = files.boot();
  FileError error = files.open(path.c_str(), FileAccess::kReadWrite, 0777, &file_);
  if (!error.ok()) return {Fault::kFile, error, "open", 0};
  error = file_->lock(FileLock::kExclusive);
  if (error.status == FileStatus::kLocked) return {Fault::kInUse, error, "", 0};
  if (error.ok()) error = file_->size(&file_bytes_);
  if (!error.ok()) return {Fault::kFile, error, "lock", 0};
  HeaderPage pages[2];
  Failure failure = read_header(0, &pages[0]);
  if (failure.ok()) failure = read_header(1, &pages[1]);
  if (failure.ok()) failure = choose_header(pages);
  if (failure.ok() && !copy.empty()) failure = copy_to(files, copy);
  if (failure.ok()) failure = write_headers(pages, report);
  return failure.ok() ? map() : failure;
}

Failure RawBooks::map() {
  void* memory = nullptr;
  const ByteCount bytes = layout_.data_at() - layout_.checksums_at();
  const FileError error = file_->map(layout_.checksums_at(), bytes, FileMapping::kPrivate, &memory);
  if (!error.ok()) return {Fault::kNoMemory, error, "map", bytes};
  GuardedMapping* const guard = guard_mapping(memory, bytes);
  range_ = std::make_unique<MappedRange>(memory, bytes, guard);
  if (guard == nullptr) return {Fault::kTooManyOpen, {}, "", kMaxGuardedMappings};
  checksums_ = static_cast<std::uint32_t*>(memory);
  words_ = checksums_ + (layout_.metadata_at() - layout_.checksums_at()) / sizeof *words_;
  bad_pages_.assign(layout_.metadata_pages(), false);
  bad_tables_.assign(layout_.checksum_pages(), false);
  is_moving_.assign(layout_.checksum_pages(), false);
  return {};
}

// The journal.

Failure RawBooks::read_journal(RepairReport& report) {
  for (unsigned i = 0; i < kMaxMendedRecords; ++i) {
    const Failure failure =
        reader_.read(*file_, layout_, header_.epoch, header_.first_record, boot_);
    is_journal_damaged_ = failure.fault == Fault::kDamaged;
    if (!is_journal_damaged_) return failure;
    const std::uint64_t bit = reader_.wrong_bit();
    if (bit == kNoBit) return {};
    const Failure flipped =
        flip(layout_.half_at(header_.epoch) + bit / 8, static_cast<unsigned>(bit % 8));
    if (!flipped.ok()) return flipped;
    report.mend(at("journal record", failure.where) + ": the one wrong bit of it");
  }
  return {};
}

void RawBooks::note_checkpoint() {
  const std::size_t count = kept();
  for (std::size_t i = 0; i < count; ++i) {
    const RecordParts parts = reader_.parts(i);
    if ((parts.flags & kCheckpoint) == 0) continue;
    has_checkpoint_ = true;
    checkpoint_.assign(parts.words.begin(), parts.words.end());
  }
  std::sort(checkpoint_.begin(), checkpoint_.end(),
            [](const ChangedWord& a, const ChangedWord& b) { return a.index < b.index; });
  for (const ChangedWord& page : checkpoint_) {
    const std::uint32_t table = page.index / kChecksumsPerPage;
    if (table < is_moving_.size()) is_moving_[table] = true;
  }
}

void RawBooks::replay() {
  const std::size_t count = kept();
  for (std::size_t i = 0; i < count; ++i) {
    const RecordParts parts = reader_.parts(i);
    if ((parts.flags & kCheckpoint) != 0) continue;
    for (const ChangedWord& word : parts.words) {
      if (word.index / kWordsPerPage < layout_.metadata_pages()) words_[word.index] = word.value;
    }
  }
}

// Pages.

Failure RawBooks::mend_tables(RepairReport& report) {
  for (std::uint32_t table = 0; table < layout_.checksum_pages(); ++table) {
    std::uint32_t* const words = checksums_ + std::size_t{table} * kWordsPerPage;
    std::uint32_t& checksum = words[kChecksumsPerPage];
    const std::uint32_t found = checksum_of(words, kTableBytes);
    if (is_moving_[table] || found == checksum) continue;
    const ByteCount start = layout_.checksums_at() + ByteCount{table} * kPageBytes;
    std::uint64_t bit = wrong_bit_of(words, kTableBytes, checksum);
    if (bit == kNoBit && std::has_single_bit(found ^ checksum))
      bit = kTableBytes * 8 + static_cast<unsigned>(std::countr_zero(found ^ checksum));
    if (bit == kNoBit) {
      bad_tables_[table] = true;
      continue;
    }
    words[bit / 32] ^= 1u << bit % 32;
    if (const Failure failure = flip(start + bit / 8, bit % 8); !failure.ok()) return failure;
    report.mend(at("page of checksums", table) + ": the one wrong bit of it");
  }
  return {};
}

Failure RawBooks::mend_pages(RepairReport& report) {
  // What no data page of the file needs was never written, or has a checksum.
  const ByteCount data_pages = (file_bytes_ - layout_.data_at()) / kPageBytes;
  const ByteCount map_pages = kFixedPages + div_up(data_pages * kEntryWords, kWordsPerPage);
  for (MetadataPage page = 0; page < layout_.metadata_pages(); ++page) {
    const std::uint32_t table = page / kChecksumsPerPage;
    std::uint32_t checksum =
        checksums_[std::size_t{table} * kWordsPerPage + page % kChecksumsPerPage];
    const ChangedWord key{page, 0};
    const auto listed = std::lower_bound(
        checkpoint_.begin(), checkpoint_.end(), key,
        [](const ChangedWord& a, const ChangedWord& b) { return a.index < b.index; });
    if (listed != checkpoint_.end() && listed->index == page)
      checksum = listed->value;
    else if (bad_tables_[table] || (checksum == 0 && page >= map_pages))
      continue;
    std::uint32_t* const words = words_ + std::size_t{page} * kWordsPerPage;
    if (checksum_of(words, kPageBytes) == checksum) continue;
    const std::uint64_t bit = wrong_bit_of(words, kPageBytes, checksum);
    if (bit == kNoBit) {
      bad_pages_[page] = true;
      continue;
    }
    words[bit / 32] ^= 1u << bit % 32;
    const ByteCount start = layout_.metadata_at() + ByteCount{page} * kPageBytes;
    if (const Failure failure = flip(start + bit / 8, bit % 8); !failure.ok()) return failure;
    report.mend(at("metadata page", page) + ": the one wrong bit of it");
  }
  return {};
}

Failure RawBooks::mend_bits(RepairReport& report) {
  Failure failure = read_journal(report);
  if (!failure.ok()) return failure;
  note_checkpoint();
  failure = mend_tables(report);
  // Pages that were being written home are what the records say, and then match the checkpoint's
  // checksums. Else none has been written since the records began.
  if (has_checkpoint_) replay();
  if (failure.ok()) failure = mend_pages(report);
  if (!has_checkpoint_) replay();
  if (!failure.ok()) return failure;
  if (is_lost()) return {Fault::kLost, {}, "mapped pages", 0};
  const FileError error = file_->sync(SyncLevel::kData);
  return error.ok() ? Failure{} : Failure{Fault::kFailed, error, "sync of the file", 0};
}

}  // namespace superslab::mapped
