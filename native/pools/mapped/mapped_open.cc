// Opening a file: what it is, what its journal says, and making a new one.
#include <algorithm>
#include <cstddef>
#include <cstring>

#include "base/crc32c.h"
#include "pools/mapped/header.h"
#include "pools/mapped/mapped_pool.h"

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

/// One attempt to open or make a file.
class MappedOpener {
 public:
  MappedOpener(Files& files, const std::string& path, const MappedOptions& options)
      : files_(files), path_(path), options_(options) {}

  Failure open(std::unique_ptr<MappedPool>* pool) {
    FileError error = files_.open(path_.c_str(), options_.access, options_.mode, &file_);
    if (error.ok()) return open_known(pool);
    const bool may_create =
        error.status == FileStatus::kNotFound && options_.access == FileAccess::kReadWrite;
    if (!may_create) return {Fault::kFile, error, "open", 0};
    const Failure failure = create(pool);
    // Another process was faster.
    if (failure.fault != Fault::kFile || failure.file.status != FileStatus::kExists) return failure;
    error = files_.open(path_.c_str(), options_.access, options_.mode, &file_);
    return error.ok() ? open_known(pool) : Failure{Fault::kFile, error, "open", 0};
  }

 private:
  Failure open_known(std::unique_ptr<MappedPool>* pool);
  Failure create(std::unique_ptr<MappedPool>* pool);
  Failure lock();
  Failure read_header();
  Failure find_header(const Header (&slots)[2]);
  Failure make_pool(std::unique_ptr<MappedPool>* pool);
  Failure replay(MappedPool& pool);
  Failure replay_record(MappedPool& pool, const RecordParts& parts, bool is_checked);
  Failure check_super(MappedPool& pool);
  Failure apply_last_writes(MappedPool& pool);
  Failure recover(MappedPool& pool);

  Files& files_;
  const std::string path_;
  const MappedOptions options_;
  std::unique_ptr<File> file_;
  Header header_{};
  bool lacks_copy_ = false;    // one of the two is damaged
  bool lacks_header_ = false;  // the newer of the two is
  JournalReader reader_;
};

Failure MappedPool::open(Files& files, const std::string& path, const MappedOptions& options,
                         std::unique_ptr<MappedPool>* pool) {
  return MappedOpener(files, path, options).open(pool);
}

Failure MappedOpener::lock() {
  const FileError error =
      file_->lock(options_.access == FileAccess::kRead ? FileLock::kShared : FileLock::kExclusive);
  if (error.status == FileStatus::kLocked) return {Fault::kInUse, error, "", 0};
  return error.ok() ? Failure{} : Failure{Fault::kFile, error, "lock", 0};
}

Failure MappedOpener::read_header() {
  ByteCount bytes = 0;
  if (const FileError error = file_->size(&bytes); !error.ok())
    return {Fault::kFile, error, "length", 0};
  Header slots[2] = {};
  // A shorter file shows what it is as far as it goes.
  for (std::size_t i = 0; i < 2; ++i) {
    const ByteCount at = i * kPageBytes;
    const ByteCount there = at < bytes ? std::min(sizeof(Header), bytes - at) : 0;
    if (there == 0) continue;
    if (const FileError error = file_->read_at(&slots[i], there, at); !error.ok())
      return {Fault::kFile, error, "header", 0};
  }
  if (const Failure failure = find_header(slots); !failure.ok()) return failure;
  const Layout layout = layout_of(header_);
  if (bytes < layout.data_at()) return {Fault::kCut, {}, "", bytes};
  const ByteCount max_bytes = layout.max_pages * kPageBytes;
  if (options_.max_bytes != 0 && align_up(options_.max_bytes, kSlabPages * kPageBytes) != max_bytes)
    return {Fault::kOtherSize, {}, "", max_bytes};
  const bool wants = options_.checksums == Checksums::kYes;
  if (options_.checksums != Checksums::kAny && wants != layout.has_checksums)
    return {Fault::kOtherChecksums, {}, "", layout.has_checksums};
  return {};
}

Failure MappedOpener::find_header(const Header (&slots)[2]) {
  const bool valid[2] = {is_valid(slots[0]), is_valid(slots[1])};
  if (!valid[0] && !valid[1]) return explain(slots[slots[0].magic == kMagic ? 0 : 1]);
  const bool takes_second = valid[1] && (!valid[0] || slots[1].sequence > slots[0].sequence);
  header_ = slots[takes_second ? 1 : 0];
  if (valid[0] && valid[1]) return {};
  lacks_copy_ = true;
  // The other header was being written, or was damaged later. In the second case it may be that it
  // counted, and the journal of its epoch has commits.
  JournalReader next;
  const Layout layout = layout_of(header_);
  if (const Failure failure =
          next.read(*file_, layout, header_.epoch + 1, kAnySequence, files_.boot());
      !failure.ok())
    return failure;
  const bool has_commits =
      next.count() > 1 || (next.count() == 1 && (next.parts(0).flags & kCarried) == 0);
  if (!has_commits) return {};
  ++header_.sequence;
  ++header_.epoch;
  header_.first_record = next.place_after(0).sequence;
  lacks_header_ = true;
  return {};
}

Failure MappedOpener::make_pool(std::unique_ptr<MappedPool>* pool) {
  const Layout layout = layout_of(header_);
  const Nanos start = precise_now();
  void* data = nullptr;
  void* metadata = nullptr;
  FileError error = file_->map(
      0, layout.max_file_bytes(),
      options_.access == FileAccess::kRead ? FileMapping::kPrivate : FileMapping::kShared, &data);
  if (!error.ok()) return {Fault::kNoMemory, error, "map", layout.max_file_bytes()};
  GuardedMapping* const guard = guard_mapping(data, layout.max_file_bytes());
  if (guard == nullptr) {
    unmap_file(data, layout.max_file_bytes());
    return {Fault::kTooManyOpen, {}, "", kMaxGuardedMappings};
  }
  std::shared_ptr<MappedRange> range(new MappedRange(data, layout.max_file_bytes(), guard));
  error = file_->map(layout.checksums_at(), layout.data_at() - layout.checksums_at(),
                     FileMapping::kPrivate, &metadata);
  if (!error.ok()) return {Fault::kNoMemory, error, "map", layout.data_at()};
  GuardedMapping* const metadata_guard =
      guard_mapping(metadata, layout.data_at() - layout.checksums_at());
  if (metadata_guard == nullptr) {
    unmap_file(metadata, layout.data_at() - layout.checksums_at());
    return {Fault::kTooManyOpen, {}, "", kMaxGuardedMappings};
  }
  pool->reset(new MappedPool(files_, std::move(file_), header_, options_, std::move(range),
                             metadata, metadata_guard));
  (*pool)->events_.note(FileEventKind::kMap, layout.max_file_bytes(), start);
  return {};
}

Failure MappedOpener::open_known(std::unique_ptr<MappedPool>* pool) {
  Failure failure = lock();
  if (failure.ok()) failure = read_header();
  const Layout layout = layout_of(header_);
  if (failure.ok())
    failure = reader_.read(*file_, layout, header_.epoch, header_.first_record, files_.boot());
  if (failure.ok() && reader_.count() > 0 && !options_.recovers)
    failure = {Fault::kNeedsReplay, {}, "", reader_.count()};
  std::unique_ptr<MappedPool> made;
  if (failure.ok()) failure = make_pool(&made);
  const Nanos start = precise_now();
  if (failure.ok()) failure = replay(*made);
  if (failure.ok()) failure = check_super(*made);
  if (failure.ok()) failure = apply_last_writes(*made);
  if (failure.ok() && options_.access == FileAccess::kReadWrite) failure = recover(*made);
  if (!failure.ok()) {
    if (made != nullptr) static_cast<void>(made->break_by(failure));  // it writes nothing
    return failure;
  }
  if (reader_.count() > 0) made->events_.note(FileEventKind::kRecover, reader_.count(), start);
  *pool = std::move(made);
  return {};
}

Failure MappedOpener::replay_record(MappedPool& pool, const RecordParts& parts, bool is_checked) {
  if ((parts.flags & kCheckpoint) != 0) return {};
  for (const ChangedWord& word : parts.words) {
    if (!pool.words_.replay(word, is_checked)) return {Fault::kDamaged, {}, "word", word.index};
  }
  if ((parts.flags & kFreesApplied) != 0) pool.frees_.clear();
  pool.frees_.insert(pool.frees_.end(), parts.frees.begin(), parts.frees.end());
  return {};
}

Failure MappedOpener::replay(MappedPool& pool) {
  const std::size_t kept = reader_.kept(files_.boot());
  bool has_checkpoint = false;
  for (std::size_t i = 0; i < kept; ++i)
    has_checkpoint |= (reader_.parts(i).flags & kCheckpoint) != 0;
  for (std::size_t i = 0; i < kept; ++i) {
    const Failure failure = replay_record(pool, reader_.parts(i), !has_checkpoint);
    if (!failure.ok()) return failure;
  }
  if (kept > 0) {
    const RecordParts last = reader_.parts(kept - 1);
    const bool is_checkpoint = (last.flags & kCheckpoint) != 0;
    // Pages that may be partly home are what the last checkpoint says, or damaged.
    for (const ChangedWord& page : is_checkpoint ? last.words : std::span<const ChangedWord>{}) {
      if (!pool.words_.has_checksum(page.index, page.value))
        return {Fault::kDamaged, {}, "metadata page", page.index};
    }
    if (has_checkpoint && (!is_checkpoint || last.words.size() != pool.words_.dirty_pages()))
      return {Fault::kDamaged, {}, "checkpoint", kept};
  }
  if (pool.words_.is_damaged()) return pool.words_.take_damage();
  for (const Handle handle : pool.frees_) pool.due_.insert(granule_of(handle));
  pool.due_count_ = pool.frees_.size();
  pool.journal_.go_on_at(reader_.place_after(kept));
  if (kept == 0)
    pool.journal_.go_on_at({header_.epoch, header_.first_record, header_.first_record - 1, 0, 0});
  pool.counted_.replayed = kept;
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
  const std::size_t kept = reader_.kept(files_.boot());
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

Failure MappedOpener::recover(MappedPool& pool) {
  if (lacks_copy_) {
    if (lacks_header_) pool.header_.sequence -= 1;  // it is written again
    JournalPlace place;
    place.epoch = header_.epoch;
    place.sequence = header_.first_record;
    if (const Failure failure = pool.write_header(place); !failure.ok()) return failure;
  }
  if (reader_.count() == 0) return {};
  if (const Failure failure = pool.checkpoint(); !failure.ok()) return failure;
  return pool.frees_.empty() ? Failure{} : pool.commit(pool.promise_);
}

Failure MappedOpener::create(std::unique_ptr<MappedPool>* pool) {
  const ByteCount unit = kSlabPages * kPageBytes;
  const ByteCount max_bytes = options_.max_bytes != 0 ? options_.max_bytes : kGiB;
  const ByteCount size = std::min(options_.size != 0 ? options_.size : kMiB, max_bytes);
  header_ = {};
  header_.magic = kMagic;
  header_.byte_order = kByteOrder;
  header_.version = kVersion;
  header_.page_bytes = kPageBytes;
  if (options_.checksums == Checksums::kYes) header_.needed_features |= kBlockChecksums;
  header_.max_pages = div_up(max_bytes, unit) * kSlabPages;
  header_.journal_bytes =
      align_up(options_.journal_bytes != 0 ? options_.journal_bytes
                                           : std::clamp<ByteCount>(max_bytes / 256, kMiB, 8 * kMiB),
               kMinJournalBytes);
  header_.first_record = 1;
  files_.random(header_.id);
  const Layout layout = layout_of(header_);
  if (!layout.is_possible()) return {Fault::kRange, {}, "max_bytes", max_bytes};

  FileError error = files_.create(path_.c_str(), options_.mode, &file_);
  if (error.ok()) {
    if (const Failure failure = lock(); !failure.ok()) return failure;
    error = file_->allocate(0, layout.metadata_at() + kFixedPages * kPageBytes);
  }
  if (error.ok()) error = file_->set_size(layout.data_at());
  if (!error.ok()) return {Fault::kFile, error, "create", 0};
  std::unique_ptr<MappedPool> made;
  Failure failure = make_pool(&made);
  if (!failure.ok()) return failure;
  made->journal_.go_on_at({0, 1, 0, 0, 0});
  failure = made->add_pages(div_up(size, unit) * kSlabPages);
  if (failure.ok()) failure = made->commit(SyncLevel::kFull);
  if (failure.ok()) failure = made->checkpoint();
  // Both headers say the same.
  if (failure.ok()) failure = made->write_header(made->journal_.place());
  if (failure.ok()) {
    error = files_.publish(*made->file_, path_.c_str());
    if (!error.ok()) failure = {Fault::kFile, error, "create", 0};
  }
  if (!failure.ok()) {
    static_cast<void>(made->break_by(failure));
    return failure;
  }
  made->counted_ = {};
  *pool = std::move(made);
  return {};
}

}  // namespace superslab::mapped
