// What is there: nothing of this changes the file.
#include "pools/mapped/mapped_reading.h"

namespace superslab::mapped {

bool MappedPool::next_in_slab(DataPage slab, std::uint32_t c, std::uint32_t number,
                              std::uint64_t* cursor, Block* block) {
  constexpr std::uint32_t kGranulesPerPage = kPageBytes / kGranuleBytes;
  const auto granules = static_cast<std::uint32_t>(kClassBytes[c] / kGranuleBytes);
  for (; number < blocks_of_class(c); ++number) {
    const Found found = block_at(slab * kGranulesPerPage + number * granules);
    if (!found.is_live) continue;
    *block = found.block;
    *cursor = std::uint64_t{granule_of(found.block.handle)} + granules;
    return true;
  }
  *cursor = std::uint64_t{slab + kSlabPages} * kGranulesPerPage;
  return false;
}

/// How many pages the extent has that begins at `page`; 0 and damage when none does.
std::uint32_t MappedPool::pages_from(DataPage page) {
  std::uint32_t c;
  if (page % kSlabPages == 0 && slabs_.head(page, &c)) return kSlabPages;
  const Found found = block_at(page * static_cast<std::uint32_t>(kPageBytes / kGranuleBytes));
  const auto pages = static_cast<std::uint32_t>(found.capacity / kPageBytes);
  const std::uint32_t free = pages != 0 ? 0 : extents_.free_extent(page).pages;
  if (pages + free == 0) words_.note_damage("page map", page);
  return words_.is_damaged() ? 0 : pages + free;
}

/// Sees to it that an extent begins at the cursor's page, or a slab has it. A cursor that was kept
/// while extents became one, or that somebody made up, may lie within one: then goes on behind it.
bool MappedPool::find_place(std::uint64_t* cursor) {
  constexpr std::uint32_t kGranulesPerPage = kPageBytes / kGranuleBytes;
  const std::uint32_t total = extents_.data_pages();
  if (total > layout_.max_pages || *cursor >= std::uint64_t{total} * kGranulesPerPage) return false;
  if (known_place_ == *cursor && known_merges_ == merges_) return true;
  const auto wanted = static_cast<DataPage>(*cursor / kGranulesPerPage);
  DataPage page = 0;
  std::uint32_t pages = 0;
  while (page < total && page + (pages = pages_from(page)) <= wanted && pages != 0) page += pages;
  if (pages == 0) return false;
  std::uint32_t c;
  const bool is_start = page == wanted && *cursor % kGranulesPerPage == 0;
  const bool is_within = !is_start && !(page % kSlabPages == 0 && slabs_.head(page, &c));
  if (is_within) *cursor = std::uint64_t{page + pages} * kGranulesPerPage;
  return true;
}

bool MappedPool::next_block(std::uint64_t* cursor, Block* block) {
  constexpr std::uint32_t kGranulesPerPage = kPageBytes / kGranuleBytes;
  const std::uint32_t total = extents_.data_pages();
  bool goes_on = find_place(cursor);
  while (goes_on && *cursor / kGranulesPerPage < total) {
    const auto page = static_cast<DataPage>(*cursor / kGranulesPerPage);
    const auto slab = static_cast<DataPage>(align_down(page, kSlabPages));
    std::uint32_t c;
    if (slabs_.head(slab, &c)) {
      const auto inside = static_cast<std::uint32_t>(*cursor - slab * kGranulesPerPage);
      const auto granules = static_cast<std::uint32_t>(kClassBytes[c] / kGranuleBytes);
      const std::uint32_t number = (inside + granules - 1) / granules;
      if (next_in_slab(slab, c, number, cursor, block)) return note_place(*cursor);
      if (words_.is_damaged()) break;
      continue;
    }
    const std::uint32_t pages = pages_from(page);
    if (pages == 0) break;
    const Found found = block_at(page * kGranulesPerPage);
    *cursor = std::uint64_t{page + pages} * kGranulesPerPage;
    if (!found.is_live) continue;
    *block = found.block;
    return note_place(*cursor);
  }
  return false;
}

bool MappedPool::next(std::uint64_t* cursor, Block* block, Failure* why) {
  const std::uint64_t from = *cursor;
  bool found = false;
  const Failure failure = read([&] {
    *cursor = from;
    found = next_block(cursor, block);
    return Failure{};
  });
  if (why != nullptr) *why = failure;
  return failure.ok() && found;
}

Failure MappedPool::look_up(Handle handle, Block* block) {
  const Found found = live_block(handle);
  if (!found.is_live) return {Fault::kStale, {}, "", handle};
  *block = found.block;
  return {};
}

Failure MappedPool::find(Handle handle, Block* block) {
  return read([&] { return look_up(handle, block); });
}

Failure MappedPool::find_at(std::uint64_t offset, Block* block) {
  return read([&] {
    Found found;
    if (offset % kGranuleBytes == 0 && offset < data_bytes())
      found = block_at(static_cast<std::uint32_t>(offset / kGranuleBytes));
    if (!found.is_live) return Failure{Fault::kStale, {}, "", offset};
    *block = found.block;
    return Failure{};
  });
}

Failure MappedPool::root(std::string_view name, Handle* handle) {
  return read([&] {
    *handle = roots_.get(name);
    return Failure{};
  });
}

Failure MappedPool::root_names(std::vector<std::string>* names) {
  return read([&] {
    names->clear();
    for (std::uint32_t i = 0; i < kRoots; ++i) {
      const Roots::Root root = roots_.at(i);
      if (root.length != 0) names->emplace_back(root.name, root.length);
    }
    return Failure{};
  });
}

/// Without the lock as long as nothing is wrong: what looks wrong may be what others write just
/// now.
CheckReport MappedPool::check() {
  constexpr int kAttempts = 4;
  if (is_closed()) return {};
  if (CheckReport report; shares() && !broken_.ok()) {
    report.add("the pool failed before, and follows the others no more");
    return report;
  }
  const bool is_alone = !shares() || sharing_->holds_writer();
  for (int i = 0; i < kAttempts && !is_alone; ++i) {
    CheckReport report;
    bool is_done = false;
    static_cast<void>(read_unlocked(
        [&] {
          report = check_books();
          return Failure{};
        },
        &is_done));
    if (is_done && report.wrong == 0) return report;
    needs_reload_ = true;
  }
  const Turn turn(*this);
  const Failure failure = is_alone ? Failure{} : lock_writer(lock_patience_);
  CheckReport report;
  if (failure.ok()) return check_books();
  report.add("others were writing all the time, and the writer's lock could not be had");
  return report;
}

MappedStats MappedPool::stats() {
  MappedStats stats = counted_;
  stats.max_bytes = layout_.max_pages * kPageBytes;
  stats.journal_bytes = layout_.journal_bytes;
  if (is_closed()) return stats;
  if (bool is_done; shares() && !sharing_->holds_writer() && broken_.ok())
    static_cast<void>(read_unlocked([] { return Failure{}; }, &is_done));
  stats.data_bytes = ByteCount{extents_.data_pages()} * kPageBytes;
  stats.used_bytes = words_.get_wide(kUsedBytesWord);
  stats.blocks = words_.get_wide(kBlocksWord);
  stats.free_bytes = ByteCount{words_.get(kFreePagesWord)} * kPageBytes;
  stats.undurable_bytes = unsynced_bytes_;
  stats.undurable_for = has_unsynced_ ? precise_now() - unsynced_since_ : 0;
  stats.peak_used_bytes = std::max(stats.peak_used_bytes, stats.used_bytes);
  if (!file_->size(&stats.file_bytes).ok()) stats.file_bytes = 0;
  if (!file_->disk_bytes(&stats.disk_bytes).ok()) stats.disk_bytes = 0;
  return stats;
}

void MappedPool::advise(std::uint64_t offset, ByteCount bytes, AccessPattern pattern) {
  if (is_closed()) return;
  const ByteCount page = files_.page_bytes();
  std::uint8_t* const from = data() + offset;
  const auto start = align_down(address_of(from), page);
  advise_mapping(reinterpret_cast<void*>(start), address_of(from) + bytes - start, pattern);
}

bool MappedPool::forbid_stores() {
  return superslab::forbid_stores(range_->address(), layout_.max_file_bytes());
}

}  // namespace superslab::mapped
