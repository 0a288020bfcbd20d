// Walks all structures of a file, for those who want to know rather than to use it.
#include "pools/mapped/header.h"
#include "pools/mapped/mapped_pool.h"

namespace superslab::mapped {

/// What a walk adds up, to be compared with what the file says.
struct Totals {
  std::uint64_t used_bytes = 0;
  std::uint64_t blocks = 0;
  std::uint64_t free_pages = 0;
  std::uint64_t free_extents = 0;
  std::uint64_t slabs_with_room = 0;
  GranuleSet batch;  // of blocks that no commit has yet
};

namespace {

constexpr std::size_t kMaxMessages = 64;

std::string at(const char* what, std::uint64_t where) {
  return std::string(what) + " " + std::to_string(where);
}

}  // namespace

void CheckReport::add(std::string message) {
  ++wrong;
  if (messages.size() < kMaxMessages) messages.push_back(std::move(message));
}

void MappedPool::check_slab(DataPage slab, std::uint32_t c, CheckReport& report, Totals& totals) {
  std::uint32_t used = 0;
  for (std::uint32_t i = 0; i < blocks_of_class(c); ++i) {
    const auto granules = static_cast<std::uint32_t>(kClassBytes[c] / kGranuleBytes);
    const std::uint32_t granule = slab * (kPageBytes / kGranuleBytes) + i * granules;
    const Found found = block_at(granule);
    used += found.is_live || due_.contains(granule);
    check_block(found, totals.batch, report);
    totals.blocks += found.is_live;
    totals.used_bytes += found.is_live ? found.capacity : 0;
  }
  totals.slabs_with_room += used < blocks_of_class(c);
  ++report.slabs;
  if (used != slabs_.used_in(slab))
    report.add(at("slab", slab) + " counts " + std::to_string(slabs_.used_in(slab)) +
               " blocks in use, and has " + std::to_string(used));
}

/// How many pages the extent that begins at `page` has; 0 when nothing does.
std::uint32_t MappedPool::check_extent(DataPage page, CheckReport& report, Totals& totals) {
  std::uint32_t c;
  if (page % kSlabPages == 0 && slabs_.head(page, &c)) {
    check_slab(page, c, report, totals);
    return kSlabPages;
  }
  const std::uint32_t granule = page * (kPageBytes / kGranuleBytes);
  if (const Found found = block_at(granule); found.capacity != 0) {
    totals.blocks += found.is_live;
    totals.used_bytes += found.is_live ? found.capacity : 0;
    check_block(found, totals.batch, report);
    if (!found.is_live && !due_.contains(granule)) report.add(at("a leaked block at page", page));
    return static_cast<std::uint32_t>(found.capacity / kPageBytes);
  }
  const Extents::Extent extent = extents_.free_extent(page);
  if (extent.pages > 1) {
    const std::uint32_t end = words_.get(entry(page + extent.pages - 1));
    if (end != entry_word(Kind::kFreeEnd, extent.pages))
      report.add(at("the free extent without an end at page", page));
  }
  totals.free_extents += extent.pages != 0;
  totals.free_pages += extent.pages;
  return extent.pages;
}

void MappedPool::check_lists(CheckReport& report, Totals& totals) {
  std::uint64_t listed = 0;
  for (std::uint32_t bin = 0; bin < kBins; ++bin) {
    for (std::uint32_t link = extents_.first_of(bin); link != 0;
         link = extents_.next_of(link - 1)) {
      const Extents::Extent extent = extents_.free_extent(link - 1);
      if (extent.pages == 0 || Extents::bin_of(extent.pages) != bin ||
          ++listed > totals.free_extents) {
        report.add(at("list of free extents", bin));
        break;
      }
    }
  }
  if (listed != totals.free_extents)
    report.add(std::to_string(totals.free_extents) + " free extents, of which " +
               std::to_string(listed) + " are in lists");
  listed = 0;
  for (std::uint32_t c = 0; c < kClasses; ++c) {
    for (std::uint32_t link = slabs_.first_of(c); link != 0; link = slabs_.next_of(link - 1)) {
      std::uint32_t other;
      if (!slabs_.head(link - 1, &other) || other != c || ++listed > totals.slabs_with_room) {
        report.add(at("list of slabs", c));
        break;
      }
    }
  }
  if (listed != totals.slabs_with_room)
    report.add(std::to_string(totals.slabs_with_room) + " slabs with room, of which " +
               std::to_string(listed) + " are in lists");
}

void MappedPool::check_roots(CheckReport& report) {
  for (std::uint32_t i = 0; i < kRoots; ++i) {
    const Roots::Root root = roots_.at(i);
    if (root.length == 0 || live_block(root.handle).is_live) continue;
    report.add("root \"" + std::string(root.name, root.length) + "\" names no block");
  }
}

void MappedPool::check_headers(CheckReport& report) {
  std::vector<std::uint8_t> page(kPageBytes);
  for (unsigned copy = 0; copy < kHeaders; ++copy) {
    const bool is_read = file_->read_at(page.data(), kPageBytes, header_at(copy)).ok();
    if (!is_read || !is_whole_page(page.data())) report.add(at("damaged header", copy));
  }
}

CheckReport MappedPool::check_books() {
  CheckReport report;
  const std::uint32_t total = extents_.data_pages();
  const MetadataPage map_pages =
      kFixedPages + static_cast<MetadataPage>(div_up(total * kEntryWords, kWordsPerPage));
  check_headers(report);
  if (words_.check_pages(map_pages) != 0) {
    const Failure damage = words_.take_damage();
    report.add(at(damage.what, damage.where) + " does not match its checksum");
  }
  Totals totals;
  totals.batch = batch_blocks();
  for (DataPage page = 0; page < total;) {
    const std::uint32_t pages = check_extent(page, report, totals);
    if (pages == 0) {
      report.add(at("nothing begins at page", page));
      break;
    }
    page += pages;
  }
  check_lists(report, totals);
  check_roots(report);
  if (totals.blocks != words_.get_wide(kBlocksWord) ||
      totals.used_bytes != words_.get_wide(kUsedBytesWord) ||
      totals.free_pages != words_.get(kFreePagesWord))
    report.add("the figures of the file are not those of its blocks");
  if (words_.is_damaged()) {
    const Failure damage = words_.take_damage();
    report.add(at(damage.what, damage.where) + " is damaged");
  }
  report.blocks = totals.blocks;
  report.free_extents = totals.free_extents;
  return report;
}

}  // namespace superslab::mapped
