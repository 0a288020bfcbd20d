// Commits and checkpoints: how changes become part of the file.
#include <algorithm>
#include <cassert>
#include <cstring>

#include "pools/mapped/header.h"
#include "pools/mapped/mapped_pool.h"

namespace superslab::mapped {

ByteCount MappedPool::batch_bytes() const {
  return sizeof(RecordHead) + words_.changes() * sizeof(ChangedWord) +
         frees_.size() * sizeof(Handle) + writes_.size() + checksum_bytes();
}

/// Applies the first `most` frees, or as many as one record can have.
void MappedPool::apply_frees(std::size_t most) {
  ++merges_;
  std::size_t applied = 0;
  for (; applied < std::min(most, frees_.size()); ++applied) {
    const std::size_t before = words_.changes();
    apply_free(frees_[applied]);
    if (words_.is_damaged()) break;
    if (batch_bytes() > batch_limit()) {
      words_.undo_to(before);
      break;
    }
  }
  for (std::size_t i = 0; i < applied; ++i) due_.erase(granule_of(frees_[i]));
  frees_.erase(frees_.begin(), frees_.begin() + static_cast<std::ptrdiff_t>(applied));
  due_since_.erase(due_since_.begin(), due_since_.begin() + static_cast<std::ptrdiff_t>(std::min(
                                                                applied, due_since_.size())));
  due_count_ -= std::min(due_count_, applied);
  durable_frees_ -= std::min(durable_frees_, applied);
  wiped_frees_ -= std::min(wiped_frees_, applied);
  for (DueMark& mark : due_marks_) mark.due -= std::min(mark.due, applied);
}

Failure MappedPool::check_length() {
  ByteCount bytes = 0;
  if (const FileError error = file_->size(&bytes); !error.ok())
    return break_by({Fault::kFailed, error, "length", 0});
  if (bytes >= layout_.data_at() + ByteCount{extents_.data_pages()} * kPageBytes) return {};
  return break_by({Fault::kLost, {}, "end of the file", bytes});
}

template <class Call>
FileError MappedPool::timed_sync(Call call) {
  const Nanos start = precise_now();
  const FileError error = call();
  ++counted_.syncs;
  counted_.sync_time += precise_now() - start;
  events_.note(FileEventKind::kSync, 0, start);
  return error;
}

void MappedPool::note_unsynced(ByteCount bytes) {
  if (!has_unsynced_) unsynced_since_ = precise_now();
  has_unsynced_ = true;
  unsynced_bytes_ += bytes;
  last_unsynced_ = journal_.place().sequence - 1;
}

void MappedPool::note_synced() {
  has_unsynced_ = false;
  unsynced_bytes_ = 0;
  durable_through_ = journal_.place().sequence - 1;
  durable_frees_ = due_count_;
  due_marks_.clear();
  if (sharing_ != nullptr) sharing_->note_durable(durable_through_);
}

Failure MappedPool::sync_data() {
  const ByteCount bytes = ByteCount{extents_.data_pages()} * kPageBytes;
  const FileError error = timed_sync([&] { return file_->sync_range(layout_.data_at(), bytes); });
  if (!error.ok()) return break_by({Fault::kFailed, error, "sync of the data", 0});
  has_writes_ = false;
  return {};
}

void MappedPool::apply_writes(std::span<const std::uint8_t> writes) {
  const ByteCount end = ByteCount{extents_.data_pages()} * kPageBytes;
  while (!writes.empty()) {
    WriteHead head;
    std::memcpy(&head, writes.data(), sizeof head);
    const ByteCount bytes = align_up(head.bytes, 8);
    if (head.offset <= end && head.bytes <= end - head.offset)
      std::memcpy(data() + head.offset, writes.data() + sizeof head, head.bytes);
    note_touched(head.offset, head.bytes);
    has_writes_ = true;
    writes = writes.subspan(sizeof head + bytes);
  }
}

Failure MappedPool::commit_once(bool is_synced, std::size_t frees_to_apply) {
  const bool applies_frees = frees_to_apply != 0;
  const Nanos start = events_.start();
  if (applies_frees) apply_frees(frees_to_apply);
  set_checksums();
  if (words_.is_damaged()) return break_by(words_.take_damage());
  changed_.clear();
  words_.collect(changed_);
  RecordParts parts;
  if (is_synced) parts.flags |= kSynced;
  if (applies_frees) parts.flags |= kFreesApplied;
  parts.words = changed_;
  parts.frees = std::span(frees_).subspan(applies_frees ? 0 : due_count_);
  parts.writes = writes_;
  if (!journal_.has_room(parts.bytes()))
    return break_by({Fault::kDamaged, {}, "room in the journal", parts.bytes()});
  FileError error = journal_.append(*file_, parts);
  // What is overwritten in place cannot be had again without the record.
  if (error.ok() && is_synced && !writes_.empty())
    error = timed_sync([&] { return journal_.sync(*file_); });
  if (!error.ok()) return break_by({Fault::kFailed, error, "write of the journal", 0});
  words_.note_committed(changed_);
  words_.forget_undo();
  apply_writes(writes_);
  wipe_writes(0);
  writes_.clear();
  written_.clear();
  taken_.clear();
  due_count_ = frees_.size();
  due_since_.resize(due_count_, journal_.place().sequence - 1);
  if (!is_synced) note_unsynced(parts.bytes());
  if (sharing_ != nullptr) {
    sharing_->note_applied(journal_.place().sequence - 1);
    sharing_->note_change();
    publish();
  }
  events_.note(FileEventKind::kCommit, parts.bytes(), start);
  return journal_.place().tail > batch_limit() ? checkpoint() : Failure{};
}

Failure MappedPool::commit(SyncLevel level) {
  const Turn turn(*this);
  Failure failure = commit_batch(level);
  // Who waits for room needs what this one has freed.
  if (failure.ok() && layout_.is_sensitive && needs_room_) failure = commit_batch(level);
  if (failure.ok()) is_batch_open_ = needs_room_ = false;
  return failure;
}

Failure MappedPool::commit_batch(SyncLevel level) {
  if (const Failure failure = begin_change(); !failure.ok()) return failure;
  if (const Failure failure = check_length(); !failure.ok()) return failure;
  // Frees that wait for a durable commit take room of every batch; and writes in place destroy what
  // a power failure would bring back, unless they are durable first.
  if (frees_.size() * sizeof(Handle) > batch_limit() / 2 || !writes_.empty())
    level = std::max(level, promise_);
  wipe_frees();
  const std::size_t freed = frees_.size() - due_count_;
  const bool is_synced = level != SyncLevel::kNone;
  const bool applies_frees = level >= std::min(promise_, SyncLevel::kData);
  const bool is_empty =
      !has_uncommitted() && (frees_.empty() || frees_to_apply(applies_frees) == 0);
  if (is_empty && !is_synced) return {};
  if (is_synced) {
    if (const Failure failure = sync_data(); !failure.ok()) return failure;
  }
  if (!is_empty || has_unsynced_) {
    do {
      const Failure failure = commit_once(is_synced, frees_to_apply(applies_frees));
      if (!failure.ok()) return failure;
    } while (!shares() && !layout_.is_sensitive && applies_frees && !frees_.empty());
  }
  ++counted_.commits;
  counted_.frees += freed;
  if (!is_synced) {
    wipe_frees();
    return check_lost();
  }
  FileError error = timed_sync([&] { return journal_.sync(*file_); });
  if (error.ok() && level == SyncLevel::kFull)
    error = timed_sync([&] { return file_->sync(SyncLevel::kFull); });
  if (!error.ok()) return break_by({Fault::kFailed, error, "sync of the journal", 0});
  note_synced();
  wipe_frees();
  return check_lost();
}

/// Whether an epoch begins with a record. In a sensitive file that record tells that nobody has
/// closed it, so that there may be remains of what was not committed.
bool MappedPool::must_carry() const {
  return !frees_.empty() || (layout_.is_sensitive && !leaves_clean_);
}

Failure MappedPool::write_header(const JournalPlace& next) {
  Header header = header_;
  ++header.sequence;
  header.epoch = next.epoch;
  header.first_record = next.sequence;
  header.crc = crc_of(header);
  const ByteCount at = header_at(header.sequence % kHeaders);
  FileError error = file_->write_at(&header, sizeof header, at);
  if (error.ok()) error = file_->sync_range(at, sizeof header);
  if (!error.ok()) return break_by({Fault::kFailed, error, "write of the header", 0});
  header_ = header;
  return {};
}

Failure MappedPool::checkpoint() {
  assert(words_.changes() == 0 && writes_.empty());
  if (!words_.has_dirty() && journal_.place().tail == 0) return {};
  const std::uint64_t wanted =
      sharing_ == nullptr ? wanted_through_ : std::max(wanted_through_, sharing_->wanted());
  const bool is_promised = promise_ != SyncLevel::kNone || wanted > durable_through_;
  const Nanos start = events_.start();
  if (has_writes_ || (has_unsynced_ && is_promised)) {
    if (const Failure failure = sync_data(); !failure.ok()) return failure;
  }
  changed_.clear();
  words_.seal(changed_);
  if (words_.is_damaged()) return break_by(words_.take_damage());
  RecordParts parts;
  parts.flags = kCheckpoint | kSynced;
  parts.words = changed_;
  if (!journal_.has_room(parts.bytes()))
    return break_by({Fault::kDamaged, {}, "room in the journal", parts.bytes()});
  FileError error = journal_.append(*file_, parts);
  if (error.ok()) error = timed_sync([&] { return journal_.sync(*file_); });
  const ByteCount home_bytes = ByteCount{words_.dirty_pages()} * kPageBytes;
  if (error.ok() && sharing_ != nullptr) {
    publish();
    sharing_->begin_home();
  }
  // From here on the record alone says what the pages are.
  if (error.ok()) error = words_.write_home(*file_);
  if (error.ok())
    error = timed_sync([&] {
      return file_->sync_range(layout_.checksums_at(), layout_.data_at() - layout_.checksums_at());
    });
  if (!error.ok()) return break_by({Fault::kFailed, error, "checkpoint", 0});
  const JournalPlace next = journal_.next_epoch();
  journal_.go_on_at(next);
  if (must_carry()) {
    RecordParts carried;
    carried.flags = kCarried | kFreesApplied | kSynced;
    carried.frees = frees_;
    error = journal_.append(*file_, carried);
    if (error.ok()) error = journal_.sync(*file_);
    if (!error.ok()) return break_by({Fault::kFailed, error, "checkpoint", 0});
  }
  if (const Failure failure = write_header(next); !failure.ok()) return failure;
  if (const Failure failure = wipe_other_half(); !failure.ok()) return failure;
  words_.settle();
  note_synced();
  publish();
  ++counted_.checkpoints;
  events_.note(FileEventKind::kCheckpoint, home_bytes, start);
  return check_lost();
}

Failure MappedPool::close() {
  if (is_closed()) return {};
  Failure failure = is_destroyed_ ? Failure{} : broken_;
  leaves_clean_ = true;
  wipe_taken(0);
  words_.undo_to(0);
  wipe_writes(0);
  writes_.clear();
  written_.clear();
  taken_.clear();
  frees_.resize(due_count_);
  is_batch_open_ = false;
  if (failure.ok() && sharing_ != nullptr && !is_destroyed_) failure = end_sharing();
  if (!is_read_only() && failure.ok() && !shares() && !is_destroyed_) {
    failure = apply_all_frees();
    if (failure.ok()) failure = checkpoint();
    ByteCount bytes = 0;
    const ByteCount end = layout_.data_at() + ByteCount{extents_.data_pages()} * kPageBytes;
    // What a batch that was undone had added; if it cannot be cut it means nothing.
    if (failure.ok() && file_->size(&bytes).ok() && bytes > end)
      static_cast<void>(file_->set_size(end));
  }
  counted_ = stats();
  end_backup();
  leave();
  file_->unlock();
  file_.reset();
  range_->end();
  range_.reset();
  metadata_range_.end();
  return failure;
}

}  // namespace superslab::mapped
