// Small blocks: slabs of 64 KiB cut into blocks of one class, and a list for each class of the
// slabs that have room.
#pragma once

#include <cstdint>

#include "pools/mapped/classes.h"
#include "pools/mapped/extents.h"
#include "pools/mapped/granule_set.h"

namespace superslab::mapped {

/// Who gives the parts of the file space that are to be used.
class SpaceProvider {
 public:
  virtual bool provide_data(DataPage page, std::uint32_t pages) = 0;
  virtual bool provide_slab_words(DataPage slab) = 0;

 protected:
  ~SpaceProvider() = default;
};

/// Whether the words of a slab's blocks, and their checksums, have room in the page map.
inline bool has_inline_words(const Layout& layout, std::uint32_t c) {
  return blocks_of_class(c) * (layout.has_checksums ? 2 : 1) <= kInlineWords;
}

/// Where the words of a slab's blocks begin.
inline WordIndex first_slab_word(const Layout& layout, DataPage slab, std::uint32_t c) {
  return has_inline_words(layout, c) ? entry(slab + 2)
                                     : layout.slab_word_page(slab) * kWordsPerPage;
}

/// How far behind its word a block has its checksum: in the other half of them.
inline WordIndex checksum_distance(const Layout& layout, std::uint32_t c) {
  return has_inline_words(layout, c) ? kInlineWords / 2 : kWordsPerPage / 2;
}

/// The smallest class: with checksums, 1,024 words for a slab's blocks are one page too many.
inline std::uint32_t min_class(const Layout& layout) { return layout.has_checksums ? 1 : 0; }

class Slabs {
 public:
  Slabs(const Layout& layout, Metadata& words, Extents& extents, SpaceProvider& space)
      : layout_(layout), words_(words), extents_(extents), space_(space) {}

  /// A block of the class, live; 0 when there is no room, no space, or damage.
  Handle take(std::uint32_t c, std::uint32_t slack, const GranuleSet& due);
  /// A block that is not live any more goes back.
  void give(std::uint32_t granule);

  struct Place {
    bool found = false;
    DataPage slab = 0;
    std::uint32_t c = 0;
    std::uint32_t number = 0;
    WordIndex word = 0;
  };
  /// The block that begins at the granule, which lies in a slab.
  Place find(std::uint32_t granule);
  /// The slab of that page has a valid head: its class in `c`.
  bool head(DataPage slab, std::uint32_t* c);
  WordIndex first_word(DataPage slab, std::uint32_t c) const {
    return first_slab_word(layout_, slab, c);
  }

  std::uint32_t first_of(std::uint32_t c) { return words_.get(kClassesWord + c); }
  std::uint32_t next_of(DataPage slab) { return words_.get(entry(slab, 2)); }
  std::uint32_t used_in(DataPage slab) { return words_.get(entry(slab, 1)); }

 private:
  bool make(std::uint32_t c);
  void dissolve(DataPage slab);
  void link(DataPage slab, std::uint32_t c);
  void unlink(DataPage slab, std::uint32_t c);
  std::uint32_t next_seed();

  const Layout layout_;
  Metadata& words_;
  Extents& extents_;
  SpaceProvider& space_;
  std::uint32_t hints_[kClasses] = {};  // where the search in the first slab of a class goes on
};

}  // namespace superslab::mapped
