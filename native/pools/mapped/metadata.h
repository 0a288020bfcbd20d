// The metadata of the file as words, each page checked when it is first looked at, and each change
// with the way back. Changes stay in this process until they are written home.
#pragma once

#include <cstdint>
#include <vector>

#include "os/file.h"
#include "pools/mapped/fault.h"
#include "pools/mapped/format.h"

namespace superslab::mapped {

class Metadata {
 public:
  /// `memory` is a private mapping of the file from layout.checksums_at() to layout.data_at().
  Metadata(const Layout& layout, void* memory);

  std::uint32_t get(WordIndex index) {
    see(index / kWordsPerPage);
    return words_[index];
  }
  void set(WordIndex index, std::uint32_t value) {
    if (get(index) == value) return;
    undo_.push_back({index, words_[index]});
    words_[index] = value;
  }
  std::uint64_t get_wide(WordIndex index) {
    return get(index) | static_cast<std::uint64_t>(get(index + 1)) << 32;
  }
  void set_wide(WordIndex index, std::uint64_t value) {
    set(index, static_cast<std::uint32_t>(value));
    set(index + 1, static_cast<std::uint32_t>(value >> 32));
  }

  /// How many changes there are to undo.
  std::size_t changes() const { return undo_.size(); }
  void undo_to(std::size_t changes);
  /// Adds each changed word once, with its value now.
  void collect(std::vector<ChangedWord>& words);
  /// The changes are in the journal: their pages have to be written home some time.
  void note_committed(const std::vector<ChangedWord>& words);
  void forget_undo() { undo_.clear(); }

  /// The first page or structure that was found wrong since the last call.
  Failure take_damage();
  void note_damage(const char* what, std::uint64_t where);
  bool is_damaged() const { return !damage_.ok(); }

  // Replaying.

  /// False for a word that does not exist.
  bool replay(const ChangedWord& word, bool is_checked);
  /// Whether a page is as it must be once it is home.
  bool has_checksum(MetadataPage page, std::uint32_t checksum) const;

  /// Nothing was looked at or changed: all of it is what the file has.
  void forget();

  // Writing home.

  bool has_dirty() const { return !dirty_.empty(); }
  std::size_t dirty_pages() const { return dirty_.size(); }
  /// Adds (page, checksum) of each dirty page, and notes those checksums.
  void seal(std::vector<ChangedWord>& pages);
  /// After seal(): writes the dirty pages and their checksums to the file.
  FileError write_home(File& file);
  /// They are durable: nothing is dirty, and the private copies are given back.
  void settle();

  /// Checks every page that was not looked at yet and that is before `pages` or was ever written,
  /// and all checksums: the number of pages that are wrong.
  std::uint64_t check_pages(MetadataPage pages);

 private:
  void see(MetadataPage page) {
    if ((seen_[page / 64] >> (page % 64) & 1) == 0) [[unlikely]]
      check_page(page);
  }
  void check_page(MetadataPage page);
  void mark_seen(MetadataPage page) { seen_[page / 64] |= std::uint64_t{1} << (page % 64); }
  void mark_dirty(MetadataPage page);
  bool is_whole(MetadataPage page);
  std::uint32_t* checksum_page(MetadataPage page) {
    return checksums_ + page / kChecksumsPerPage * kWordsPerPage;
  }
  bool is_checksum_page_whole(MetadataPage page);
  template <class Number>
  FileError write_pages(File& file, std::vector<Number>& pages, const std::uint32_t* from,
                        ByteCount at);

  struct Change {
    WordIndex index;
    std::uint32_t before;
  };

  const Layout layout_;
  std::uint32_t* const checksums_;
  std::uint32_t* const words_;
  std::vector<std::uint64_t> seen_;            // a bit for each page
  std::vector<std::uint64_t> seen_checksums_;  // a bit for each checksum page
  std::vector<std::uint64_t> is_dirty_;
  std::vector<MetadataPage> dirty_;
  std::vector<Change> undo_;
  std::vector<std::uint32_t> order_;  // of collect(), kept so that it allocates nothing
  Failure damage_;
};

/// Never 0, which stands for a page that was never written, unless all of it is 0.
std::uint32_t checksum_of(const void* page, ByteCount bytes);

}  // namespace superslab::mapped
