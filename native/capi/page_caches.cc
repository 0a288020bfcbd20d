// Page caches. An ss_page_cache is a ProgramPageCache whose type C does not know.
#include <cerrno>
#include <string>

#include "base/bits.h"
#include "base/keep_errno.h"
#include "capi/c_api.h"
#include "capi/file_calls.h"
#include "capi/json_text.h"
#include "capi/pool_calls.h"
#include "capi/pool_text.h"
#include "malloc/program_page_cache.h"

using namespace superslab;
using pages::Failure;
using pages::Fault;
using pages::FrameIndex;
using pages::FrameState;
using pages::PinResult;
using pages::PinStatus;

namespace {

constexpr unsigned kKnownFlags = SS_PAGE_READ | SS_PAGE_DIRECT;
constexpr ByteCount kDefaultCacheBytes = 64 * kMiB;

/// What a failure is for C.
struct Told {
  ss_page_error code = SS_PAGE_OK;
  int error = 0;
  const char* what = "";
  std::uint64_t where = 0;
};

/// Of the calls of a thread.
struct Kept {
  const ProgramPageCache* cache;
  Told told;
};
thread_local constinit Kept last __attribute__((tls_model("initial-exec"))){};

ProgramPageCache& from(const ss_page_cache* cache, const char* function = __builtin_FUNCTION()) {
  auto* found = reinterpret_cast<ProgramKind*>(const_cast<ss_page_cache*>(cache));
  ProgramPageCache::check(function, found);
  return *static_cast<ProgramPageCache*>(found);
}

Told told_of_fault(const Failure& failure) {
  switch (failure.fault) {
    case Fault::kNone:
      return {};
    case Fault::kNoSpace:
      return {SS_PAGE_SPACE, or_else(failure.file.code, ENOSPC)};
    case Fault::kReadOnly:
      return {SS_PAGE_READ_ONLY, EROFS, "change"};
    case Fault::kFailed:
      return {SS_PAGE_FAILED, or_else(failure.file.code, EIO)};
    case Fault::kLost:
      return {SS_PAGE_LOST, EIO};
    case Fault::kDamaged:
      return {SS_PAGE_DAMAGED, EBADMSG};
    case Fault::kFile:
      return {failure.file.status == FileStatus::kNoSpace ? SS_PAGE_SPACE : SS_PAGE_FILE,
              error_of(failure.file)};
    case Fault::kNoDirect:
      return {SS_PAGE_FILE, ENOTSUP, "O_DIRECT"};
    case Fault::kInUse:
      return {SS_PAGE_IN_USE, EBUSY, "file"};
    case Fault::kFileLength:
      return {SS_PAGE_FORMAT, EINVAL};
    case Fault::kNoMemory:
      return {SS_PAGE_NO_MEMORY, ENOMEM, "memory"};
    default:
      return {SS_PAGE_ARGUMENT, EINVAL};
  }
}

Told told_of(const Failure& failure) {
  Told told = told_of_fault(failure);
  if (failure.what[0] != '\0') told.what = failure.what;
  told.where = failure.where;
  return told;
}

/// Of a pin that there is not.
Told told_of(const PinResult& result, std::uint32_t page) {
  switch (result.status) {
    case PinStatus::kNoFrame:
      return {SS_PAGE_EXHAUSTED, ENOBUFS, "all pages in memory are pinned", page};
    case PinStatus::kTooManyPins:
      return {SS_PAGE_PINS, EOVERFLOW, "pins of the page", page};
    default:
      return told_of(result.failure);
  }
}

/// Writes as much of `out` as the caller knows.
int write_failure(ss_page_failure* out, const std::string& path, const Told& told) {
  return write_stats(out, [&] {
    ss_page_failure all{};
    all.code = told.code;
    all.error = told.error;
    all.what = told.what;
    all.where = told.where;
    show_path(path, all.path);
    return all;
  });
}

/// 0, or -1 with errno; the failure is kept.
int result_of(const ProgramPageCache& own, const Told& told) {
  if (told.code == SS_PAGE_OK) return 0;
  last = {&own, told};
  errno = told.error;
  return -1;
}

/// A call that the child of a fork cannot make. Leaves errno as it was where nothing is wrong.
template <class Call>
int with_file(ProgramPageCache& own, Call call) {
  const int before = errno;
  if (own.is_child()) return result_of(own, {SS_PAGE_FORKED, EPERM, "child of a fork", 0});
  const Failure failure = call();
  errno = before;
  return result_of(own, told_of(failure));
}

ss_page shown(ProgramPageCache& own, FrameIndex frame, std::uint32_t no) {
  return {own.cache().memory(frame), own.cache().usable_bytes(), no, pages::to_word(frame)};
}

int not_pinned(const ProgramPageCache& own, std::uint32_t no) {
  return result_of(own, {SS_PAGE_RELEASED, EALREADY, "page", no});
}

/// False for what cannot be.
bool read_options(const ss_page_cache_options* given, pages::PageCacheOptions& out,
                  const char** name) {
  ss_page_cache_options own = SS_PAGE_CACHE_OPTIONS;
  if (given != nullptr && !read_struct(given, own)) return false;
  if (own.page_bytes == 0) own.page_bytes = 4096;
  if (own.cache_bytes == 0) own.cache_bytes = kDefaultCacheBytes;
  if (own.mode == 0) own.mode = 0600;
  const std::size_t frames = is_power_of_two(own.page_bytes) ? own.cache_bytes / own.page_bytes : 0;
  out.page_bytes = own.page_bytes;
  out.frames = static_cast<std::uint32_t>(std::min<std::size_t>(frames, pages::kMostFrames));
  out.mode = own.mode;
  out.access = (own.flags & SS_PAGE_READ) != 0 ? FileAccess::kRead : FileAccess::kReadWrite;
  out.is_direct = (own.flags & SS_PAGE_DIRECT) != 0;
  out.checksum = static_cast<pages::PageChecksum>(own.checksum);
  *name = own.name == nullptr ? "" : own.name;
  return own.page_bytes >= pages::kMinPageBytes && own.page_bytes <= pages::kMaxPageBytes &&
         frames >= pages::kMinFrames && frames <= pages::kMostFrames && (own.mode & ~0777u) == 0 &&
         (own.mode & 0600u) == 0600u && own.checksum >= SS_PAGE_NO_CHECKSUM &&
         own.checksum <= SS_PAGE_XXH3 && (own.flags & ~kKnownFlags) == 0 &&
         (!out.is_direct || own.page_bytes >= 4096);
}

}  // namespace

ss_page_cache* ss_page_cache_open(const char* path, const ss_page_cache_options* options,
                                  ss_page_failure* failure) {
  const int before = errno;
  pages::PageCacheOptions given;
  const char* name = "";
  ProgramPageCache* own = nullptr;
  const bool is_possible =
      path != nullptr && path[0] != '\0' && read_options(options, given, &name);
  const std::string whole = is_possible ? absolute(path) : path == nullptr ? "" : path;
  const Told told = is_possible ? told_of(ProgramPageCache::open(whole, given, name, &own))
                                : Told{SS_PAGE_ARGUMENT, EINVAL, "options", 0};
  if (failure != nullptr) write_failure(failure, whole, told);
  errno = told.code == SS_PAGE_OK ? before : told.error;
  return reinterpret_cast<ss_page_cache*>(static_cast<ProgramKind*>(own));
}

uint32_t ss_page_cache_page_count(ss_page_cache* cache) { return from(cache).cache().page_count(); }

int ss_page_cache_grow(ss_page_cache* cache, uint32_t count, uint32_t* first) {
  ProgramPageCache& own = from(cache);
  pages::PageNumber at = 0;
  const int result = with_file(own, [&] { return own.cache().grow(count, &at); });
  if (result == 0 && first != nullptr) *first = at;
  return result;
}

int ss_page_cache_try_pin(ss_page_cache* cache, uint32_t no, ss_page* page) {
  ProgramPageCache& own = from(cache);
  const FrameIndex frame = own.try_pin(no);
  if (frame == pages::kNoFrame) {
    const bool is_page = no < own.cache().page_count();
    return result_of(own, is_page ? Told{SS_PAGE_ABSENT, EAGAIN, "page", no}
                                  : Told{SS_PAGE_ARGUMENT, EINVAL, "page", no});
  }
  *page = shown(own, frame, no);
  return 0;
}

int ss_page_cache_pin(ss_page_cache* cache, uint32_t no, ss_page* page) {
  ProgramPageCache& own = from(cache);
  FrameIndex frame = own.try_pin(no);
  if (frame == pages::kNoFrame) {
    if (own.is_child()) return result_of(own, {SS_PAGE_FORKED, EPERM, "child of a fork", no});
    const int before = errno;
    const PinResult result = own.pin_page(no);
    errno = before;
    if (result.status != PinStatus::kPinned) return result_of(own, told_of(result, no));
    frame = result.frame;
  }
  *page = shown(own, frame, no);
  return 0;
}

int ss_page_cache_mark_dirty(ss_page_cache* cache, const ss_page* page) {
  ProgramPageCache& own = from(cache);
  const FrameIndex frame{page->frame};
  if (page->data == nullptr || !own.cache().is_pinned(frame, page->no))
    return not_pinned(own, page->no);
  if (own.cache().options().access == FileAccess::kRead)
    return result_of(own, {SS_PAGE_READ_ONLY, EROFS, "page", page->no});
  own.cache().mark_dirty(frame);
  return 0;
}

int ss_page_cache_unpin(ss_page_cache* cache, ss_page* page) {
  ProgramPageCache& own = from(cache);
  const FrameIndex frame{page->frame};
  if (page->data == nullptr || !own.cache().is_pinned(frame, page->no))
    return not_pinned(own, page->no);
  page->data = nullptr;
  own.cache().unpin(frame);
  return 0;
}

int64_t ss_page_cache_prefetch(ss_page_cache* cache, uint32_t first, uint32_t count) {
  ProgramPageCache& own = from(cache);
  std::uint32_t asked = 0;
  const int result = with_file(own, [&] {
    asked = own.prefetch(first, count);
    return Failure{};
  });
  return result == 0 ? std::int64_t{asked} : -1;
}

int ss_page_cache_flush(ss_page_cache* cache, uint32_t no) {
  ProgramPageCache& own = from(cache);
  return with_file(own, [&] {
    bool is_written = false;
    return own.cache().flush(no, &is_written);
  });
}

int ss_page_cache_checkpoint(ss_page_cache* cache) {
  ProgramPageCache& own = from(cache);
  return with_file(own, [&] { return own.checkpoint(); });
}

size_t ss_page_cache_pinned(ss_page_cache* cache, uint32_t* out, size_t count) {
  std::size_t pinned = 0;
  from(cache).cache().for_each_pinned(UINT32_MAX, [&](pages::PageNumber page, std::uint32_t) {
    if (pinned < count) out[pinned] = page;
    ++pinned;
  });
  return pinned;
}

size_t ss_page_cache_trim(ss_page_cache* cache) {
  const KeepErrno keep;
  ProgramPageCache& own = from(cache);
  return own.is_child() ? 0 : own.trim(FrameState::kMostUse);
}

int ss_page_cache_stats(ss_page_cache* cache, ss_page_stats* stats) {
  return write_stats(stats, [&] { return stats_of(from(cache)); });
}

size_t ss_page_cache_stats_json(ss_page_cache* cache, char* buffer, size_t size) {
  const KeepErrno keep;
  JsonText json(buffer, size);
  write_pool(json, from(cache));
  return json.length();
}

const char* ss_page_cache_check(ss_page_cache* cache) {
  ProgramPageCache& own = from(cache);
  if (const char* found = own.cache().contradiction(); found != nullptr) return found;
  return name_of(own.frames().check());
}

int ss_page_cache_failure(const ss_page_cache* cache, ss_page_failure* failure) {
  const ProgramPageCache& own = from(cache);
  return write_failure(failure, own.path(), last.cache == &own ? last.told : Told{});
}

int ss_page_cache_close(ss_page_cache* cache, ss_page_failure* failure) {
  if (cache == nullptr) return 0;
  ProgramPageCache& own = from(cache);
  if (own.is_child()) return 0;
  const int before = errno;
  std::uint32_t pinned = pages::kNoPage;
  own.cache().for_each_pinned(1, [&](pages::PageNumber page, std::uint32_t) { pinned = page; });
  const std::string path = own.path();
  const bool is_pinned = pinned != pages::kNoPage;
  const Told told = is_pinned ? Told{SS_PAGE_PINNED, EBUSY, "page", pinned} : told_of(own.close());
  if (is_pinned) last = {&own, told};
  if (failure != nullptr) write_failure(failure, path, told);
  errno = told.code == SS_PAGE_OK ? before : told.error;
  return told.code == SS_PAGE_OK ? 0 : -1;
}
