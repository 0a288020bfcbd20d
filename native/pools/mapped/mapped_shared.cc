// A file that several processes have open. Each has the books for itself, and follows the journal:
// docs/FILE-FORMAT.md, "Several processes".
#include <algorithm>
#include <cassert>

#include "pools/mapped/mapped_opener.h"
#include "pools/mapped/mapped_pool.h"

namespace superslab::mapped {

// The writer's lock.

Failure MappedPool::lock_writer(Nanos patience) {
  if (!shares() || sharing_->holds_writer()) return {};
  if (sharing_->has_failed()) return break_by({Fault::kFailed, {}, "a sync of another process", 0});
  const Sharing::Taken taken = sharing_->take_writer(patience);
  if (taken == Sharing::Taken::kBusy) return {Fault::kBusy, {}, "", sharing_->writer_pid()};
  Failure failure;
  if (taken == Sharing::Taken::kOwnerDied)
    failure = MappedOpener(files_, *this).repair();
  else
    failure = catch_up();
  if (failure.ok()) failure = check_lost();
  if (failure.ok()) return {};
  static_cast<void>(words_.take_damage());
  needs_reload_ = true;
  // What was not repaired, the next one has to.
  sharing_->abandon_writer();
  return break_by(failure);
}

void MappedPool::end_turn() {
  if (!shares() || !sharing_->holds_writer()) return;
  if (!broken_.ok())
    sharing_->abandon_writer();
  else if (!has_uncommitted() && !is_batch_open_)
    sharing_->release_writer();
}

Failure MappedPool::begin_batch() {
  if (!shares() || is_read_only()) return {};
  const Turn turn(*this);
  const Failure failure = begin_change();
  if (failure.ok()) is_batch_open_ = true;
  return failure;
}

void MappedPool::end_batch() {
  is_batch_open_ = false;
  end_turn();
}

void MappedPool::publish() {
  if (sharing_ != nullptr) sharing_->publish(journal_.place());
}

// Following the journal.

/// No batch is under way. With the writer's lock, or to look at something: then what comes of it is
/// a state of the file unless needs_reload_ is set.
Failure MappedPool::catch_up() {
  assert(!has_uncommitted());
  if (needs_reload_ || !sharing_->is_at(journal_.place())) {
    const bool is_same_epoch = !needs_reload_ && sharing_->epoch() == journal_.place().epoch;
    if (!is_same_epoch || !read_on()) {
      if (const Failure failure = reload(); !failure.ok()) return failure;
    }
  }
  learn_durable();
  return {};
}

/// Applies the records that others have appended in this epoch. False when it did not find them.
bool MappedPool::read_on() {
  const JournalPlace from = journal_.place();
  const std::uint64_t wanted = sharing_->sequence();
  const ByteCount end = sharing_->tail();
  if (end <= from.tail || end > layout_.half_bytes()) return false;
  if (!reader_.read_on(*file_, layout_, from, end).ok()) return false;
  for (std::size_t i = 0; i < reader_.count(); ++i) {
    const RecordParts parts = reader_.parts(i);
    const JournalPlace after = reader_.place_after(i + 1);
    if (!replay(parts, after.sequence - 1, true) || words_.is_damaged()) {
      static_cast<void>(words_.take_damage());
      return false;
    }
    note_others_record(parts, after, parts.bytes());
    journal_.go_on_at(after);
  }
  return journal_.place().sequence > wanted;
}

/// Forgets all that is known of the file, and reads it anew.
Failure MappedPool::reload() {
  constexpr int kAttempts = 2;
  Failure failure;
  for (int i = 0; i < kAttempts; ++i) {
    const std::uint64_t homes = sharing_->homes();
    needs_reload_ = true;
    failure = MappedOpener(files_, *this).reload();
    if (!failure.ok()) continue;
    if (sharing_->holds_writer() || sharing_->homes() == homes) {
      needs_reload_ = false;
      return {};
    }
  }
  static_cast<void>(words_.take_damage());
  // With the lock nobody else writes, and so it is damage. Without it, whoever reads takes the
  // lock.
  return sharing_->holds_writer() ? failure : Failure{};
}

void MappedPool::forget_all() {
  words_.forget();
  frees_.clear();
  due_since_.clear();
  due_.clear();
  due_count_ = 0;
  due_marks_.clear();
  durable_frees_ = 0;
  wiped_frees_ = 0;
  ++merges_;
}

bool MappedPool::replay(const RecordParts& parts, std::uint64_t sequence, bool is_checked) {
  if ((parts.flags & kCheckpoint) != 0) return true;
  ++merges_;
  for (const ChangedWord& word : parts.words) {
    if (words_.replay(word, is_checked)) continue;
    words_.note_damage("word", word.index);
    return false;
  }
  take_frees(parts, sequence);
  return true;
}

/// The frees of a record. One that has applied some says which are left of those that were due
/// before, and then its own.
void MappedPool::take_frees(const RecordParts& parts, std::uint64_t sequence) {
  std::size_t known = frees_.size();
  if ((parts.flags & kFreesApplied) != 0) {
    const auto first = parts.frees.empty()
                           ? frees_.end()
                           : std::find(frees_.begin(), frees_.end(), parts.frees.front());
    for (auto free = frees_.begin(); free != first; ++free) due_.erase(granule_of(*free));
    const auto applied = static_cast<std::size_t>(first - frees_.begin());
    due_since_.erase(due_since_.begin(), due_since_.begin() + (first - frees_.begin()));
    wiped_frees_ -= std::min(wiped_frees_, applied);
    frees_.erase(frees_.begin(), first);
    known = std::min(frees_.size(), parts.frees.size());
    const bool is_rest = std::equal(frees_.begin(), frees_.end(), parts.frees.begin(),
                                    parts.frees.begin() + static_cast<std::ptrdiff_t>(known));
    if (!is_rest) {
      frees_.clear();
      due_since_.clear();
      due_.clear();
      wiped_frees_ = 0;
      known = 0;
    }
  } else {
    known = 0;
  }
  for (const Handle handle : parts.frees.subspan(known)) {
    frees_.push_back(handle);
    due_since_.push_back(sequence);
    due_.insert(granule_of(handle));
  }
  due_count_ = frees_.size();
}

void MappedPool::note_others_record(const RecordParts& parts, const JournalPlace& after,
                                    ByteCount bytes) {
  // A marker, or a record that was synced, makes those before it count after a power failure. Both
  // do so once they are durable themselves, of which `durable` tells.
  const std::uint64_t sequence = after.sequence - 1;
  if (backup_ != nullptr) backup_->has_others_changes = true;
  if ((parts.flags & kSyncedThrough) != 0)
    marked_through_ = std::max(marked_through_, after.durable);
  else if ((parts.flags & kSynced) != 0)
    marked_through_ = std::max(marked_through_, sequence);
  if ((parts.flags & kSyncedThrough) != 0) return;
  if (!has_unsynced_) unsynced_since_ = precise_now();
  has_unsynced_ = true;
  unsynced_bytes_ += bytes;
  last_unsynced_ = sequence;
}

/// A checkpoint has made all records up to `durable` so, or nobody waits for that.
void MappedPool::note_reload(std::uint64_t durable) {
  has_unsynced_ = false;
  unsynced_bytes_ = 0;
  durable_through_ = std::max(durable_through_, durable);
  if (backup_ != nullptr) backup_->has_others_changes = true;
}

void MappedPool::learn_durable() {
  const std::uint64_t durable = std::min(sharing_->durable(), journal_.place().sequence - 1);
  if (durable <= durable_through_) return;
  note_durable(durable, unsynced_since_);
  journal_.note_durable(durable_through_);
}

// Frees and views.

/// Views of others count no more.
bool MappedPool::is_crowded() {
  const std::uint64_t total = extents_.data_pages();
  const std::uint64_t room = words_.get(kFreePagesWord) + layout_.max_pages - total;
  return frees_.size() * sizeof(Handle) > batch_limit() / 4 || room < layout_.max_pages / 4 ||
         needs_room_;
}

/// How many of the frees that are due a commit may apply: those whose records last as long as is
/// promised, and whose blocks nobody has a view of. They stay in the journal until then; when that
/// or the file gets full, views count no more.
std::size_t MappedPool::frees_to_apply(bool applies_all) {
  if (layout_.is_sensitive && !shares()) return wiped_frees_;
  if (!shares()) return applies_all ? kAllFrees : durable_frees_;
  if (due_count_ == 0) return 0;
  std::uint64_t through = is_crowded() ? UINT64_MAX : sharing_->unseen_through();
  if (!applies_all) through = std::min(through, durable_through_);
  const auto end = due_since_.begin() + static_cast<std::ptrdiff_t>(due_count_);
  const auto ready = static_cast<std::size_t>(std::upper_bound(due_since_.begin(), end, through) -
                                              due_since_.begin());
  if (layout_.is_sensitive) return std::min(ready, wiped_frees_);
  // Those that are left are written once more.
  return ready * 4 >= due_count_ ? ready : 0;
}

std::uint64_t MappedPool::show_view(bool is_first) {
  if (!shares()) return 0;
  const std::uint64_t known = sharing_->sequence();
  sharing_->show_view(known, is_first);
  return known;
}

// The end.

/// What is not committed is undone. The last one to close the file goes on as if it had it alone,
/// and nobody can open it meanwhile.
Failure MappedPool::end_sharing() {
  end_turn();
  if (wanted_through_ > durable_through_) {
    if (const Failure failure = commit(SyncLevel::kData); !failure.ok()) return failure;
  }
  // Whoever does not get it leaves the file to those who open it next.
  if (!take_open_lock(*file_, lock_patience_).ok() || !sharing_->is_alone()) return {};
  const Failure failure = lock_writer(lock_patience_);
  is_last_ = failure.ok();
  return failure;
}

void MappedPool::leave() {
  if (sharing_ == nullptr) return;
  // What was half done the next one repairs.
  if (sharing_->holds_writer() && !broken_.ok()) sharing_->abandon_writer();
  sharing_->leave();
  sharing_.reset();
}

}  // namespace superslab::mapped
