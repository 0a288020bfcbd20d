#include "pools/mapped/metadata.h"

#include <algorithm>
#include <cassert>
#include <numeric>

#include "base/crc32c.h"

namespace superslab::mapped {
namespace {

bool is_zero(const void* data, ByteCount bytes) {
  const auto* word = static_cast<const std::uint64_t*>(data);
  return std::all_of(word, word + bytes / sizeof *word, [](std::uint64_t w) { return w == 0; });
}

std::size_t bit_words(std::size_t bits) { return div_up(bits, 64); }

constexpr ByteCount kChecksumBytes = kChecksumsPerPage * sizeof(std::uint32_t);

}  // namespace

std::uint32_t checksum_of(const void* page, ByteCount bytes) {
  if (is_zero(page, bytes / 8 * 8)) {
    // The last word of an odd number of them.
    std::uint32_t last = 0;
    if (bytes % 8 != 0) last = static_cast<const std::uint32_t*>(page)[bytes / 4 - 1];
    if (last == 0) return 0;
  }
  const std::uint32_t crc = crc32c(page, bytes);
  return crc == 0 ? 1 : crc;
}

Metadata::Metadata(const Layout& layout, void* memory)
    : layout_(layout),
      checksums_(static_cast<std::uint32_t*>(memory)),
      words_(checksums_ + (layout.metadata_at() - layout.checksums_at()) / sizeof(std::uint32_t)),
      seen_(bit_words(layout.metadata_pages())),
      seen_checksums_(bit_words(layout.checksum_pages())),
      is_dirty_(bit_words(layout.metadata_pages())) {}

void Metadata::undo_to(std::size_t changes) {
  assert(changes <= undo_.size());
  while (undo_.size() > changes) {
    words_[undo_.back().index] = undo_.back().before;
    undo_.pop_back();
  }
}

void Metadata::collect(std::vector<ChangedWord>& words) {
  order_.resize(undo_.size());
  std::iota(order_.begin(), order_.end(), 0u);
  // The first change of a word knows what it was.
  std::sort(order_.begin(), order_.end(), [this](std::uint32_t a, std::uint32_t b) {
    return undo_[a].index != undo_[b].index ? undo_[a].index < undo_[b].index : a < b;
  });
  for (std::size_t i = 0; i < order_.size(); ++i) {
    const Change& change = undo_[order_[i]];
    if (i > 0 && undo_[order_[i - 1]].index == change.index) continue;
    if (words_[change.index] != change.before)
      words.push_back({change.index, words_[change.index]});
  }
}

void Metadata::note_committed(const std::vector<ChangedWord>& words) {
  for (const ChangedWord& word : words) mark_dirty(word.index / kWordsPerPage);
}

Failure Metadata::take_damage() {
  const Failure damage = damage_;
  damage_ = {};
  return damage;
}

void Metadata::note_damage(const char* what, std::uint64_t where) {
  if (damage_.ok()) damage_ = {Fault::kDamaged, {}, what, where};
}

bool Metadata::replay(const ChangedWord& word, bool is_checked) {
  const MetadataPage page = word.index / kWordsPerPage;
  if (page >= layout_.metadata_pages()) return false;
  if (is_checked) {
    see(page);
  } else {
    mark_seen(page);
    // Its checksum page may be partly home as well.
    const MetadataPage table = page / kChecksumsPerPage;
    seen_checksums_[table / 64] |= std::uint64_t{1} << (table % 64);
  }
  words_[word.index] = word.value;
  mark_dirty(page);
  return true;
}

void Metadata::forget() {
  advise_mapping(checksums_, layout_.data_at() - layout_.checksums_at(), AccessPattern::kDontNeed);
  std::fill(seen_.begin(), seen_.end(), 0);
  std::fill(seen_checksums_.begin(), seen_checksums_.end(), 0);
  std::fill(is_dirty_.begin(), is_dirty_.end(), 0);
  dirty_.clear();
  undo_.clear();
  damage_ = {};
}

bool Metadata::has_checksum(MetadataPage page, std::uint32_t checksum) const {
  return page < layout_.metadata_pages() &&
         checksum_of(words_ + std::size_t{page} * kWordsPerPage, kPageBytes) == checksum;
}

void Metadata::mark_dirty(MetadataPage page) {
  std::uint64_t& bits = is_dirty_[page / 64];
  const std::uint64_t bit = std::uint64_t{1} << (page % 64);
  if ((bits & bit) != 0) return;
  bits |= bit;
  dirty_.push_back(page);
}

bool Metadata::is_checksum_page_whole(MetadataPage page) {
  const std::uint32_t table = page / kChecksumsPerPage;
  std::uint64_t& bits = seen_checksums_[table / 64];
  const std::uint64_t bit = std::uint64_t{1} << (table % 64);
  if ((bits & bit) != 0) return true;
  const std::uint32_t* const at = checksum_page(page);
  if (checksum_of(at, kChecksumBytes) != at[kChecksumsPerPage]) return false;
  bits |= bit;
  return true;
}

bool Metadata::is_whole(MetadataPage page) {
  return is_checksum_page_whole(page) &&
         has_checksum(page, checksum_page(page)[page % kChecksumsPerPage]);
}

void Metadata::check_page(MetadataPage page) {
  assert(page < layout_.metadata_pages());
  if (is_whole(page))
    mark_seen(page);
  else
    note_damage("metadata page", page);
}

void Metadata::seal(std::vector<ChangedWord>& pages) {
  for (const MetadataPage page : dirty_) {
    const std::uint32_t checksum =
        checksum_of(words_ + std::size_t{page} * kWordsPerPage, kPageBytes);
    if (!is_checksum_page_whole(page)) note_damage("checksums of metadata page", page);
    checksum_page(page)[page % kChecksumsPerPage] = checksum;
    pages.push_back({page, checksum});
  }
}

template <class Number>
FileError Metadata::write_pages(File& file, std::vector<Number>& pages, const std::uint32_t* from,
                                ByteCount at) {
  std::sort(pages.begin(), pages.end());
  for (std::size_t i = 0; i < pages.size();) {
    std::size_t end = i + 1;
    while (end < pages.size() && pages[end] == pages[end - 1] + 1) ++end;
    const FileError error =
        file.write_at(from + std::size_t{pages[i]} * kWordsPerPage, (end - i) * kPageBytes,
                      at + ByteCount{pages[i]} * kPageBytes);
    if (!error.ok()) return error;
    i = end;
  }
  return {};
}

FileError Metadata::write_home(File& file) {
  const FileError error = write_pages(file, dirty_, words_, layout_.metadata_at());
  if (!error.ok()) return error;
  std::vector<std::uint32_t> tables;
  for (const MetadataPage page : dirty_) tables.push_back(page / kChecksumsPerPage);
  tables.erase(std::unique(tables.begin(), tables.end()), tables.end());
  for (const std::uint32_t table : tables) {
    std::uint32_t* const at = checksums_ + std::size_t{table} * kWordsPerPage;
    at[kChecksumsPerPage] = checksum_of(at, kChecksumBytes);
  }
  return write_pages(file, tables, checksums_, layout_.checksums_at());
}

void Metadata::settle() {
  for (const MetadataPage page : dirty_) {
    is_dirty_[page / 64] &= ~(std::uint64_t{1} << (page % 64));
    advise_mapping(words_ + std::size_t{page} * kWordsPerPage, kPageBytes,
                   AccessPattern::kDontNeed);
  }
  dirty_.clear();
}

std::uint64_t Metadata::check_pages(MetadataPage pages) {
  std::uint64_t wrong = 0;
  for (MetadataPage page = 0; page < layout_.metadata_pages(); ++page) {
    const bool begins_table = page % kChecksumsPerPage == 0;
    if (begins_table && !is_checksum_page_whole(page)) {
      note_damage("checksums of metadata page", page);
      ++wrong;
    }
    const bool was_seen = (seen_[page / 64] >> (page % 64) & 1) != 0;  // and may have changed since
    const bool is_used = page < pages || checksum_page(page)[page % kChecksumsPerPage] != 0;
    if (was_seen || !is_used || is_whole(page)) continue;
    note_damage("metadata page", page);
    ++wrong;
  }
  return wrong;
}

}  // namespace superslab::mapped
