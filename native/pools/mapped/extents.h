// Extents of whole pages: best fit, and neighbours that are free become one. Every free extent is
// in the list of its bin. All of it lies in the page map, so that nothing is built when a file is
// opened.
#pragma once

#include <cstdint>

#include "pools/mapped/metadata.h"

namespace superslab::mapped {

class Extents {
 public:
  Extents(const Layout& layout, Metadata& words) : layout_(layout), words_(words) {}

  std::uint32_t data_pages() { return words_.get(kDataPagesWord); }

  struct Taken {
    DataPage page = 0;
    bool found = false;
    bool may_have_holes = false;  // the file has to allocate its pages again
  };
  /// The smallest free extent that has `pages` from a multiple of `alignment` on: exactly that up
  /// to 64 pages, beyond that the best of the first kLooks of a bin. What it is to be used for is
  /// not noted.
  Taken take(std::uint32_t pages, std::uint32_t alignment);
  /// Pages that are no part of any extent become free.
  void give(DataPage page, std::uint32_t pages, bool may_have_holes = false);
  /// The data area is so much longer.
  void grow(std::uint32_t pages);

  /// The length of the last extent if it is free, 0 otherwise.
  std::uint32_t free_at_end();
  /// Takes pages off a last extent that is free.
  void shrink(std::uint32_t pages);

  /// The whole free extent that begins at `page`; 0 pages when none does.
  struct Extent {
    std::uint32_t pages = 0;
    bool may_have_holes = false;
  };
  Extent free_extent(DataPage page);
  void note_holes(DataPage page);

  bool is_slab_head(DataPage page) { return kind(page) == Kind::kSlab && page % kSlabPages == 0; }

  /// The first free extent of a bin, or the next one in its list, + 1; 0: none.
  std::uint32_t first_of(std::uint32_t bin) { return words_.get(kBinsWord + bin); }
  std::uint32_t next_of(DataPage page) { return words_.get(entry(page, 2)); }
  static std::uint32_t bin_of(std::uint32_t pages);

 private:
  static constexpr unsigned kLooks = 32;

  Kind kind(DataPage page) { return kind_of(words_.get(entry(page))); }
  bool is_free(Kind kind) { return kind == Kind::kFree || kind == Kind::kFreeWithHoles; }
  void add(DataPage page, std::uint32_t pages, bool may_have_holes);
  void remove(DataPage page);
  void clear(DataPage page) { words_.set(entry(page), 0); }
  std::uint32_t free_before(DataPage page);
  Taken split(DataPage page, std::uint32_t pages, std::uint32_t alignment);

  const Layout layout_;
  Metadata& words_;
};

}  // namespace superslab::mapped
