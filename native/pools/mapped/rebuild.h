// Makes the books of a damaged file anew, from what is left of them.
#pragma once

#include <string>
#include <vector>

#include "pools/mapped/raw_books.h"

namespace superslab::mapped {

/// The truth is the page map and the words of slabs; lists, bins, counts and checksums follow from
/// it. Pages of which nothing can be told are kept as a block of their own, so that nobody gets
/// them who would overwrite what they hold.
class Rebuild {
 public:
  Rebuild(RawBooks& books, RepairReport& report)
      : books_(books), report_(report), dirty_(books.layout().metadata_pages()) {}

  Failure run();

 private:
  enum class What : std::uint8_t { kSlab, kBlock, kFree, kUnknown };
  struct Piece {
    DataPage page;
    std::uint32_t pages;
    What what;
  };

  std::uint32_t get(WordIndex index) const { return books_.words()[index]; }
  void set(WordIndex index, std::uint32_t value);
  void set_wide(WordIndex index, std::uint64_t value);
  bool is_bad(WordIndex index) const { return books_.bad_pages()[index / kWordsPerPage]; }

  void tell_damage();
  void find_size();
  Failure make_long_enough();
  void find_pieces();
  Piece piece_at(DataPage page);
  std::uint32_t clear_pages(DataPage page, std::uint32_t pages, bool is_free) const;
  void add_unknown(DataPage page, std::uint32_t pages);
  void forget_lists();
  void rebuild_slab(DataPage slab);
  void rebuild_block(const Piece& piece);
  Failure keep_unknown(const Piece& piece);
  Failure checksum_of_piece(const Piece& piece, std::uint32_t* checksum);
  void rebuild_free(DataPage page, std::uint32_t pages);
  void count(ByteCount capacity);
  bool is_live(Handle handle) const;
  void rebuild_roots();
  Failure do_last_writes();
  Failure write();
  Failure write_pages(ByteCount at, const std::uint32_t* from, const std::vector<bool>& which);
  Failure write_headers();

  RawBooks& books_;
  RepairReport& report_;
  std::vector<bool> dirty_;
  std::uint32_t total_ = 0;  // data pages
  std::vector<Piece> pieces_;
  std::uint64_t used_bytes_ = 0;
  std::uint64_t blocks_ = 0;
  std::uint32_t free_pages_ = 0;
};

}  // namespace superslab::mapped
