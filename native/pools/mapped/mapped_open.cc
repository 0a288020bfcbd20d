// Opening a file: what it is, what its journal says, and making a new one.
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "base/crc32c.h"
#include "pools/mapped/header.h"
#include "pools/mapped/mapped_opener.h"
#include "pools/mapped/mapped_reading.h"

namespace superslab::mapped {
namespace {

std::uint32_t this_process() { return static_cast<std::uint32_t>(::getpid()); }

}  // namespace

Failure MappedPool::open(Files& files, const std::string& path, const MappedOptions& options,
                         std::unique_ptr<MappedPool>* pool) {
  return MappedOpener(files, path, options).open(pool);
}

FileError take_open_lock(File& file, Nanos patience) {
  const Nanos until = precise_now() + patience;
  for (;;) {
    const FileError error = file.lock_byte(kOpenLock, FileLock::kExclusive);
    // Nobody gives back soon what he has alone.
    if (error.status != FileStatus::kLocked || file.is_byte_locked(kProbe)) return error;
    if (precise_now() >= until) return error;
    const timespec span{0, 1'000'000};
    nanosleep(&span, nullptr);
  }
}

Failure MappedOpener::open(std::unique_ptr<MappedPool>* pool) {
  if (options_.shares && options_.access == FileAccess::kRead) return {Fault::kReadOnly};
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

Failure MappedOpener::open_known(std::unique_ptr<MappedPool>* pool) {
  if (options_.shares) return open_shared(pool);
  const Failure failure = lock();
  return failure.ok() ? open_alone(pool) : failure;
}

Failure MappedOpener::lock() {
  const FileError error =
      file_->lock(options_.access == FileAccess::kRead ? FileLock::kShared : FileLock::kExclusive);
  if (error.ok()) return {};
  if (error.status != FileStatus::kLocked) return {Fault::kFile, error, "lock", 0};
  return {file_->is_byte_locked(kProbe) ? Fault::kInUse : Fault::kInUseShared, error, "", 0};
}

/// The first one recovers the file as if it had it alone, while others wait. Who comes later reads
/// what there is.
Failure MappedOpener::open_shared(std::unique_ptr<MappedPool>* pool) {
  const FileError error = take_open_lock(*file_, options_.lock_patience);
  if (error.status == FileStatus::kLocked)
    return {file_->is_byte_locked(kProbe) ? Fault::kInUse : Fault::kOpening, error, "", 0};
  if (!error.ok()) return {Fault::kFile, error, "lock", 0};
  std::unique_ptr<MappedPool> made;
  Failure failure;
  if (Sharing::has_members(*file_)) {
    failure = join_others(&made);
  } else {
    failure = open_alone(&made);
    if (failure.ok()) failure = share(*made);
  }
  if (!failure.ok()) {
    if (made != nullptr) static_cast<void>(made->break_by(failure));  // it writes nothing
    return failure;
  }
  static_cast<void>(made->file_->unlock_byte(kOpenLock));
  *pool = std::move(made);
  return {};
}

/// Makes a pool that has the file alone the first of those who share it.
Failure MappedOpener::share(MappedPool& pool) {
  std::shared_ptr<Sharing> sharing(new Sharing(pool.range_, pool.file_));  // see make_pool()
  sharing->format(files_.boot(), pool.promise_, pool.journal_.place());
  const FileError error = sharing->join(this_process());
  if (!error.ok()) return {Fault::kFile, error, "lock", 0};
  pool.sharing_ = std::move(sharing);
  return pool.check_lost();
}

Failure MappedOpener::join_others(std::unique_ptr<MappedPool>* pool) {
  if (const Failure failure = read_header(); !failure.ok()) return failure;
  if (const Failure failure = make_pool(pool); !failure.ok()) return failure;
  MappedPool& made = **pool;
  std::shared_ptr<Sharing> sharing(new Sharing(made.range_, made.file_));  // see make_pool()
  if (!sharing->is_formatted(files_.boot())) return {Fault::kDamaged, {}, "page of the sharers", 0};
  if (sharing->promise() != made.promise_)
    return {Fault::kOtherSync, {}, "", static_cast<std::uint64_t>(sharing->promise())};
  const FileError error = sharing->join(this_process());
  if (error.status == FileStatus::kLocked) return {Fault::kTooManyMembers, {}, "", kMaxMembers};
  if (!error.ok()) return {Fault::kFile, error, "lock", 0};
  made.sharing_ = std::move(sharing);
  made.needs_reload_ = true;
  return made.read([] { return Failure{}; });
}

Failure MappedOpener::read_header() {
  ByteCount bytes = 0;
  if (const FileError error = file().size(&bytes); !error.ok())
    return {Fault::kFile, error, "length", 0};
  Header slots[2] = {};
  // A shorter file shows what it is as far as it goes.
  for (std::size_t i = 0; i < 2; ++i) {
    const ByteCount at = i * kPageBytes;
    const ByteCount there = at < bytes ? std::min(sizeof(Header), bytes - at) : 0;
    if (there == 0) continue;
    if (const FileError error = file().read_at(&slots[i], there, at); !error.ok())
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
  const bool wants_wiping = options_.sensitive == Sensitive::kYes;
  if (options_.sensitive != Sensitive::kAny && wants_wiping != layout.is_sensitive)
    return {Fault::kOtherSensitive, {}, "", layout.is_sensitive};
  const bool is_encrypted = (header_.needed_features & kEncrypted) != 0;
  if (options_.encrypted == Encrypted::kNo && is_encrypted) return {Fault::kEncrypted};
  if (options_.encrypted == Encrypted::kYes && !is_encrypted) return {Fault::kNotEncrypted};
  return {};
}

/// Of a sensitive file: the half of the journal that the header names was overwritten, as it is
/// once the next one counts.
bool MappedOpener::is_wiped(const Layout& layout) {
  JournalReader reader;
  const Failure failure =
      reader.read(file(), layout, header_.epoch, header_.first_record, files_.boot());
  return failure.ok() && reader.count() == 0;
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
          next.read(file(), layout, header_.epoch + 1, kAnySequence, files_.boot());
      !failure.ok())
    return failure;
  const bool has_commits = next.count() > 1 ||
                           (next.count() == 1 && (next.parts(0).flags & kCarried) == 0) ||
                           (layout.is_sensitive && next.count() == 1 && is_wiped(layout));
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
  // Not by make_shared, which needs the C++ library that libsuperslab.so has not.
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
  if (layout.is_sensitive) {
    static_cast<void>(keep_from_dumps(data, layout.max_file_bytes()));
    static_cast<void>(keep_from_dumps(metadata, layout.data_at() - layout.checksums_at()));
  }
  (*pool)->events_.note(FileEventKind::kMap, layout.max_file_bytes(), start);
  return {};
}

/// Nobody else has the file, or all only read it.
Failure MappedOpener::open_alone(std::unique_ptr<MappedPool>* pool) {
  Failure failure = read_header();
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
  if (failure.ok()) made->counted_.replayed = kept_records();
  if (failure.ok() && options_.access == FileAccess::kReadWrite) failure = recover(*made);
  if (!failure.ok()) {
    if (made != nullptr) static_cast<void>(made->break_by(failure));  // it writes nothing
    return failure;
  }
  if (reader_.count() > 0) made->events_.note(FileEventKind::kRecover, reader_.count(), start);
  *pool = std::move(made);
  return {};
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
  if (options_.sensitive == Sensitive::kYes) header_.needed_features |= kSensitive;
  if (options_.encrypted == Encrypted::kYes) header_.needed_features |= kEncrypted;
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
    // Of a file that will be shared, whoever finds it finds a member as well.
    if (const Failure failure = options_.shares ? Failure{} : lock(); !failure.ok()) return failure;
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
  made->leaves_clean_ = true;
  if (failure.ok()) failure = made->checkpoint();
  // Both headers say the same.
  if (failure.ok()) failure = made->write_header(made->journal_.place());
  made->leaves_clean_ = false;
  if (failure.ok()) failure = made->note_open();
  if (failure.ok() && options_.shares) failure = share(*made);
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
