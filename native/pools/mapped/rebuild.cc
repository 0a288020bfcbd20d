#include "pools/mapped/rebuild.h"

#include <algorithm>
#include <cstring>

#include "base/crc32c.h"
#include "pools/mapped/classes.h"
#include "pools/mapped/extents.h"
#include "pools/mapped/header.h"
#include "pools/mapped/slabs.h"

namespace superslab::mapped {
namespace {

constexpr std::uint32_t kGranulesPerPage = kPageBytes / kGranuleBytes;
constexpr std::uint32_t kPagesPerMapPage = kWordsPerPage / kEntryWords;

std::string at(const char* what, std::uint64_t where) {
  return std::string(what) + " " + std::to_string(where);
}

std::string pages_from(DataPage page, std::uint32_t pages) {
  return at("pages", page) + " to " + std::to_string(page + pages - 1);
}

}  // namespace

void Rebuild::set(WordIndex index, std::uint32_t value) {
  if (books_.words()[index] == value) return;
  books_.words()[index] = value;
  dirty_[index / kWordsPerPage] = true;
}

void Rebuild::set_wide(WordIndex index, std::uint64_t value) {
  set(index, static_cast<std::uint32_t>(value));
  set(index + 1, static_cast<std::uint32_t>(value >> 32));
}

/// What cannot be known any more.
void Rebuild::tell_damage() {
  const Layout& layout = books_.layout();
  const MetadataPage slab_words = kFixedPages + layout.map_pages();
  if (books_.is_journal_damaged()) {
    const std::uint64_t next = books_.header().first_record + books_.reader().count();
    report_.lose(at("journal record", next) + " is damaged: its changes and all later ones");
  }
  for (std::uint32_t table = 0; table < books_.bad_tables().size(); ++table) {
    if (books_.bad_tables()[table])
      report_.lose(at("page of checksums", table) +
                   " is damaged: what its metadata pages say was taken as it is");
  }
  for (MetadataPage page = 0; page < books_.bad_pages().size(); ++page) {
    if (!books_.bad_pages()[page]) continue;
    dirty_[page] = true;
    if (page == 0)
      report_.mend("the counts and the heads of lists");
    else if (page < kFixedPages)
      report_.lose(at("page of roots", page - 1) +
                   " is damaged: names and handles in it may differ");
    else if (page < slab_words)
      report_.lose("the map of " +
                   pages_from((page - kFixedPages) * kPagesPerMapPage, kPagesPerMapPage) +
                   " is damaged: blocks there may be gone, or have other lengths and handles");
    else
      report_.lose(at("the words of slab", ByteCount{page - slab_words} * kSlabPages) +
                   " are damaged: its blocks may have other lengths and handles");
  }
}

void Rebuild::find_size() {
  const ByteCount there = (books_.file_bytes() - books_.layout().data_at()) / kPageBytes;
  total_ = get(kDataPagesWord);
  const bool is_possible =
      total_ != 0 && total_ % kSlabPages == 0 && total_ <= books_.layout().max_pages;
  if (is_possible && !is_bad(kDataPagesWord)) return;
  total_ = static_cast<std::uint32_t>(
      align_down(std::min<ByteCount>(there, books_.layout().max_pages), kSlabPages));
}

/// A file that was cut gets its length back; what lay there does not come back.
Failure Rebuild::make_long_enough() {
  if (total_ == 0) return {Fault::kCut, {}, "", books_.file_bytes()};
  const ByteCount end = books_.layout().data_at() + ByteCount{total_} * kPageBytes;
  if (books_.file_bytes() >= end) return {};
  const auto from =
      static_cast<DataPage>((books_.file_bytes() - books_.layout().data_at()) / kPageBytes);
  report_.lose("the file was cut: blocks in " + pages_from(from, total_ - from) + " read as zeros");
  const FileError error = books_.file().allocate(books_.file_bytes(), end - books_.file_bytes());
  return error.ok() ? Failure{} : Failure{Fault::kNoSpace, error, "end of the file", end};
}

// What lies where.

/// How many pages behind `page` begin nothing, up to `pages` with it.
std::uint32_t Rebuild::clear_pages(DataPage page, std::uint32_t pages, bool is_free) const {
  for (std::uint32_t i = 1; i < pages; ++i) {
    const std::uint32_t word = get(entry(page + i));
    const bool is_end = is_free && i + 1 == pages && word == entry_word(Kind::kFreeEnd, pages);
    if (word != 0 && !is_end) return i;
  }
  return pages;
}

Rebuild::Piece Rebuild::piece_at(DataPage page) {
  const std::uint32_t word = get(entry(page));
  const std::uint32_t count = count_of(word);
  switch (kind_of(word)) {
    case Kind::kSlab:
      if (page % kSlabPages == 0 && count < kClasses && count >= min_class(books_.layout()))
        return {page, kSlabPages, What::kSlab};
      break;
    case Kind::kBlock:
    case Kind::kFree:
    case Kind::kFreeWithHoles: {
      const bool is_free = kind_of(word) != Kind::kBlock;
      if (count == 0 || count > total_ - page) break;
      const std::uint32_t pages = clear_pages(page, count, is_free);
      if (pages == count) return {page, pages, is_free ? What::kFree : What::kBlock};
      // Something else begins within it. What is free no more than in name is nobody's to use.
      if (is_free) return {page, pages, What::kUnknown};
      report_.lose(at("block at page", page) + " was longer, or is none");
      return {page, pages, What::kBlock};
    }
    default:
      break;
  }
  return {page, 1, What::kUnknown};
}

/// Pages that nothing is known of: one piece of them. Where the map is whole and says nothing at
/// all, as behind the end of what was ever used, there is nothing to keep.
void Rebuild::add_unknown(DataPage page, std::uint32_t pages) {
  bool is_empty = true;
  for (DataPage i = page; i < page + pages && is_empty; ++i)
    is_empty = get(entry(i)) == 0 && !is_bad(entry(i));
  const bool is_at_end = page + pages == total_;
  const What what = is_empty && is_at_end ? What::kFree : What::kUnknown;
  if (!pieces_.empty() && pieces_.back().what == what && what == What::kUnknown)
    pieces_.back().pages += pages;
  else
    pieces_.push_back({page, pages, what});
}

void Rebuild::find_pieces() {
  for (DataPage page = 0; page < total_;) {
    Piece piece = piece_at(page);
    if (piece.what == What::kUnknown) {
      while (page + piece.pages < total_ && piece_at(page + piece.pages).what == What::kUnknown)
        ++piece.pages;
      add_unknown(page, piece.pages);
    } else {
      pieces_.push_back(piece);
    }
    page += piece.pages;
  }
}

// The books.

void Rebuild::forget_lists() {
  for (std::uint32_t bin = 0; bin < kBins; ++bin) set(kBinsWord + bin, 0);
  for (std::uint32_t c = 0; c < kClasses; ++c) set(kClassesWord + c, 0);
}

void Rebuild::count(ByteCount capacity) {
  used_bytes_ += capacity;
  ++blocks_;
}

void Rebuild::rebuild_slab(DataPage slab) {
  const std::uint32_t c = count_of(get(entry(slab)));
  const WordIndex first = first_slab_word(books_.layout(), slab, c);
  std::uint32_t used = 0;
  for (std::uint32_t i = 0; i < blocks_of_class(c); ++i) {
    const std::uint32_t word = get(first + i);
    if ((word & kSlackMask) > kClassBytes[c]) set(first + i, word & ~kSlackMask);
    if (!mapped::is_live(word >> kSlackBits)) continue;
    ++used;
    count(kClassBytes[c]);
  }
  set(entry(slab, 1), used);
  const bool has_room = used < blocks_of_class(c);
  const std::uint32_t next = has_room ? get(kClassesWord + c) : 0;
  set(entry(slab, 2), next);
  set(entry(slab, 3), 0);
  if (!has_room) return;
  if (next != 0) set(entry(next - 1, 3), slab + 1);
  set(kClassesWord + c, slab + 1);
}

void Rebuild::rebuild_block(const Piece& piece) {
  const ByteCount capacity = ByteCount{piece.pages} * kPageBytes;
  set(entry(piece.page), entry_word(Kind::kBlock, piece.pages));
  set(entry(piece.page, 1), get(entry(piece.page, 1)) & kGenerationMask);
  if (get(entry(piece.page, 2)) > capacity) set(entry(piece.page, 2), 0);
  count(capacity);
}

Failure Rebuild::checksum_of_piece(const Piece& piece, std::uint32_t* checksum) {
  std::vector<std::uint8_t> page(kPageBytes);
  for (DataPage i = piece.page; i < piece.page + piece.pages; ++i) {
    const FileError error = books_.file().read_at(
        page.data(), kPageBytes, books_.layout().data_at() + ByteCount{i} * kPageBytes);
    if (!error.ok()) return {Fault::kFailed, error, "read of a block", i};
    *checksum = crc32c(page.data(), kPageBytes, *checksum);
  }
  return {};
}

Failure Rebuild::keep_unknown(const Piece& piece) {
  for (DataPage page = piece.page; page < piece.page + piece.pages; ++page) set(entry(page), 0);
  std::uint32_t generation = get(entry(piece.page, 1)) & kGenerationMask;
  if (!mapped::is_live(generation)) generation = next_generation(generation);
  set(entry(piece.page), entry_word(Kind::kBlock, piece.pages));
  set(entry(piece.page, 1), generation);
  set(entry(piece.page, 2), 0);
  std::uint32_t checksum = 0;
  if (books_.layout().has_checksums) {
    if (const Failure failure = checksum_of_piece(piece, &checksum); !failure.ok()) return failure;
  }
  set(entry(piece.page, 3), checksum);
  count(ByteCount{piece.pages} * kPageBytes);
  report_.lose(pages_from(piece.page, piece.pages) +
               ": nothing tells what they are; kept as block " +
               std::to_string(handle_of(generation, piece.page * kGranulesPerPage)));
  return {};
}

void Rebuild::rebuild_free(DataPage page, std::uint32_t pages) {
  for (DataPage i = page; i < page + pages; ++i) set(entry(i), 0);
  const WordIndex bin = kBinsWord + Extents::bin_of(pages);
  const std::uint32_t next = get(bin);
  // It is not known whether the file system has set space aside for all of it.
  set(entry(page), entry_word(Kind::kFreeWithHoles, pages));
  set(entry(page, 2), next);
  set(entry(page, 3), 0);
  if (pages > 1) set(entry(page + pages - 1), entry_word(Kind::kFreeEnd, pages));
  if (next != 0) set(entry(next - 1, 3), page + 1);
  set(bin, page + 1);
  free_pages_ += pages;
}

// Roots.

bool Rebuild::is_live(Handle handle) const {
  if (handle > kMaxHandle || !mapped::is_live(generation_of(handle))) return false;
  const std::uint32_t granule = granule_of(handle);
  const DataPage page = page_of_granule(granule);
  for (const Piece& piece : pieces_) {
    if (page < piece.page || page >= piece.page + piece.pages) continue;
    if (piece.what != What::kSlab)
      return kind_of(get(entry(piece.page))) == Kind::kBlock &&
             granule == piece.page * kGranulesPerPage &&
             get(entry(piece.page, 1)) == generation_of(handle);
    const std::uint32_t c = count_of(get(entry(piece.page)));
    const auto granules = static_cast<std::uint32_t>(kClassBytes[c] / kGranuleBytes);
    const std::uint32_t inside = granule - piece.page * kGranulesPerPage;
    const std::uint32_t number = inside / granules;
    if (inside % granules != 0 || number >= blocks_of_class(c)) return false;
    return get(first_slab_word(books_.layout(), piece.page, c) + number) >> kSlackBits ==
           generation_of(handle);
  }
  return false;
}

void Rebuild::rebuild_roots() {
  for (std::uint32_t i = 0; i < kRoots; ++i) {
    const WordIndex root = kRootsWord + i * kRootWords;
    const std::uint32_t length = get(root);
    if (length == 0) continue;
    const WordIndex at_handle = root + 1 + kRootNameBytes / 4;
    const Handle handle = get(at_handle) | std::uint64_t{get(at_handle + 1)} << 32;
    if (length <= kRootNameBytes && is_live(handle)) continue;
    char name[kRootNameBytes];
    std::memcpy(name, books_.words() + root + 1, sizeof name);
    report_.lose("root \"" + std::string(name, std::min(length, kRootNameBytes)) +
                 "\" names no block any more: it is gone");
    for (std::uint32_t word = 0; word < kRootWords; ++word) set(root + word, 0);
  }
}

// Writing.

/// Those of the last record, as when a file is opened.
Failure Rebuild::do_last_writes() {
  const std::size_t kept = books_.kept();
  std::span<const std::uint8_t> writes;
  if (kept != 0 && !books_.is_journal_damaged()) writes = books_.reader().parts(kept - 1).writes;
  const ByteCount end = ByteCount{total_} * kPageBytes;
  while (writes.size() >= sizeof(WriteHead)) {
    WriteHead head;
    std::memcpy(&head, writes.data(), sizeof head);
    const ByteCount bytes = sizeof head + align_up(head.bytes, 8);
    if (bytes > writes.size() || head.offset > end || head.bytes > end - head.offset) break;
    const FileError error = books_.file().write_at(writes.data() + sizeof head, head.bytes,
                                                   books_.layout().data_at() + head.offset);
    if (!error.ok()) return {Fault::kFailed, error, "write of a block", head.offset};
    writes = writes.subspan(bytes);
  }
  return {};
}

Failure Rebuild::write_pages(ByteCount at, const std::uint32_t* from,
                             const std::vector<bool>& which) {
  for (std::size_t page = 0; page < which.size(); ++page) {
    if (!which[page]) continue;
    const FileError error =
        books_.file().write_at(from + page * kWordsPerPage, kPageBytes, at + page * kPageBytes);
    if (!error.ok()) return {Fault::kFailed, error, "write of the books", page};
  }
  return {};
}

/// Another epoch, of which the journal has nothing.
Failure Rebuild::write_headers() {
  Header header = books_.header();
  header.epoch += 3;
  header.first_record += books_.reader().count() + 1;
  for (unsigned i = 0; i < kHeaders; ++i) {
    ++header.sequence;
    header.crc = crc_of(header);
    std::vector<std::uint8_t> page(kPageBytes);
    std::memcpy(page.data(), &header, sizeof header);
    FileError error =
        books_.file().write_at(page.data(), kPageBytes, header_at(header.sequence % kHeaders));
    if (error.ok()) error = books_.file().sync(SyncLevel::kData);
    if (!error.ok()) return {Fault::kFailed, error, "write of the header", header.sequence};
  }
  return {};
}

Failure Rebuild::write() {
  const Layout& layout = books_.layout();
  std::vector<bool> tables = books_.bad_tables();
  for (MetadataPage page = 0; page < dirty_.size(); ++page) {
    const std::uint32_t table = page / kChecksumsPerPage;
    if (!dirty_[page] && !tables[table]) continue;
    tables[table] = true;
    books_.checksums()[std::size_t{table} * kWordsPerPage + page % kChecksumsPerPage] =
        checksum_of(books_.words() + std::size_t{page} * kWordsPerPage, kPageBytes);
  }
  for (std::size_t table = 0; table < tables.size(); ++table) {
    std::uint32_t* const words = books_.checksums() + table * kWordsPerPage;
    if (tables[table])
      words[kChecksumsPerPage] = checksum_of(words, kChecksumsPerPage * sizeof *words);
  }
  if (books_.is_lost()) return {Fault::kLost, {}, "mapped pages", 0};
  Failure failure = do_last_writes();
  if (failure.ok()) failure = write_pages(layout.metadata_at(), books_.words(), dirty_);
  if (failure.ok()) failure = write_pages(layout.checksums_at(), books_.checksums(), tables);
  if (!failure.ok()) return failure;
  const FileError error = books_.file().sync(SyncLevel::kData);
  return error.ok() ? write_headers() : Failure{Fault::kFailed, error, "sync of the file", 0};
}

Failure Rebuild::run() {
  for (std::size_t i = 0; i < books_.kept(); ++i) {
    for (const ChangedWord& word : books_.reader().parts(i).words) {
      const MetadataPage page = word.index / kWordsPerPage;
      if ((books_.reader().parts(i).flags & kCheckpoint) != 0)
        dirty_[std::min<std::size_t>(word.index, dirty_.size() - 1)] = true;
      else if (page < dirty_.size())
        dirty_[page] = true;
    }
  }
  tell_damage();
  find_size();
  if (const Failure failure = make_long_enough(); !failure.ok()) return failure;
  find_pieces();
  forget_lists();
  DataPage free_from = 0;
  std::uint32_t free = 0;
  const auto end_free = [&] {
    if (free != 0) rebuild_free(free_from, free);
    free = 0;
  };
  for (const Piece& piece : pieces_) {
    const bool is_free = piece.what == What::kFree || (piece.what == What::kBlock &&
                                                       !mapped::is_live(get(entry(piece.page, 1))));
    if (is_free) {
      if (free == 0) free_from = piece.page;
      free += piece.pages;
      continue;
    }
    end_free();
    if (piece.what == What::kSlab) rebuild_slab(piece.page);
    if (piece.what == What::kBlock) rebuild_block(piece);
    if (piece.what != What::kUnknown) continue;
    if (const Failure failure = keep_unknown(piece); !failure.ok()) return failure;
  }
  end_free();
  rebuild_roots();
  set(kDataPagesWord, total_);
  // New slabs begin with other generations, whatever was counted before.
  if (is_bad(kSlabsMadeWord)) set(kSlabsMadeWord, get(kSlabsMadeWord) + 0x10001);
  set_wide(kUsedBytesWord, used_bytes_);
  set_wide(kBlocksWord, blocks_);
  set(kFreePagesWord, free_pages_);
  report_.mend("lists of free space and of slabs, counts and checksums were made anew");
  return write();
}

}  // namespace superslab::mapped
