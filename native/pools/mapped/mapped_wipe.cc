// Overwriting: what a sensitive file has freed, and any file that is destroyed.
//
// A block is overwritten once its free is as durable as the pool promises: before, a power failure
// could bring the block back. Its free stays due in the journal until the zeros are as durable as
// the record that then says that the space is free. So whoever recovers the file overwrites it
// again.
#include <algorithm>

#include "base/secure_zero.h"
#include "pools/mapped/mapped_opener.h"
#include "pools/mapped/mapped_pool.h"
#include "pools/mapped/zeros.h"

namespace superslab::mapped {
namespace {

constexpr ByteCount kChunkBytes = 64 * kKiB;

}  // namespace

void MappedPool::wipe_data(std::uint64_t offset, ByteCount bytes) {
  // Pages that were never touched stay so: they may be a hole, for which the disk has no space.
  for (const std::uint64_t end = offset + bytes; offset < end;) {
    const ByteCount part = std::min(end - offset, kPageBytes - offset % kPageBytes);
    if (!is_zero(data() + offset, part)) {
      secure_zero(data() + offset, part);
      note_touched(offset, part);
      has_writes_ = true;
    }
    offset += part;
  }
}

/// Blocks that are about to be undone, from that one on.
void MappedPool::wipe_taken(std::size_t first) {
  if (!layout_.is_sensitive || !broken_.ok()) return;
  for (std::size_t i = first; i < taken_.size(); ++i) {
    const Found found = block_at(granule_of(taken_[i]));
    wipe_data(std::uint64_t{granule_of(taken_[i])} * kGranuleBytes, found.capacity);
  }
}

/// The copies of what was to be written, from there on.
void MappedPool::wipe_writes(std::size_t first) {
  if (layout_.is_sensitive && first < writes_.size())
    secure_zero(writes_.data() + first, writes_.size() - first);
}

/// Of blocks whose free is as durable as promised, and of which nobody has a view.
void MappedPool::wipe_frees() {
  if (!layout_.is_sensitive || wiped_frees_ >= due_count_) return;
  std::uint64_t through = promise_ == SyncLevel::kNone ? UINT64_MAX : durable_through_;
  if (shares() && !is_crowded()) through = std::min(through, sharing_->unseen_through());
  for (; wiped_frees_ < due_count_ && due_since_[wiped_frees_] <= through; ++wiped_frees_) {
    const std::uint32_t granule = granule_of(frees_[wiped_frees_]);
    wipe_data(std::uint64_t{granule} * kGranuleBytes, block_at(granule).capacity);
  }
}

/// All that no block has: of batches that were under way when a process died. Blocks whose free is
/// due stay, since it may not be durable yet.
void MappedPool::wipe_unused() {
  struct Range {
    std::uint64_t offset;
    ByteCount bytes;
  };
  std::vector<Range> kept;
  for (const Handle handle : frees_) {
    const std::uint64_t offset = std::uint64_t{granule_of(handle)} * kGranuleBytes;
    kept.push_back({offset, block_at(granule_of(handle)).capacity});
  }
  std::sort(kept.begin(), kept.end(),
            [](const Range& a, const Range& b) { return a.offset < b.offset; });
  std::uint64_t from = 0;
  std::size_t next = 0;
  const auto wipe_up_to = [&](std::uint64_t to) {
    for (; next < kept.size() && kept[next].offset < to; ++next) {
      if (from < kept[next].offset) wipe_data(from, kept[next].offset - from);
      from = std::max(from, kept[next].offset + kept[next].bytes);
    }
    if (from < to) wipe_data(from, to - from);
  };
  std::uint64_t cursor = 0;
  for (Block block; next_block(&cursor, &block);) {
    wipe_up_to(block.offset);
    from = block.offset + block.bytes;
  }
  if (!words_.is_damaged()) wipe_up_to(data_bytes());
}

/// Zeros in place of what is not zero: a hole stays one.
Failure MappedPool::wipe_file(ByteCount at, ByteCount bytes) {
  const std::vector<std::uint8_t> zeros(kChunkBytes);
  std::vector<std::uint8_t> chunk(kChunkBytes);
  FileError error;
  for (const ByteCount end = at + bytes; at < end && error.ok();) {
    const ByteCount part = std::min(kChunkBytes, end - at);
    error = file_->read_at(chunk.data(), part, at);
    if (error.ok() && !is_zero(chunk.data(), part)) error = file_->write_at(zeros.data(), part, at);
    at += part;
  }
  secure_zero(chunk.data(), chunk.size());
  return error.ok() ? Failure{} : break_by({Fault::kFailed, error, "overwriting", 0});
}

/// The half of the journal that is not in use.
Failure MappedPool::wipe_other_half() {
  if (!layout_.is_sensitive) return {};
  const ByteCount at = layout_.half_at(journal_.place().epoch + 1);
  if (const Failure failure = wipe_file(at, layout_.half_bytes()); !failure.ok()) return failure;
  const FileError error = file_->sync_range(at, layout_.half_bytes());
  return error.ok() ? Failure{} : break_by({Fault::kFailed, error, "overwriting", 0});
}

/// After a process has died that did not close the file.
Failure MappedPool::wipe_remains() {
  if (!layout_.is_sensitive) return {};
  if (const Failure failure = wipe_other_half(); !failure.ok()) return failure;
  wipe_unused();
  if (words_.is_damaged()) return break_by(words_.take_damage());
  // What a batch that was not committed had added.
  ByteCount bytes = 0;
  FileError error = file_->size(&bytes);
  const ByteCount end = layout_.data_at() + data_bytes();
  if (error.ok() && bytes > end) error = file_->set_size(end);
  if (!error.ok()) return break_by({Fault::kFailed, error, "overwriting", 0});
  return has_writes_ ? sync_data() : check_lost();
}

Failure MappedPool::apply_all_frees() {
  Failure failure;
  // Of a sensitive file the first commit may be what makes frees durable, so that they can be
  // overwritten, and the second what applies them.
  while (failure.ok() && !frees_.empty()) failure = commit(promise_);
  return failure;
}

/// Of a sensitive file: the journal is not empty for as long as the file is open.
Failure MappedPool::note_open() {
  if (!layout_.is_sensitive || journal_.place().tail != 0) return {};
  RecordParts parts;
  parts.flags = kCarried | kFreesApplied | kSynced;
  FileError error = journal_.append(*file_, parts);
  if (error.ok()) error = journal_.sync(*file_);
  return error.ok() ? Failure{} : break_by({Fault::kFailed, error, "write of the journal", 0});
}

/// From here on nobody else has the file, and nobody can open it.
Failure MappedPool::begin_destroying() {
  if (is_closed() || is_destroyed_) return {Fault::kClosed};
  if (is_read_only()) return {Fault::kReadOnly};
  if (!shares()) return {};
  if (!take_open_lock(*file_, lock_patience_).ok()) return {Fault::kOpening};
  if (sharing_->is_alone()) return {};
  static_cast<void>(file_->unlock_byte(kOpenLock));
  return {Fault::kInUseShared};
}

Failure MappedPool::destroy(const std::string& path) {
  if (const Failure failure = begin_destroying(); !failure.ok()) return failure;
  end_backup();
  wipe_writes(0);
  is_destroyed_ = true;
  if (broken_.ok()) broken_ = {Fault::kClosed};
  ByteCount bytes = 0;
  FileError error = file_->size(&bytes);
  if (!error.ok()) return {Fault::kFile, error, "length", 0};
  // From its end to its beginning: whoever opens what is left after a kill finds as much of it as
  // there is, and can destroy it.
  const ByteCount data_at = std::min(layout_.data_at(), bytes);
  Failure failure = wipe_file(data_at, bytes - data_at);
  if (failure.ok()) failure = wipe_file(kAreaBytes, data_at - kAreaBytes);
  if (failure.ok()) failure = wipe_file(0, kAreaBytes);
  if (!failure.ok()) return failure;
  error = file_->sync(SyncLevel::kFull);
  if (error.ok()) error = files_.remove(*file_, path.c_str());
  return error.ok() ? Failure{} : Failure{Fault::kFile, error, "destroy", 0};
}

}  // namespace superslab::mapped
