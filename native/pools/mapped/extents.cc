#include "pools/mapped/extents.h"

#include <bit>
#include <cassert>

namespace superslab::mapped {
namespace {

constexpr std::uint32_t kExactBins = 64;
constexpr unsigned kExactShift = 6;
constexpr unsigned kStepShift = 3;  // eight bins a doubling
static_assert(kExactBins + (25 - kExactShift + 1) * (1 << kStepShift) <= kBins);

}  // namespace

std::uint32_t Extents::bin_of(std::uint32_t pages) {
  if (pages <= kExactBins) return pages - 1;
  const auto exponent = static_cast<unsigned>(std::bit_width(pages) - 1);
  const std::uint32_t step = (pages >> (exponent - kStepShift)) & ((1 << kStepShift) - 1);
  return kExactBins + ((exponent - kExactShift) << kStepShift) + step;
}

Extents::Extent Extents::free_extent(DataPage page) {
  const std::uint32_t total = data_pages();
  if (page >= total || total > layout_.max_pages) return {};
  const std::uint32_t word = words_.get(entry(page));
  const std::uint32_t pages = count_of(word);
  if (!is_free(kind_of(word)) || pages == 0 || pages > total - page) return {};
  return {pages, kind_of(word) == Kind::kFreeWithHoles};
}

void Extents::add(DataPage page, std::uint32_t pages, bool may_have_holes) {
  const WordIndex bin = kBinsWord + bin_of(pages);
  const std::uint32_t next = words_.get(bin);
  words_.set(entry(page), entry_word(may_have_holes ? Kind::kFreeWithHoles : Kind::kFree, pages));
  words_.set(entry(page, 2), next);
  words_.set(entry(page, 3), 0);
  if (pages > 1) words_.set(entry(page + pages - 1), entry_word(Kind::kFreeEnd, pages));
  if (next != 0) {
    if (next > data_pages() || !is_free(kind(next - 1)))
      return words_.note_damage("list of free extents", bin);
    words_.set(entry(next - 1, 3), page + 1);
  }
  words_.set(bin, page + 1);
  words_.set(kFreePagesWord, words_.get(kFreePagesWord) + pages);
}

void Extents::remove(DataPage page) {
  const Extent extent = free_extent(page);
  const std::uint32_t next = words_.get(entry(page, 2));
  const std::uint32_t previous = words_.get(entry(page, 3));
  const WordIndex bin = kBinsWord + bin_of(extent.pages == 0 ? 1 : extent.pages);
  const std::uint32_t total = data_pages();
  const bool is_linked = extent.pages != 0 && next <= total && previous <= total &&
                         (previous == 0 ? words_.get(bin) == page + 1
                                        : words_.get(entry(previous - 1, 2)) == page + 1) &&
                         (next == 0 || words_.get(entry(next - 1, 3)) == page + 1);
  if (!is_linked) return words_.note_damage("list of free extents", page);
  words_.set(previous == 0 ? bin : entry(previous - 1, 2), next);
  if (next != 0) words_.set(entry(next - 1, 3), previous);
  clear(page);
  words_.set(entry(page, 2), 0);
  words_.set(entry(page, 3), 0);
  if (extent.pages > 1) clear(page + extent.pages - 1);
  words_.set(kFreePagesWord, words_.get(kFreePagesWord) - extent.pages);
}

Extents::Taken Extents::split(DataPage page, std::uint32_t pages, std::uint32_t alignment) {
  const Extent extent = free_extent(page);
  const auto start = static_cast<DataPage>(align_up(page, alignment));
  const std::uint32_t end = page + extent.pages;
  remove(page);
  if (words_.is_damaged()) return {};
  if (start > page) add(page, start - page, extent.may_have_holes);
  if (start + pages < end) add(start + pages, end - start - pages, extent.may_have_holes);
  return {start, true, extent.may_have_holes};
}

Extents::Taken Extents::take(std::uint32_t pages, std::uint32_t alignment) {
  assert(pages > 0 && is_power_of_two(alignment));
  for (std::uint32_t bin = bin_of(pages); bin < kBins; ++bin) {
    std::uint32_t best_pages = UINT32_MAX;
    DataPage best = 0;
    unsigned looks = 0;
    for (std::uint32_t link = first_of(bin); link != 0 && looks < kLooks; ++looks) {
      const DataPage page = link - 1;
      const Extent extent = free_extent(page);
      if (extent.pages == 0 || bin_of(extent.pages) != bin) {
        words_.note_damage("list of free extents", page);
        return {};
      }
      const std::uint64_t start = align_up(page, alignment);
      const bool fits = start + pages <= std::uint64_t{page} + extent.pages;
      if (fits && extent.pages < best_pages) {
        best_pages = extent.pages;
        best = page;
        if (bin < kExactBins) break;
      }
      link = next_of(page);
    }
    if (best_pages != UINT32_MAX) return split(best, pages, alignment);
  }
  return {};
}

std::uint32_t Extents::free_before(DataPage page) {
  if (page == 0) return 0;
  const DataPage last = page - 1;
  // The pages of a slab have words of its blocks in their entries.
  if (is_slab_head(static_cast<DataPage>(align_down(last, kSlabPages)))) return 0;
  const std::uint32_t word = words_.get(entry(last));
  if (kind_of(word) == Kind::kFreeEnd && count_of(word) <= page) return count_of(word);
  return is_free(kind_of(word)) && count_of(word) == 1 ? 1 : 0;
}

void Extents::give(DataPage page, std::uint32_t pages, bool may_have_holes) {
  if (const std::uint32_t before = free_before(page); before > 0) {
    const Extent extent = free_extent(page - before);
    if (extent.pages != before) return words_.note_damage("free extent", page - before);
    remove(page - before);
    may_have_holes |= extent.may_have_holes;
    page -= before;
    pages += before;
  }
  if (page + pages < data_pages()) {
    const Extent after = free_extent(page + pages);
    if (after.pages > 0) remove(page + pages);
    may_have_holes |= after.may_have_holes;
    pages += after.pages;
  }
  if (!words_.is_damaged()) add(page, pages, may_have_holes);
}

void Extents::grow(std::uint32_t pages) {
  const std::uint32_t before = data_pages();
  words_.set(kDataPagesWord, before + pages);
  give(before, pages);
}

std::uint32_t Extents::free_at_end() { return free_before(data_pages()); }

void Extents::shrink(std::uint32_t pages) {
  const std::uint32_t total = data_pages();
  const std::uint32_t last = free_at_end();
  assert(pages <= last);
  const Extent extent = free_extent(total - last);
  if (extent.pages != last) return words_.note_damage("free extent", total - last);
  remove(total - last);
  words_.set(kDataPagesWord, total - pages);
  if (last > pages) add(total - last, last - pages, extent.may_have_holes);
}

void Extents::note_holes(DataPage page) {
  const Extent extent = free_extent(page);
  words_.set(entry(page), entry_word(Kind::kFreeWithHoles, extent.pages));
}

}  // namespace superslab::mapped
