// Space that goes back to the file system.
#include <algorithm>

#include "pools/mapped/mapped_pool.h"

namespace superslab::mapped {

Failure MappedPool::trim(ByteCount target, ByteCount* returned) {
  *returned = 0;
  const Turn turn(*this);
  if (const Failure failure = begin_change(); !failure.ok()) return failure;
  if (has_uncommitted()) return {Fault::kUncommitted};
  const Nanos start = events_.start();
  ByteCount taken = 0;
  if (const FileError error = file_->disk_bytes(&taken); !error.ok())
    return {Fault::kFile, error, "length", 0};
  if (taken <= target) return {};
  // Others may have views of what lay behind the end. A hole reads as zeros.
  const bool may_cut = !shares() || sharing_->is_alone();
  Failure failure = may_cut ? shrink_file(taken - target, returned) : Failure{};
  if (failure.ok() && *returned < taken - target)
    failure = punch_free(taken - target - *returned, returned);
  counted_.trimmed_bytes += *returned;
  if (*returned != 0) events_.note(FileEventKind::kShrink, *returned, start);
  return failure;
}

Failure MappedPool::shrink_file(ByteCount wanted, ByteCount* returned) {
  const std::uint32_t total = extents_.data_pages();
  const auto pages =
      static_cast<std::uint32_t>(std::min(align_down(extents_.free_at_end(), kSlabPages),
                                          align_up(div_up(wanted, kPageBytes), kSlabPages)));
  const std::uint32_t cut = pages == total ? total - kSlabPages : pages;
  if (cut == 0) return {};
  ++merges_;
  extents_.shrink(cut);
  if (words_.is_damaged()) return break_by(words_.take_damage());
  // Durable, whatever is promised: a file that is shorter than it says is damaged.
  if (const Failure failure = commit(SyncLevel::kData); !failure.ok()) return failure;
  const FileError error = file_->set_size(layout_.data_at() + ByteCount{total - cut} * kPageBytes);
  if (!error.ok()) return {Fault::kFile, error, "cut", 0};
  *returned += ByteCount{cut} * kPageBytes;
  return {};
}

Failure MappedPool::punch_free(ByteCount wanted, ByteCount* returned) {
  struct Hole {
    DataPage page;
    std::uint32_t pages;
  };
  std::vector<Hole> holes;
  ByteCount found = 0;
  for (std::uint32_t bin = 0; bin < kBins && found < wanted && !words_.is_damaged(); ++bin) {
    // A list that leads in a circle is longer than there are pages.
    std::uint32_t looks = extents_.data_pages();
    for (std::uint32_t link = extents_.first_of(bin); link != 0;
         link = extents_.next_of(link - 1)) {
      const Extents::Extent extent = extents_.free_extent(link - 1);
      if (extent.pages == 0 || looks-- == 0) {
        words_.note_damage("list of free extents", bin);
        break;
      }
      if (extent.may_have_holes || found >= wanted || batch_bytes() + 64 > batch_limit()) continue;
      found += ByteCount{extent.pages} * kPageBytes;
      extents_.note_holes(link - 1);
      holes.push_back({link - 1, extent.pages});
    }
  }
  if (words_.is_damaged()) return break_by(words_.take_damage());
  if (holes.empty()) return {};
  // The file knows of holes before there are any: a store to one may find no space.
  if (const Failure failure = commit(SyncLevel::kData); !failure.ok()) return failure;
  const ByteCount unit = files_.page_bytes();
  for (const Hole& hole : holes) {
    const ByteCount from = align_up(ByteCount{hole.page} * kPageBytes, unit);
    const ByteCount to = align_down(ByteCount{hole.page + hole.pages} * kPageBytes, unit);
    if (from >= to) continue;
    const FileError error = file_->punch(layout_.data_at() + from, to - from);
    if (error.status == FileStatus::kUnsupported) return {};
    if (!error.ok()) return {Fault::kFile, error, "punch", 0};
    *returned += to - from;
  }
  return {};
}

}  // namespace superslab::mapped
