// The books of a damaged file, as they are: nothing of them is believed. Of one repair.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "pools/mapped/journal.h"
#include "pools/mapped/mapped_range.h"
#include "pools/mapped/repair.h"

namespace superslab::mapped {

class RawBooks {
 public:
  /// Opens and locks the file, copies it to `copy` unless that is empty, and mends its headers.
  /// kForeign and the like, and nothing is done, when it has none.
  Failure open(Files& files, const std::string& path, const std::string& copy,
               RepairReport& report);

  /// Mends single bits in the journal, in checksums and in pages, in the file.
  Failure mend_bits(RepairReport& report);

  File& file() { return *file_; }
  const Layout& layout() const { return layout_; }
  const Header& header() const { return header_; }
  ByteCount file_bytes() const { return file_bytes_; }
  /// The records that are whole, from the first on; kept() of them count.
  const JournalReader& reader() const { return reader_; }
  std::size_t kept() const { return reader_.kept(boot_); }
  bool is_journal_damaged() const { return is_journal_damaged_; }

  std::uint32_t* words() const { return words_; }
  std::uint32_t* checksums() const { return checksums_; }
  /// Pages that do not match their checksums, and cannot be made to.
  const std::vector<bool>& bad_pages() const { return bad_pages_; }
  /// The same of pages of checksums.
  const std::vector<bool>& bad_tables() const { return bad_tables_; }
  /// The file was cut, or the disk failed, while this looked at it.
  bool is_lost() const { return range_->is_lost(); }

 private:
  struct HeaderPage {
    std::vector<std::uint8_t> bytes;
    Header header{};
    bool is_good = false;
    bool is_mended = false;
  };
  Failure read_header(unsigned copy, HeaderPage* page);
  Failure choose_header(const HeaderPage (&pages)[2]);
  Failure copy_to(Files& files, const std::string& path);
  Failure write_headers(const HeaderPage (&pages)[2], RepairReport& report);
  Failure map();
  Failure read_journal(RepairReport& report);
  Failure mend_tables(RepairReport& report);
  Failure mend_pages(RepairReport& report);
  void replay();
  void note_checkpoint();
  Failure flip(ByteCount at, unsigned bit);

  std::unique_ptr<File> file_;
  std::uint64_t boot_ = 0;
  Header header_{};
  Layout layout_{};
  ByteCount file_bytes_ = 0;
  JournalReader reader_;
  bool is_journal_damaged_ = false;
  std::unique_ptr<MappedRange> range_;
  std::uint32_t* checksums_ = nullptr;
  std::uint32_t* words_ = nullptr;
  std::vector<bool> bad_pages_;
  std::vector<bool> bad_tables_;
  // Of the last checkpoint, if the journal ends in one: its pages may be partly home, and so may
  // their tables.
  bool has_checkpoint_ = false;
  std::vector<ChangedWord> checkpoint_;  // sorted by page
  std::vector<bool> is_moving_;          // tables
};

}  // namespace superslab::mapped
