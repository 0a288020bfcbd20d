// What the journal says of a file: when it is opened, when another process has begun another half
// of the journal, and when one has died that was writing.
#include <algorithm>
#include <cstring>

#include "base/bits.h"
#include "pools/mapped/mapped_opener.h"

namespace superslab::mapped {
namespace {

/// Whether each write of a record ends within it.
bool is_whole(std::span<const std::uint8_t> writes) {
  while (!writes.empty()) {
    WriteHead head;
    if (writes.size() < sizeof head) return false;
    std::memcpy(&head, writes.data(), sizeof head);
    const ByteCount bytes = sizeof head + align_up(head.bytes, 8);
    if (writes.size() < bytes) return false;
    writes = writes.subspan(bytes);
  }
  return true;
}

}  // namespace

std::size_t MappedOpener::kept_records() const {
  return std::min(reader_.kept(files_.boot()), reader_.records_through(last_));
}

Failure MappedOpener::replay(MappedPool& pool) {
  const std::size_t kept = kept_records();
  bool has_checkpoint = false;
  for (std::size_t i = 0; i < kept; ++i)
    has_checkpoint |= (reader_.parts(i).flags & kCheckpoint) != 0;
  for (std::size_t i = 0; i < kept; ++i) {
    const std::uint64_t sequence = reader_.place_after(i).sequence;
    if (!pool.replay(reader_.parts(i), sequence, !has_checkpoint)) return pool.words_.take_damage();
  }
  if (const Failure failure = check_last_pages(pool, kept, has_checkpoint); !failure.ok())
    return failure;
  if (pool.words_.is_damaged()) return pool.words_.take_damage();
  pool.journal_.go_on_at(reader_.place_after(kept));
  if (kept == 0)
    pool.journal_.go_on_at({header_.epoch, header_.first_record, header_.first_record - 1, 0, 0});
  return {};
}

/// Pages that may be partly home are what the last checkpoint says, or damaged.
Failure MappedOpener::check_last_pages(MappedPool& pool, std::size_t kept, bool has_checkpoint) {
  if (kept == 0) return {};
  const RecordParts last = reader_.parts(kept - 1);
  const bool is_checkpoint = (last.flags & kCheckpoint) != 0;
  for (const ChangedWord& page : is_checkpoint ? last.words : std::span<const ChangedWord>{}) {
    if (!pool.words_.has_checksum(page.index, page.value))
      return {Fault::kDamaged, {}, "metadata page", page.index};
  }
  if (has_checkpoint && (!is_checkpoint || last.words.size() != pool.words_.dirty_pages()))
    return {Fault::kDamaged, {}, "checkpoint", kept};
  return {};
}

Failure MappedOpener::check_super(MappedPool& pool) {
  const std::uint32_t pages = pool.extents_.data_pages();
  if (pool.words_.is_damaged()) return pool.words_.take_damage();
  if (pages > header_.max_pages || pages % kSlabPages != 0 || pages == 0)
    return {Fault::kDamaged, {}, "number of data pages", pages};
  ByteCount bytes = 0;
  if (const FileError error = pool.file_->size(&bytes); !error.ok())
    return {Fault::kFile, error, "length", 0};
  if (bytes < pool.layout_.data_at() + ByteCount{pages} * kPageBytes)
    return {Fault::kCut, {}, "", bytes};
  return pool.check_lost();
}

/// Those of the last record: earlier ones were done, and may have been overwritten since.
Failure MappedOpener::apply_last_writes(MappedPool& pool) {
  const std::size_t kept = kept_records();
  if (kept == 0) return {};
  const auto writes = reader_.parts(kept - 1).writes;
  if (writes.empty()) return {};
  if (!is_whole(writes)) return {Fault::kDamaged, {}, "writes of a record", kept};
  // What is overwritten in place cannot be had again without the record.
  if (options_.access == FileAccess::kReadWrite) {
    if (const FileError error = pool.journal_.sync(*pool.file_); !error.ok())
      return {Fault::kFailed, error, "sync of the journal", 0};
  }
  pool.apply_writes(writes);
  return pool.check_lost();
}

Failure MappedOpener::write_lost_header(MappedPool& pool) {
  if (!lacks_copy_) return {};
  if (lacks_header_) pool.header_.sequence -= 1;  // it is written again
  JournalPlace place;
  place.epoch = header_.epoch;
  place.sequence = header_.first_record;
  return pool.write_header(place);
}

Failure MappedOpener::recover(MappedPool& pool) {
  if (const Failure failure = write_lost_header(pool); !failure.ok()) return failure;
  if (reader_.count() == 0) {
    const Failure failure = pool.wipe_other_half();
    return failure.ok() ? pool.note_open() : failure;
  }
  Failure failure = pool.checkpoint();
  if (failure.ok()) failure = pool.apply_all_frees();
  return failure.ok() ? pool.wipe_remains() : failure;
}

/// A record that is there, but not published yet, may have writes that are not in the data yet.
Failure MappedOpener::reload() {
  last_ = pool_->sharing_->sequence();
  return read_anew();
}

Failure MappedOpener::read_anew() {
  MappedPool& pool = *pool_;
  pool.forget_all();
  Failure failure = read_header();
  if (failure.ok())
    failure =
        reader_.read(*pool.file_, pool.layout_, header_.epoch, header_.first_record, files_.boot());
  if (failure.ok()) failure = replay(pool);
  if (failure.ok()) failure = check_super(pool);
  if (!failure.ok()) return failure;
  pool.header_ = header_;
  pool.note_reload(header_.first_record - 1);
  const std::size_t kept = kept_records();
  for (std::size_t i = 0; i < kept; ++i) {
    const RecordParts parts = reader_.parts(i);
    pool.note_others_record(parts, reader_.place_after(i + 1), parts.bytes());
  }
  return {};
}

Failure MappedOpener::repair() {
  MappedPool& pool = *pool_;
  Failure failure = read_anew();
  const bool has_records = failure.ok() && reader_.count() > 0;
  if (has_records && pool.sharing_->applied() < pool.journal_.place().sequence - 1)
    failure = apply_last_writes(pool);
  if (failure.ok()) failure = write_lost_header(pool);
  if (!failure.ok()) return failure;
  pool.sharing_->note_applied(pool.journal_.place().sequence - 1);
  pool.needs_reload_ = false;
  const bool ends_in_checkpoint =
      has_records && (reader_.parts(reader_.count() - 1).flags & kCheckpoint) != 0;
  if (ends_in_checkpoint) failure = pool.checkpoint();
  if (failure.ok()) failure = pool.wipe_remains();
  pool.publish();
  pool.sharing_->note_change();
  return failure;
}

}  // namespace superslab::mapped
