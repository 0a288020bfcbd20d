// Group commit: records are written at once, and one sync makes those of many commits durable.
//
// A record that was written before its data was durable means nothing after a power failure. So a
// sync of the whole file is followed by a marker, a record that says how far it went; and the
// commits are safe when the marker is durable, too, which the next sync sees to. While commits keep
// coming, each sync does both: it makes the marker of the one before durable, and the records
// behind it.
#include <algorithm>

#include "pools/mapped/mapped_pool.h"

namespace superslab::mapped {

Failure MappedPool::commit_later(std::uint64_t* sequence) {
  const Turn turn(*this);
  const Failure failure = commit_batch_later(sequence);
  if (failure.ok()) is_batch_open_ = needs_room_ = false;
  return failure;
}

Failure MappedPool::commit_batch_later(std::uint64_t* sequence) {
  *sequence = 0;
  if (const Failure failure = begin_change(); !failure.ok()) return failure;
  const bool can_wait = writes_.empty() && frees_.size() * sizeof(Handle) <= batch_limit() / 2;
  if (!can_wait) return commit(SyncLevel::kData);
  if (const Failure failure = check_length(); !failure.ok()) return failure;
  wipe_frees();
  if (const std::size_t to_apply = frees_to_apply(false); has_uncommitted() || to_apply != 0) {
    const std::size_t freed = frees_.size() - due_count_;
    // Before: the record may lead to a checkpoint, which then makes it durable.
    wanted_through_ = journal_.place().sequence;
    if (sharing_ != nullptr) sharing_->note_wanted(wanted_through_);
    if (const Failure failure = commit_once(false, to_apply); !failure.ok()) return failure;
    ++counted_.commits;
    counted_.frees += freed;
  }
  if (!has_unsynced_) return {};
  *sequence = wanted_through_ = last_unsynced_;
  if (sharing_ != nullptr) sharing_->note_wanted(wanted_through_);
  due_marks_.push_back({last_unsynced_, due_count_});
  return {};
}

MappedPool::GroupSync MappedPool::begin_sync() const {
  GroupSync sync;
  sync.file = file_;
  sync.through = journal_.place().sequence - 1;
  sync.marked = marked_through_;
  sync.began = precise_now();
  if (is_marker_due_) sync.busy = sharing_;
  return sync;
}

void MappedPool::note_durable(std::uint64_t sequence, Nanos began) {
  if (sequence <= durable_through_) return;
  durable_through_ = sequence;
  if (sharing_ != nullptr) sharing_->note_durable(sequence);
  while (!due_marks_.empty() && due_marks_.front().sequence <= sequence) {
    durable_frees_ = std::max(durable_frees_, due_marks_.front().due);
    due_marks_.erase(due_marks_.begin());
  }
  if (sequence >= last_unsynced_) {
    has_unsynced_ = false;
    unsynced_bytes_ = 0;
  } else {
    unsynced_since_ = began;  // what is left was written later
  }
}

Failure MappedPool::end_sync(const GroupSync& sync, FileError error) {
  ++syncs_ended_;
  if (is_closed()) return {Fault::kClosed};
  if (!broken_.ok()) return broken_;
  ++counted_.syncs;
  counted_.sync_time += precise_now() - sync.began;
  events_.note(FileEventKind::kSync, 0, sync.began);
  if (!error.ok()) return break_by({Fault::kFailed, error, "sync of the file", 0});
  note_durable(sync.marked, sync.began);
  const Turn turn(*this);
  // Somebody else is writing, and may vouch for these records, too. Otherwise the next sync tries
  // again.
  const Failure busy = lock_writer(0);
  is_marker_due_ = busy.fault == Fault::kBusy;
  if (!busy.ok()) return is_marker_due_ ? Failure{} : busy;
  wipe_frees();
  // A commit with a sync, or a checkpoint, may have been faster.
  if (sync.through <= durable_through_ || last_unsynced_ <= durable_through_) return {};
  const std::uint64_t through = std::min(sync.through, last_unsynced_);
  if (through <= marked_through_) return {};
  journal_.note_durable(through);
  RecordParts marker;
  marker.flags = kSyncedThrough;
  if (!journal_.has_room(marker.bytes()))
    return break_by({Fault::kDamaged, {}, "room in the journal", marker.bytes()});
  error = journal_.append(*file_, marker);
  if (!error.ok()) return break_by({Fault::kFailed, error, "write of the journal", 0});
  marked_through_ = through;
  publish();
  return {};
}

}  // namespace superslab::mapped
