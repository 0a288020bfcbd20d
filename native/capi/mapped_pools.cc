// Heaps in files. An ss_mapped_pool is a ProgramMappedPool whose type C does not know.
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "base/keep_errno.h"
#include "capi/c_api.h"
#include "capi/file_calls.h"
#include "capi/json_text.h"
#include "capi/pool_calls.h"
#include "pools/mapped/mapped_pool.h"

using namespace superslab;
using namespace superslab::mapped;

namespace {

constexpr unsigned kKnownFlags =
    SS_MAPPED_READ | SS_MAPPED_NO_RECOVERY | SS_MAPPED_CHECKSUMS | SS_MAPPED_SENSITIVE;

/// What a failure is for C.
struct Told {
  ss_mapped_error code;
  int error;
};

struct ProgramMappedPool {
  std::unique_ptr<MappedPool> pool;
  std::string path;
  pid_t opener;
  std::vector<MappedPool::Savepoint> transactions;
  Told told{SS_MAPPED_OK, 0};
  Failure last{};
};

ProgramMappedPool& from(ss_mapped_pool* pool) {
  return *reinterpret_cast<ProgramMappedPool*>(pool);
}
const ProgramMappedPool& from(const ss_mapped_pool* pool) {
  return *reinterpret_cast<const ProgramMappedPool*>(pool);
}

Told told_of_file(const FileError& file) {
  return {file.status == FileStatus::kNoSpace ? SS_MAPPED_SPACE : SS_MAPPED_FILE, error_of(file)};
}

Told told_of(const Failure& failure) {
  switch (failure.fault) {
    case Fault::kNone:
      return {SS_MAPPED_OK, 0};
    case Fault::kStale:
      return {SS_MAPPED_STALE, ESTALE};
    case Fault::kFull:
    case Fault::kRootsFull:
      return {SS_MAPPED_EXHAUSTED, ENOBUFS};
    case Fault::kNoSpace:
      return {SS_MAPPED_SPACE, or_else(failure.file.code, ENOSPC)};
    case Fault::kReadOnly:
      return {SS_MAPPED_READ_ONLY, EROFS};
    case Fault::kBatchFull:
      return {SS_MAPPED_BATCH, E2BIG};
    case Fault::kUncommitted:
    case Fault::kBackup:
      return {SS_MAPPED_TRANSACTION, EBUSY};
    case Fault::kFailed:
      return {SS_MAPPED_FAILED, or_else(failure.file.code, EIO)};
    case Fault::kLost:
      return {SS_MAPPED_LOST, EIO};
    case Fault::kDamaged:
    case Fault::kCut:
      return {SS_MAPPED_DAMAGED, EBADMSG};
    case Fault::kFile:
    case Fault::kNoDirect:
      return told_of_file(failure.file);
    case Fault::kInUse:
    case Fault::kInUseShared:
    case Fault::kOtherSync:
    case Fault::kOpening:
    case Fault::kTooManyMembers:
    case Fault::kBusy:
      return {SS_MAPPED_IN_USE, EBUSY};
    case Fault::kForeign:
    case Fault::kByteOrder:
    case Fault::kVersion:
    case Fault::kPageSize:
    case Fault::kOtherSize:
    case Fault::kOtherChecksums:
    case Fault::kOtherSensitive:
    case Fault::kEncrypted:
    case Fault::kNotEncrypted:
      return {SS_MAPPED_FORMAT, EINVAL};
    case Fault::kNeedsReplay:
      return {SS_MAPPED_NO_REPLAY, EAGAIN};
    case Fault::kNoMemory:
      return {SS_MAPPED_NO_MEMORY, ENOMEM};
    case Fault::kTooManyOpen:
      return {SS_MAPPED_FILE, EMFILE};
    case Fault::kClosed:
    case Fault::kRange:
    case Fault::kRootName:
    case Fault::kNoPage:
    case Fault::kFileLength:
      return {SS_MAPPED_ARGUMENT, EINVAL};
  }
  return {SS_MAPPED_FILE, EIO};
}

const char* what_of(const Told& told, const Failure& failure) {
  if (failure.what[0] != '\0') return failure.what;
  switch (told.code) {
    case SS_MAPPED_OK:
      return "";
    case SS_MAPPED_STALE:
      return "handle";
    case SS_MAPPED_EXHAUSTED:
      return failure.fault == Fault::kRootsFull ? "roots" : "bytes asked for";
    case SS_MAPPED_BATCH:
      return "bytes of changes that a commit has room for";
    case SS_MAPPED_DAMAGED:
      return "bytes that are left of the file";
    default:
      return "file";
  }
}

/// Writes as much of `out` as the caller knows; nothing to NULL.
int write_failure(ss_mapped_failure* out, const std::string& path, const Told& told,
                  const Failure& failure) {
  return write_stats(out, [&] {
    ss_mapped_failure all{};
    all.code = told.code;
    all.error = told.error;
    all.what = what_of(told, failure);
    all.where = failure.where;
    show_path(path, all.path);
    return all;
  });
}

/// 0, or -1 with errno; the failure is kept.
int result_of(ProgramMappedPool& own, const Told& told, const Failure& failure = {}) {
  if (told.code == SS_MAPPED_OK) return 0;
  own.told = told;
  own.last = failure;
  errno = told.error;
  return -1;
}

template <class Call>
int call(ProgramMappedPool& own, Call make) {
  const int before = errno;
  const Failure failure = make(*own.pool);
  errno = before;
  return result_of(own, told_of(failure), failure);
}

/// The same of what changes the file: its parent has it, and its lock, in the child of a fork.
template <class Call>
int change(ProgramMappedPool& own, Call make) {
  if (getpid() != own.opener) [[unlikely]]
    return result_of(own, {SS_MAPPED_FORKED, EPERM});
  return call(own, make);
}

bool is_sync(ss_mapped_sync sync) { return sync >= SS_SYNC_DEFAULT && sync <= SS_SYNC_FULL; }

SyncLevel level_of(ss_mapped_sync sync, SyncLevel otherwise) {
  return sync == SS_SYNC_DEFAULT ? otherwise : static_cast<SyncLevel>(sync - SS_SYNC_NONE);
}

Failure commit_as(MappedPool& pool, ss_mapped_sync sync) {
  if (!is_sync(sync)) return {Fault::kRange, {}, "sync", static_cast<std::uint64_t>(sync)};
  return sync == SS_SYNC_DEFAULT ? pool.commit() : pool.commit(level_of(sync, SyncLevel::kData));
}

/// False for what cannot be.
bool read_options(const ss_mapped_pool_options* given, MappedOptions& out) {
  ss_mapped_pool_options own = SS_MAPPED_POOL_OPTIONS;
  if (given != nullptr && !read_struct(given, own)) return false;
  if (own.mode == 0) own.mode = 0600;
  const bool is_possible = (own.mode & ~0777u) == 0 && (own.mode & 0600u) == 0600u &&
                           is_sync(own.sync) && (own.flags & ~kKnownFlags) == 0 &&
                           own.max_bytes <= kMaxDataPages * kPageBytes &&
                           own.grow_by <= kMaxDataPages * kPageBytes &&
                           own.size <= (own.max_bytes != 0 ? own.max_bytes : kGiB);
  out.size = own.size;
  out.max_bytes = own.max_bytes;
  out.grow_by = own.grow_by;
  out.mode = own.mode;
  out.access = (own.flags & SS_MAPPED_READ) != 0 ? FileAccess::kRead : FileAccess::kReadWrite;
  out.promise = level_of(own.sync, SyncLevel::kData);
  out.recovers = (own.flags & SS_MAPPED_NO_RECOVERY) == 0;
  if ((own.flags & SS_MAPPED_CHECKSUMS) != 0) out.checksums = Checksums::kYes;
  if ((own.flags & SS_MAPPED_SENSITIVE) != 0) out.sensitive = Sensitive::kYes;
  out.encrypted = mapped::Encrypted::kNo;  // C has no keys
  return is_possible;
}

Failure open_as(const std::string& path, const MappedOptions& options,
                std::unique_ptr<MappedPool>* pool) {
  const Failure failure = MappedPool::open(system_files(), path, options, pool);
  if (!failure.ok() || options.access == FileAccess::kReadWrite) return failure;
  if ((*pool)->forbid_stores()) return {};
  pool->reset();
  return {Fault::kNoMemory, {}, "map", 0};
}

ss_mapped_block shown(MappedPool& pool, const Block& block) {
  return {block.handle, pool.data() + block.offset, block.bytes};
}

ss_mapped_stats stats_of(MappedPool& pool) {
  const MappedStats stats = pool.stats();
  return {
      .struct_bytes = sizeof(ss_mapped_stats),
      .data_bytes = stats.data_bytes,
      .max_bytes = stats.max_bytes,
      .used_bytes = stats.used_bytes,
      .free_bytes = stats.free_bytes,
      .blocks = stats.blocks,
      .file_bytes = stats.file_bytes,
      .disk_bytes = stats.disk_bytes,
      .journal_bytes = stats.journal_bytes,
      .undurable_bytes = stats.undurable_bytes,
      .allocs = stats.allocs,
      .frees = stats.frees,
      .failed_allocs = stats.failed_allocs,
      .commits = stats.commits,
      .syncs = stats.syncs,
      .sync_ns = static_cast<std::size_t>(stats.sync_time),
      .checkpoints = stats.checkpoints,
      .replayed = stats.replayed,
  };
}

}  // namespace

ss_mapped_pool* ss_mapped_pool_open(const char* path, const ss_mapped_pool_options* options,
                                    ss_mapped_failure* failure) {
  const int before = errno;
  MappedOptions given;
  std::unique_ptr<MappedPool> pool;
  const bool is_possible = path != nullptr && path[0] != '\0' && read_options(options, given);
  const std::string where = is_possible ? absolute(path) : path != nullptr ? path : "";
  const Failure result =
      is_possible ? open_as(where, given, &pool) : Failure{Fault::kRange, {}, "options", 0};
  const Told told = told_of(result);
  if (failure != nullptr) write_failure(failure, where, told, result);
  errno = told.code == SS_MAPPED_OK ? before : told.error;
  if (told.code != SS_MAPPED_OK) return nullptr;
  pool->events().listen(false);
  auto* const made = new ProgramMappedPool{std::move(pool), where, getpid(), {}};
  return reinterpret_cast<ss_mapped_pool*>(made);
}

int ss_mapped_pool_alloc(ss_mapped_pool* pool, size_t bytes, ss_mapped_block* block) {
  ProgramMappedPool& own = from(pool);
  Block made;
  const int result = change(own, [&](MappedPool& core) { return core.alloc(bytes, &made); });
  if (result == 0) *block = shown(*own.pool, made);
  return result;
}

int ss_mapped_pool_free(ss_mapped_pool* pool, ss_mapped_handle handle) {
  return change(from(pool), [&](MappedPool& core) { return core.free(handle); });
}

void* ss_mapped_pool_at(ss_mapped_pool* pool, ss_mapped_handle handle, size_t* bytes) {
  ProgramMappedPool& own = from(pool);
  Block block;
  if (call(own, [&](MappedPool& core) { return core.find(handle, &block); }) != 0) return nullptr;
  if (bytes != nullptr) *bytes = block.bytes;
  return own.pool->data() + block.offset;
}

ss_mapped_handle ss_mapped_pool_handle(ss_mapped_pool* pool, const void* data) {
  ProgramMappedPool& own = from(pool);
  Block block;
  // What lies before the data is far behind it as a number without a sign.
  const std::uint64_t offset = address_of(data) - address_of(own.pool->data());
  call(own, [&](MappedPool& core) { return core.find_at(offset, &block); });
  return block.handle;
}

int ss_mapped_pool_next(ss_mapped_pool* pool, uint64_t* cursor, ss_mapped_block* block) {
  ProgramMappedPool& own = from(pool);
  Block found;
  if (own.pool->next(cursor, &found)) {
    *block = shown(*own.pool, found);
    return 1;
  }
  return call(own, [](MappedPool& core) { return core.broken(); });
}

ss_mapped_handle ss_mapped_pool_root(ss_mapped_pool* pool, const char* name) {
  Handle handle = kNoHandle;
  const int result = call(from(pool), [&](MappedPool& core) { return core.root(name, &handle); });
  return result == 0 ? handle : kNoHandle;
}

int ss_mapped_pool_set_root(ss_mapped_pool* pool, const char* name, ss_mapped_handle handle) {
  return change(from(pool), [&](MappedPool& core) { return core.set_root(name, handle); });
}

int ss_mapped_pool_write(ss_mapped_pool* pool, ss_mapped_handle handle, size_t at,
                         const void* from_, size_t bytes) {
  const std::span given(static_cast<const std::uint8_t*>(from_), bytes);
  return change(from(pool), [&](MappedPool& core) { return core.write(handle, at, given); });
}

int ss_mapped_pool_commit(ss_mapped_pool* pool, ss_mapped_sync sync) {
  ProgramMappedPool& own = from(pool);
  if (!own.transactions.empty()) return result_of(own, {SS_MAPPED_TRANSACTION, EBUSY});
  return change(own, [&](MappedPool& core) { return commit_as(core, sync); });
}

int ss_mapped_pool_begin(ss_mapped_pool* pool) {
  ProgramMappedPool& own = from(pool);
  const int result = change(own, [](MappedPool& core) {
    return core.is_read_only() ? Failure{Fault::kReadOnly} : core.broken();
  });
  if (result == 0) own.transactions.push_back(own.pool->savepoint());
  return result;
}

int ss_mapped_pool_end(ss_mapped_pool* pool, ss_mapped_sync sync) {
  ProgramMappedPool& own = from(pool);
  if (own.transactions.empty()) return result_of(own, {SS_MAPPED_TRANSACTION, EBUSY});
  const bool is_outermost = own.transactions.size() == 1;
  const int result = change(
      own, [&](MappedPool& core) { return is_outermost ? commit_as(core, sync) : Failure{}; });
  if (result == 0) own.transactions.pop_back();
  return result;
}

int ss_mapped_pool_undo(ss_mapped_pool* pool) {
  ProgramMappedPool& own = from(pool);
  if (own.transactions.empty()) return result_of(own, {SS_MAPPED_TRANSACTION, EBUSY});
  return change(own, [&](MappedPool& core) {
    core.roll_back(own.transactions.back());
    own.transactions.pop_back();
    return Failure{};
  });
}

int64_t ss_mapped_pool_check(ss_mapped_pool* pool, char* text, size_t size) {
  ProgramMappedPool& own = from(pool);
  CheckReport report;
  const int result = call(own, [&](MappedPool& core) {
    report = core.check();
    return core.broken();
  });
  std::size_t length = 0;
  for (const std::string& message : report.messages) {
    if (length + message.size() + 1 >= size) break;
    std::memcpy(text + length, message.data(), message.size());
    length += message.size();
    text[length++] = '\n';
  }
  if (size > 0) text[length] = '\0';
  return result != 0 && report.wrong == 0 ? -1 : static_cast<int64_t>(report.wrong);
}

int ss_mapped_pool_stats(ss_mapped_pool* pool, ss_mapped_stats* stats) {
  return write_stats(stats, [&] { return stats_of(*from(pool).pool); });
}

size_t ss_mapped_pool_stats_json(ss_mapped_pool* pool, char* buffer, size_t size) {
  const KeepErrno keep;
  const ss_mapped_stats stats = stats_of(*from(pool).pool);
  JsonText json(buffer, size);
  json.open('{');
  json.key("path");
  json.text(from(pool).path.c_str());
  json.key("kind");
  json.text("mapped");
  json.add("dataBytes", stats.data_bytes);
  json.add("maxBytes", stats.max_bytes);
  json.add("usedBytes", stats.used_bytes);
  json.add("freeBytes", stats.free_bytes);
  json.add("blocks", stats.blocks);
  json.add("fileBytes", stats.file_bytes);
  json.add("diskBytes", stats.disk_bytes);
  json.add("journalBytes", stats.journal_bytes);
  json.add("undurableBytes", stats.undurable_bytes);
  json.add("allocs", stats.allocs);
  json.add("frees", stats.frees);
  json.add("failedAllocs", stats.failed_allocs);
  json.add("commits", stats.commits);
  json.add("syncs", stats.syncs);
  json.add("syncNs", stats.sync_ns);
  json.add("checkpoints", stats.checkpoints);
  json.add("replayed", stats.replayed);
  json.close('}');
  return json.length();
}

int ss_mapped_pool_failure(const ss_mapped_pool* pool, ss_mapped_failure* failure) {
  const ProgramMappedPool& own = from(pool);
  return write_failure(failure, own.path, own.told, own.last);
}

int ss_mapped_pool_destroy(ss_mapped_pool* pool) {
  ProgramMappedPool& own = from(pool);
  return change(own, [&](MappedPool& core) { return core.destroy(own.path); });
}

int ss_mapped_pool_close(ss_mapped_pool* pool, ss_mapped_failure* failure) {
  if (pool == nullptr) return 0;
  ProgramMappedPool& own = from(pool);
  // The file and its lock are the parent's; this process's copy of the mapping ends with it.
  if (getpid() != own.opener) return 0;
  const int before = errno;
  own.pool->roll_back({});
  const Failure result = own.pool->close();
  const Told told = told_of(result);
  if (failure != nullptr) write_failure(failure, own.path, told, result);
  delete &own;
  errno = told.code == SS_MAPPED_OK ? before : told.error;
  return told.code == SS_MAPPED_OK ? 0 : -1;
}
