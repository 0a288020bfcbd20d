// Opening, growing and closing the file of a page cache, and what is told of it.
#include <algorithm>
#include <cassert>
#include <cstdlib>
#include <new>

#include "base/bits.h"
#include "base/clock.h"
#include "pools/page_cache/page_cache.h"

namespace superslab::pages {
namespace {

using State = FrameState;

/// What memory for reads and writes past the kernel's page cache has to be aligned to.
constexpr std::size_t kAlignment = 4096;

}  // namespace

PageCache::PageCache(std::unique_ptr<File> file, std::string path, const PageCacheOptions& options)
    : options_(options), path_(std::move(path)), file_(std::move(file)) {}

PageCache::~PageCache() {
  close();
  std::free(staging_);
}

bool PageCache::make_tables() NO_THREAD_SAFETY_ANALYSIS {
  table_ = FrameTable::make(options_.frames);
  memory_.reset(new (std::nothrow) void*[options_.frames]());
  staging_ = static_cast<std::byte*>(
      std::aligned_alloc(kAlignment, align_up(staging_bytes(), kAlignment)));
  if (table_ == nullptr || memory_ == nullptr || staging_ == nullptr || !new_.make(options_.frames))
    return false;
  staged_.resize(staging_bytes() / options_.page_bytes);
  return true;
}

ByteCount PageCache::usable_bytes() const {
  return options_.page_bytes - (options_.checksum == PageChecksum::kNone ? 0 : kTrailerBytes);
}

/// One attempt to open or make a file.
class PageCacheOpener {
 public:
  PageCacheOpener(Files& files, const std::string& path, const PageCacheOptions& options)
      : files_(files), path_(path), options_(options) {}

  Failure open(std::unique_ptr<PageCache>* cache) {
    FileError error = files_.open(path_.c_str(), options_.access, options_.mode, &file_);
    if (error.status == FileStatus::kNotFound && options_.access == FileAccess::kReadWrite)
      error = create();
    if (!error.ok()) return file_failure(error);
    error = file_->lock(options_.access == FileAccess::kRead ? FileLock::kShared
                                                             : FileLock::kExclusive);
    if (error.status == FileStatus::kLocked) return {Fault::kInUse, error};
    if (!error.ok()) return file_failure(error);
    return make(cache);
  }

 private:
  static Failure file_failure(FileError error) { return {Fault::kFile, error, "open", 0}; }

  /// Another process may be faster: then its file is opened.
  FileError create() {
    FileError error = files_.create(path_.c_str(), options_.mode, &file_);
    if (error.ok()) error = files_.publish(*file_, path_.c_str());
    if (error.status == FileStatus::kExists)
      error = files_.open(path_.c_str(), options_.access, options_.mode, &file_);
    return error;
  }

  Failure make(std::unique_ptr<PageCache>* cache) {
    ByteCount bytes = 0;
    FileError error = file_->size(&bytes);
    if (!error.ok()) return file_failure(error);
    if (bytes % options_.page_bytes != 0) return {Fault::kFileLength, {}, "length", bytes};
    if (bytes / options_.page_bytes > kMostPages) return {Fault::kFileLength, {}, "length", bytes};
    if (options_.is_direct) error = file_->bypass_page_cache();
    if (error.status == FileStatus::kUnsupported) return {Fault::kNoDirect, error};
    if (!error.ok()) return file_failure(error);
    std::unique_ptr<PageCache> made(new (std::nothrow)
                                        PageCache(std::move(file_), path_, options_));
    if (made == nullptr || !made->make_tables()) return {Fault::kNoMemory, {}, "", options_.frames};
    made->page_count_ = static_cast<PageNumber>(bytes / options_.page_bytes);
    *cache = std::move(made);
    return {};
  }

  Files& files_;
  const std::string path_;
  const PageCacheOptions options_;
  std::unique_ptr<File> file_;
};

Failure PageCache::open(Files& files, const std::string& path, const PageCacheOptions& options,
                        std::unique_ptr<PageCache>* cache) {
  assert(is_power_of_two(options.page_bytes) && options.page_bytes >= kMinPageBytes &&
         options.page_bytes <= kMaxPageBytes);
  assert(options.frames >= kMinFrames && options.frames <= kMostFrames);
  return PageCacheOpener(files, path, options).open(cache);
}

Failure PageCache::grow(PageNumber count, PageNumber* first) {
  if (is_closed()) return {Fault::kClosed};
  if (options_.access == FileAccess::kRead) return {Fault::kReadOnly};
  if (Failure failure = broken(); !failure.ok()) return failure;
  const PageNumber before = page_count();
  if (count > kMostPages - before)
    return {Fault::kNoPage, {}, "page", std::uint64_t{before} + count};
  const ByteCount from = ByteCount{before} * options_.page_bytes;
  const ByteCount bytes = ByteCount{count} * options_.page_bytes;
  *first = before;
  if (count == 0) return {};
  FileError error = file_->allocate(from, bytes);
  if (error.status == FileStatus::kUnsupported) error = file_->set_size(from + bytes);
  if (!error.ok()) {
    // It may have become longer, without space behind its former end.
    static_cast<void>(file_->set_size(from));
    if (error.status == FileStatus::kNoSpace) return {Fault::kNoSpace, error, "growing", bytes};
    return fail(error, "growing");
  }
  page_count_.store(before + count, std::memory_order_relaxed);
  return {};
}

void PageCache::close() {
  LockGuard writer(writing_);
  LockGuard guard(lock_);
  if (file_ == nullptr) return;
  is_closed_.store(true, std::memory_order_release);
  ++waiting_;
  while (accesses_ > 0)
    changed_.wait_for(lock_, kMillisecond,
                      [this]() NO_THREAD_SAFETY_ANALYSIS { return accesses_ == 0; });
  --waiting_;
  // Those that nobody has begun to read.
  for (std::uint32_t i = 0; i < made(); ++i) {
    const FrameIndex f{i};
    const State state = table_->look(f);
    if (!state.has(State::kLoading)) continue;
    leave(f, state);
    table_->state(f).store(State::kThere, std::memory_order_release);
    push(empty_, f);
  }
  file_.reset();
}

PageFigures PageCache::figures() {
  PageFigures out;
  out.file_pages = page_count();
  out.frames = there_.load(std::memory_order_relaxed);
  for (std::uint32_t i = 0; i < made(); ++i) {
    const State state = table_->look(FrameIndex{i});
    const bool is_page = state.has(State::kValid);
    out.pages += is_page;
    out.pinned += is_page && state.pins() != 0;
    out.dirty += state.has(State::kDirty);
  }
  out.misses = misses_.get();
  out.prefetches = prefetches_.get();
  out.reads = reads_.get();
  out.writes = writes_.get();
  out.write_calls = write_calls_.get();
  out.writes_ahead = writes_ahead_.get();
  out.evictions = evictions_.get();
  out.waits = waits_.get();
  out.checkpoints = checkpoints_.get();
  out.damaged = damaged_.get();
  out.write_failures = write_failures_.get();
  return out;
}

const char* PageCache::contradiction() {
  LockGuard guard(lock_);
  std::uint32_t there = 0;
  std::uint32_t empty = 0;
  std::uint32_t newly = 0;
  for (std::uint32_t i = 0; i < made(); ++i) {
    const FrameIndex f{i};
    const State state = table_->look(f);
    there += state.has(State::kThere);
    if (state.has(State::kThere) != (memory(f) != nullptr)) return "a frame without memory";
    empty += state.word == State::kThere;
    newly += state.has(State::kNew);
    const PageNumber page = table_->number(f).load(std::memory_order_relaxed);
    const bool is_linked = page != kNoPage;
    const bool is_used = (state.word & (State::kValid | State::kLoading)) != 0;
    if (is_linked != is_used) return "a frame with a page that it does not know, or without one";
    if (is_linked && table_->find(page) != f) return "a page that is not found, or found twice";
  }
  if (there != there_.load(std::memory_order_relaxed)) return "frames that were not counted";
  if (newly != new_.count()) return "new pages that are in no list";
  std::uint32_t listed = 0;
  for (FrameIndex f = empty_; f != kNoFrame && listed <= empty;
       f = FrameIndex{table_->next(f).load(std::memory_order_relaxed)})
    ++listed;
  return listed == empty ? nullptr : "empty frames that are in no list";
}

}  // namespace superslab::pages
