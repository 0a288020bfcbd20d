// A copy of a file while it is used.
//
// Data is copied bit by bit, while blocks come and go. Then, in one go, what was allocated or
// written since goes once more, with the books and the journal as they are in the file: so the copy
// is the file at that moment, as the last commit left it. A marker behind its last record says that
// all of it is durable, which it is when the copy is.
#include <algorithm>

#include "pools/mapped/mapped_pool.h"
#include "pools/mapped/zeros.h"

namespace superslab::mapped {
namespace {

constexpr ByteCount kChunkBytes = 64 * kKiB;

}  // namespace

void MappedPool::note_touched(std::uint64_t offset, ByteCount bytes) {
  if (backup_ != nullptr) backup_->touched.push_back({offset, bytes});
}

Failure MappedPool::begin_backup(const std::string& path, unsigned mode) {
  if (is_closed()) return {Fault::kClosed};
  if (!broken_.ok()) return broken_;
  if (backup_ != nullptr) return {Fault::kBackup};
  auto backup = std::make_unique<Backup>();
  backup->path = path;
  backup->data_bytes = data_bytes();
  const FileError error = files_.create(path.c_str(), mode, &backup->file);
  if (!error.ok()) return {Fault::kFile, error, "create", 0};
  backup_ = std::move(backup);
  // Blocks that no commit has made last yet are filled meanwhile.
  for (const Handle handle : taken_) {
    const Found found = live_block(handle);
    if (found.is_live) note_touched(found.block.offset, found.block.bytes);
  }
  return {};
}

/// Copies a part of the data. What is zero anyway stays a hole.
Failure MappedPool::copy_data(std::uint64_t offset, ByteCount bytes) {
  while (bytes > 0) {
    const ByteCount part = std::min(bytes, kChunkBytes);
    const std::uint8_t* const from = data() + offset;
    if (!is_zero(from, part) || offset < backup_->copied) {
      const FileError error = backup_->file->write_at(from, part, layout_.data_at() + offset);
      if (!error.ok()) return {Fault::kFile, error, "write of the copy", 0};
    }
    offset += part;
    bytes -= part;
  }
  return check_lost();
}

Failure MappedPool::go_on_with_backup(ByteCount bytes, BackupProgress* progress) {
  if (is_closed()) return {Fault::kClosed};
  if (backup_ == nullptr) return {Fault::kBackup};
  const ByteCount end = std::min(backup_->data_bytes, data_bytes());
  const ByteCount done = std::min(backup_->copied, end);
  const ByteCount part = std::min(bytes, end - done);
  const Failure failure = copy_data(done, part);
  backup_->copied = done + part;
  *progress = {backup_->copied, end};
  if (!failure.ok()) end_backup();
  return failure;
}

/// The books and the journal, as they are in the file.
Failure MappedPool::copy_books() {
  std::vector<std::uint8_t> chunk(kChunkBytes);
  File& copy = *backup_->file;
  FileError error = copy.set_size(layout_.data_at() + data_bytes());
  for (ByteCount at = 0; at < layout_.data_at() && error.ok(); at += kChunkBytes) {
    error = file_->read_at(chunk.data(), kChunkBytes, at);
    if (error.ok() && !is_zero(chunk.data(), kChunkBytes))
      error = copy.write_at(chunk.data(), kChunkBytes, at);
  }
  if (error.ok() && journal_.place().tail != 0) {
    Journal journal = journal_;
    journal.note_durable(journal.place().sequence - 1);
    RecordParts marker;
    marker.flags = kSyncedThrough;
    if (!journal.has_room(marker.bytes()))
      return {Fault::kDamaged, {}, "room in the journal", marker.bytes()};
    error = journal.append(copy, marker);
  }
  return error.ok() ? Failure{} : Failure{Fault::kFile, error, "write of the copy", 0};
}

Failure MappedPool::finish_backup() {
  if (is_closed()) return {Fault::kClosed};
  if (backup_ == nullptr) return {Fault::kBackup};
  const Turn turn(*this);
  Failure failure = broken_;
  if (failure.ok()) failure = lock_writer(lock_patience_);
  // Which blocks are new of those that others have made is not known: all goes once more.
  if (failure.ok() && backup_->has_others_changes) failure = copy_data(0, data_bytes());
  for (std::size_t i = 0; i < backup_->touched.size() && failure.ok(); ++i) {
    const Backup::Range range = backup_->touched[i];
    // It may have been cut off since, by trim().
    if (range.offset < data_bytes())
      failure = copy_data(range.offset, std::min(range.bytes, data_bytes() - range.offset));
  }
  if (failure.ok()) failure = copy_books();
  if (failure.ok()) {
    FileError error = backup_->file->sync(SyncLevel::kFull);
    if (error.ok()) error = files_.publish(*backup_->file, backup_->path.c_str());
    if (!error.ok()) failure = {Fault::kFile, error, "end of the copy", 0};
  }
  end_backup();
  return failure;
}

}  // namespace superslab::mapped
