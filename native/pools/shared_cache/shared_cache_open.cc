// Opening a cache: what the file is, and making a new one.
#include <time.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>

#include "base/crc32c.h"
#include "pools/shared_cache/shared_cache.h"

namespace superslab::shared_cache {
namespace {

constexpr ByteCount kDefaultBytes = 64 * kMiB;

std::uint32_t crc_of(const Facts& facts) { return crc32c(&facts, offsetof(Facts, crc)); }

Failure judge(const Facts& facts, ByteCount file_bytes) {
  if (facts.magic != kMagic) return {Fault::kForeign, {}, "", 0};
  if (facts.byte_order == __builtin_bswap32(kByteOrder)) return {Fault::kByteOrder, {}, "", 0};
  if (facts.version != kVersion) return {Fault::kVersion, {}, "version", facts.version};
  const Geometry geometry{facts.file_bytes, facts.shards, facts.shard_bytes, facts.buckets};
  if (facts.crc != crc_of(facts) || !geometry.is_possible())
    return {Fault::kDamaged, {}, "header", 0};
  if (file_bytes < facts.file_bytes) return {Fault::kCut, {}, "", file_bytes};
  return {};
}

void wait_a_little() {
  const timespec span{0, 1'000'000};
  nanosleep(&span, nullptr);
}

}  // namespace

/// One attempt to open or make a cache.
class CacheOpener {
 public:
  CacheOpener(Files& files, const std::string& path, const CacheOptions& options)
      : files_(files), path_(path), options_(options) {}

  Failure open(std::unique_ptr<SharedCache>* cache) {
    FileError error = open_file();
    if (error.status == FileStatus::kNotFound) {
      const Failure failure = create(cache);
      // Another process was faster.
      if (failure.fault != Fault::kFile || failure.file.status != FileStatus::kExists)
        return failure;
      error = open_file();
    }
    return error.ok() ? open_known(cache) : Failure{Fault::kFile, error, "open", 0};
  }

 private:
  FileError open_file() {
    return files_.open(path_.c_str(), FileAccess::kReadWrite, options_.mode, &file_);
  }
  Failure open_known(std::unique_ptr<SharedCache>* cache);
  Failure read_header();
  Failure create(std::unique_ptr<SharedCache>* cache);
  Failure map(std::unique_ptr<SharedCache>* cache);
  Failure begin_boot(SharedCache& cache);
  void format(SharedCache& cache);
  static Failure join(SharedCache& cache);

  Files& files_;
  const std::string path_;
  const CacheOptions options_;
  std::unique_ptr<File> file_;
  Facts facts_{};
};

Failure SharedCache::open(Files& files, const std::string& path, const CacheOptions& options,
                          std::unique_ptr<SharedCache>* cache) {
  return CacheOpener(files, path, options).open(cache);
}

Failure CacheOpener::read_header() {
  ByteCount bytes = 0;
  if (const FileError error = file_->size(&bytes); !error.ok())
    return {Fault::kFile, error, "length", 0};
  // A shorter file shows what it is as far as it goes.
  const ByteCount there = bytes < sizeof(Facts) ? bytes : sizeof(Facts);
  if (there != 0) {
    if (const FileError error = file_->read_at(static_cast<void*>(&facts_), there, 0); !error.ok())
      return {Fault::kFile, error, "header", 0};
  }
  if (const Failure failure = judge(facts_, bytes); !failure.ok()) return failure;
  const bool is_other =
      options_.max_bytes != 0 &&
      Geometry::of(options_.max_bytes, options_.max_entries).file_bytes != facts_.file_bytes;
  return is_other ? Failure{Fault::kOtherSize, {}, "", facts_.file_bytes} : Failure{};
}

Failure CacheOpener::map(std::unique_ptr<SharedCache>* cache) {
  void* address = nullptr;
  const FileError error = file_->map(0, facts_.file_bytes, FileMapping::kShared, &address);
  if (!error.ok()) return {Fault::kNoMemory, error, "map", facts_.file_bytes};
  GuardedMapping* const guard = guard_mapping(address, facts_.file_bytes);
  if (guard == nullptr) {
    unmap_file(address, facts_.file_bytes);
    return {Fault::kTooManyOpen, {}, "", kMaxGuardedMappings};
  }
  auto range = std::make_shared<MappedRange>(address, facts_.file_bytes, guard);
  cache->reset(new SharedCache(std::move(file_), facts_, std::move(range)));
  return {};
}

/// Nobody else has the cache.
void CacheOpener::format(SharedCache& cache) {
  for (Shard& shard : cache.shards_) shard.format();
  for (Word& cell : cache.tag_cells().deleted_at) cell.store(0, std::memory_order_relaxed);
  auto* const bytes = cache.range_->address();
  std::memset(bytes + Geometry::kMarksAt, 0, kPageBytes);
  std::memset(bytes + Geometry::kMembersAt, 0, kMaxMembers * sizeof(Member));
  // Release: whoever sees the boot sees all of it.
  cache.header().boot.store(files_.boot(), std::memory_order_release);
}

/// What a machine leaves that loses its power may be half of anything, and its locks have no
/// meaning any more. So the first one after a start empties the cache.
Failure CacheOpener::begin_boot(SharedCache& cache) {
  constexpr int kAttempts = 10'000;
  const auto is_current = [&] {
    return cache.header().boot.load(std::memory_order_acquire) == files_.boot();
  };
  for (int i = 0; i < kAttempts && !is_current(); ++i) {
    const FileError error = cache.file_->lock_byte(kResetLock, FileLock::kExclusive);
    if (error.ok()) {
      if (!is_current()) format(cache);
      static_cast<void>(cache.file_->unlock_byte(kResetLock));
    } else if (error.status != FileStatus::kLocked) {
      return {Fault::kFile, error, "lock", 0};
    } else {
      wait_a_little();
    }
  }
  return is_current() ? Failure{} : Failure{Fault::kInUse, {}, "", 0};
}

Failure CacheOpener::join(SharedCache& cache) {
  const FileError error = cache.members_->join(static_cast<std::uint32_t>(::getpid()));
  if (error.status == FileStatus::kLocked) return {Fault::kFull, {}, "members", kMaxMembers};
  return error.ok() ? Failure{} : Failure{Fault::kFile, error, "lock", 0};
}

Failure CacheOpener::open_known(std::unique_ptr<SharedCache>* cache) {
  Failure failure = read_header();
  std::unique_ptr<SharedCache> made;
  if (failure.ok()) failure = map(&made);
  if (failure.ok()) failure = begin_boot(*made);
  if (failure.ok()) failure = made->failure();  // it may have been cut meanwhile
  if (failure.ok()) failure = join(*made);
  if (failure.ok()) *cache = std::move(made);
  return failure;
}

Failure CacheOpener::create(std::unique_ptr<SharedCache>* cache) {
  const Geometry geometry = Geometry::of(
      options_.max_bytes != 0 ? options_.max_bytes : kDefaultBytes, options_.max_entries);
  if (!geometry.is_possible()) return {Fault::kRange, {}, "max_bytes", options_.max_bytes};
  facts_ = {};
  facts_.magic = kMagic;
  facts_.byte_order = kByteOrder;
  facts_.version = kVersion;
  facts_.file_bytes = geometry.file_bytes;
  facts_.shards = geometry.shards;
  facts_.shard_bytes = geometry.shard_bytes;
  facts_.buckets = geometry.buckets;
  files_.random({reinterpret_cast<std::uint8_t*>(&facts_.seed), sizeof facts_.seed});
  facts_.crc = crc_of(facts_);

  FileError error = files_.create(path_.c_str(), options_.mode, &file_);
  // All of it: a page that the file system cannot give later would be lost by everybody.
  if (error.ok()) error = file_->allocate(0, geometry.file_bytes);
  if (error.status == FileStatus::kNoSpace)
    return {Fault::kNoSpace, error, "create", geometry.file_bytes};
  if (error.ok()) error = file_->write_at(&facts_, sizeof facts_, 0);
  if (!error.ok()) return {Fault::kFile, error, "create", 0};
  std::unique_ptr<SharedCache> made;
  if (const Failure failure = map(&made); !failure.ok()) return failure;
  format(*made);
  if (const Failure failure = join(*made); !failure.ok()) return failure;
  error = files_.publish(*made->file_, path_.c_str());
  if (!error.ok()) return {Fault::kFile, error, "create", 0};
  *cache = std::move(made);
  return {};
}

}  // namespace superslab::shared_cache
