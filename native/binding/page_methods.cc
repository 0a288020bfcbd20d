// Page caches, of pools/page_cache: what their own thread asks of them off the hot path. What a
// call returns below 0 is a PIN_STATUS or a FILE_FAULT; pageFailure() tells the rest.
#include <algorithm>
#include <memory>
#include <vector>

#include "addon/cached_pages.h"
#include "base/bits.h"
#include "binding/async_work.h"
#include "binding/external.h"
#include "binding/file_failure.h"
#include "binding/objects.h"
#include "heap/size_class.h"

namespace superslab {
namespace {

using pages::FrameIndex;
using pages::kNoFrame;
using pages::PageCache;
using pages::PageNumber;
using pages::PinRequest;
using pages::PinResult;
using pages::PinStatus;
using pages::Reading;

Value number(const CallbackInfo& info, double value) {
  return Napi::Number::New(info.Env(), value);
}
Value frame_value(const CallbackInfo& info, FrameIndex frame) {
  return number(info, frame == kNoFrame ? -1 : static_cast<double>(to_word(frame)));
}
Value fault_value(const CallbackInfo& info, CachedPages& pages, const pages::Failure& failure) {
  if (!failure.ok()) pages.note(failure);
  return number(info, -static_cast<double>(failure.fault));
}

/// nullptr once the pool is closed and has everything back, and in other pools.
CachedPages* pages_of(EnvironmentPool& pool) {
  return pool.cache() == nullptr ? nullptr : pool.pages.get();
}

FrameIndex frame_at(const CallbackInfo& info, std::size_t i) {
  return FrameIndex{static_cast<std::uint32_t>(whole_at(info, i, UINT32_MAX).value_or(UINT32_MAX))};
}
PageNumber page_at(const CallbackInfo& info, std::size_t i) {
  return static_cast<PageNumber>(whole_at(info, i, pages::kNoPage).value_or(pages::kNoPage));
}
Reading reading_at(const CallbackInfo& info, std::size_t i) {
  const auto last = static_cast<std::uint64_t>(Reading::kLater);
  return static_cast<Reading>(whole_at(info, i, last).value_or(0));
}

// A frame that nobody uses counts as an idle block. Both are words of this thread.

void note_used(EnvironmentPool& pool) {
  LeaseMagazines& words = pool.cache()->magazines();
  --words.idle[pool.pages->tag()];
  ++words.acquired[pool.pages->tag()];
}
void note_idle(EnvironmentPool& pool) { ++pool.cache()->magazines().idle[pool.pages->tag()]; }

// Opening
// ------------------------------------------------------------------------------------------

bool is_possible(const pages::PageCacheOptions& options, ByteCount block_bytes) {
  return is_power_of_two(options.page_bytes) && options.page_bytes >= pages::kMinPageBytes &&
         options.page_bytes <= pages::kMaxPageBytes && options.page_bytes <= block_bytes &&
         options.frames >= pages::kMinFrames && options.frames <= pages::kMostFrames;
}

/// `holdPages({ path, pageBytes, frames, tag, mode, reads, direct, checksum })`: the pool keeps
/// pages of that file. undefined, or what failed.
Value hold_pages(const CallbackInfo& info, EnvironmentPool& pool) {
  const Napi::Env env = info.Env();
  const Fields given(info, 0);
  const std::string path = given.text("path");
  const auto tag = static_cast<SliceTag>(given.whole("tag", kFixedClasses).value_or(0));
  pages::PageCacheOptions options;
  options.page_bytes = given.whole("pageBytes").value_or(0);
  options.frames =
      static_cast<std::uint32_t>(given.whole("frames", pages::kMostFrames).value_or(0));
  options.mode = static_cast<unsigned>(given.whole("mode", 0777).value_or(0600));
  options.access = given.flag("reads") ? FileAccess::kRead : FileAccess::kReadWrite;
  options.is_direct = given.flag("direct");
  options.checksum = static_cast<pages::PageChecksum>(
      given.whole("checksum", static_cast<std::uint64_t>(pages::PageChecksum::kXxh3)).value_or(0));
  const bool can_hold = pool.cache() != nullptr && pool.own != nullptr && pool.pages == nullptr &&
                        !pool.is_closed && path.starts_with('/') && tag != 0 &&
                        is_possible(options, size_class(ClassIndex(tag - 1)).block_bytes);
  if (!can_hold) return failure_object(env, {pages::Fault::kFile, file_error(EINVAL), "open", 0});
  const pages::Failure failure = CachedPages::open(path, options, tag, &pool.pages);
  return failure.ok() ? env.Undefined() : Value(failure_object(env, failure));
}

/// `pageRows()`: an ArrayBuffer over the table of frames, which stays for as long as it lives.
Value page_rows(const CallbackInfo& info, EnvironmentPool& pool) {
  const Napi::Env env = info.Env();
  CachedPages* const own = pages_of(pool);
  if (own == nullptr) return env.Undefined();
  using Keeper = std::shared_ptr<pages::FrameTable>;
  auto keeper = std::make_unique<Keeper>(own->cache().table());
  pages::FrameTable& table = **keeper;
  napi_value buffer = nullptr;
  const napi_status status = napi_create_external_arraybuffer(
      env, table.words(), table.bytes(),
      [](node_api_basic_env, void*, void* hint) { delete static_cast<Keeper*>(hint); },
      keeper.get(), &buffer);
  if (will_finalize(status)) static_cast<void>(keeper.release());
  return status == napi_ok ? Value(env, buffer) : env.Undefined();
}

// Frames
// -------------------------------------------------------------------------------------------

/// `addFrame(block)`: lends a new frame, of a block that is out; -1 when there can be no more.
Value add_frame(const CallbackInfo& info, EnvironmentPool& pool) {
  CachedPages* const own = pages_of(pool);
  if (own == nullptr || pool.is_closed) return number(info, -1);
  const std::uint32_t block = own_block_at(info, 0, pool, own->cache().options().page_bytes);
  if (block == 0) return number(info, -1);
  void* const memory = address_of_number(pool.environment.space(), BlockNumber{block});
  return frame_value(info, own->cache().add(memory, block));
}

/// `lendFrame(mayEvict)`: lends an empty frame; -1 when there is none.
Value lend_frame(const CallbackInfo& info, EnvironmentPool& pool) {
  CachedPages* const own = pages_of(pool);
  if (own == nullptr || pool.is_closed) return number(info, -1);
  const FrameIndex frame = own->cache().lend(bool_at(info, 0));
  if (frame != kNoFrame) note_used(pool);
  return frame_value(info, frame);
}

/// `giveFrame(frame)`: takes back one that was lent and not used.
void give_frame(const CallbackInfo& info, EnvironmentPool& pool) {
  CachedPages* const own = pages_of(pool);
  const FrameIndex frame = frame_at(info, 0);
  if (own == nullptr || !own->cache().is_lent(frame)) return;
  own->cache().give_back(frame);
  note_idle(pool);
}

/// `dropFrame(mostUse)`: gives the block of a frame back that nobody uses, and whose page was used
/// so many times at most since the hand came by; -1 when there is none.
Value drop_frame(const CallbackInfo& info, EnvironmentPool& pool) {
  CachedPages* const own = pages_of(pool);
  const auto most = whole_at(info, 0, pages::FrameState::kMostUse);
  if (own == nullptr || !most) return number(info, -1);
  std::uint32_t block = 0;
  const FrameIndex frame = own->cache().drop(static_cast<std::uint32_t>(*most), &block);
  if (frame == kNoFrame) return number(info, -1);
  --pool.cache()->magazines().idle[own->tag()];
  static_cast<void>(pool.cache()->give(BlockNumber{block}));
  return frame_value(info, frame);
}

// Pages
// --------------------------------------------------------------------------------------------

/// Its frame, which is pinned, or a PIN_STATUS below 0.
Value pin(const CallbackInfo& info, EnvironmentPool& pool, const PinRequest& request) {
  CachedPages* const own = pages_of(pool);
  if (own == nullptr || pool.is_closed) {
    if (own != nullptr) own->note({pages::Fault::kClosed});
    return number(info, -static_cast<double>(PinStatus::kFailed));
  }
  const PinResult result = own->cache().pin(request);
  if (result.is_new) own->writer().nudge();
  if (result.status == PinStatus::kPinned) {
    if (result.is_first) note_used(pool);
    return frame_value(info, result.frame);
  }
  // A frame that was lent waits for its page, which nobody has pinned.
  if (result.status == PinStatus::kToBeRead && !result.is_first) {
    note_idle(pool);
    ++pool.cache()->magazines().skipped[own->tag()];
  }
  if (result.status == PinStatus::kFailed) own->note(result.failure);
  return number(info, -static_cast<double>(result.status));
}

/// `pinPage(page, reading, mayEvict)`
Value pin_page(const CallbackInfo& info, EnvironmentPool& pool) {
  return pin(
      info, pool,
      {.page = page_at(info, 0), .reading = reading_at(info, 1), .may_evict = bool_at(info, 2)});
}

/// `pinPageInto(page, reading, frame)`: into a frame that is lent, if it is in none.
Value pin_page_into(const CallbackInfo& info, EnvironmentPool& pool) {
  const FrameIndex given = frame_at(info, 2);
  CachedPages* const own = pages_of(pool);
  if (own != nullptr && !own->cache().is_lent(given))
    return number(info, -static_cast<double>(PinStatus::kNoFrame));
  return pin(info, pool,
             {.page = page_at(info, 0), .reading = reading_at(info, 1), .given = given});
}

/// `pinScanned(page, reading, mayEvict, again, turn)`: of a scan, into the frame that it used
/// longest ago.
Value pin_scanned(const CallbackInfo& info, EnvironmentPool& pool) {
  const auto turn = static_cast<std::uint32_t>(whole_at(info, 4, UINT32_MAX).value_or(0));
  return pin(info, pool,
             {.page = page_at(info, 0),
              .reading = reading_at(info, 1),
              .is_scan = true,
              .may_evict = bool_at(info, 2),
              .again = frame_at(info, 3),
              .again_turn = turn});
}

/// `prefetchPage(page, mayEvict)`: 1 when the page is to be read now, 0 when it is there or cannot
/// be, -1 when there is no frame for it.
Value prefetch_page(const CallbackInfo& info, EnvironmentPool& pool) {
  CachedPages* const own = pages_of(pool);
  if (own == nullptr || pool.is_closed) return number(info, 0);
  const PinResult result = own->cache().prefetch(page_at(info, 0), bool_at(info, 1));
  if (result.status == PinStatus::kNoFrame) return number(info, -1);
  return number(info, result.is_new ? 1 : 0);
}

// Work on other threads
// ----------------------------------------------------------------------------

/// Reading pages, or the end of a checkpoint.
struct PageJob {
  std::shared_ptr<CachedPages> own;
  std::vector<PageNumber> to_read;  // empty: a checkpoint
  std::vector<pages::Failure> failures;
  napi_deferred promise = nullptr;
  napi_async_work work = nullptr;
};

/// On a thread of libuv's pool.
void run_job(napi_env, void* data) {
  auto& job = *static_cast<PageJob*>(data);
  PageCache& cache = job.own->cache();
  const auto note = [&job](const pages::Failure& failure) {
    if (!failure.ok()) job.failures.push_back(failure);
  };
  if (job.to_read.empty()) note(cache.finish_checkpoint());
  for (const PageNumber page : job.to_read) note(cache.read(page));
}

/// On the environment's thread. When that is being stopped nobody hears of it any more.
void finish_job(napi_env env, napi_status, void* data) {
  const std::unique_ptr<PageJob> job(static_cast<PageJob*>(data));
  napi_handle_scope scope;
  if (napi_open_handle_scope(env, &scope) != napi_ok) return;
  double result = 0;
  if (!job->failures.empty()) {
    result = job->to_read.empty() ? -static_cast<double>(job->failures.front().fault)
                                  : static_cast<double>(job->failures.size());
    if (!job->to_read.empty())
      job->own->unread().insert(job->own->unread().end(), job->failures.begin(),
                                job->failures.end());
  }
  if (job->to_read.empty())
    job->own->end_checkpoint(job->failures.empty() ? pages::Failure{} : job->failures.front());
  napi_value value = nullptr;
  if (napi_create_double(env, result, &value) == napi_ok)
    napi_resolve_deferred(env, job->promise, value);
  napi_delete_async_work(env, job->work);
  napi_close_handle_scope(env, scope);
}

/// A promise of what came of it; undefined, and nothing done, when Node.js cannot.
Value begin_job(const CallbackInfo& info, std::unique_ptr<PageJob> job) {
  const Napi::Env env = info.Env();
  napi_value promise = nullptr;
  if (napi_create_promise(env, &job->promise, &promise) != napi_ok) return env.Undefined();
  if (!queue_work(env, "superslab:pages", run_job, finish_job, job.get(), job->work))
    return env.Undefined();
  static_cast<void>(job.release());
  return {env, promise};
}

/// `readPages(pages)`: reads those that are to be read, on another thread. A promise of how many
/// could not be: takeUnread() has them.
Value read_pages(const CallbackInfo& info, EnvironmentPool& pool) {
  CachedPages* const own = pages_of(pool);
  napi_typedarray_type type{};
  std::size_t length = 0;
  void* data = nullptr;
  const bool is_list = napi_get_typedarray_info(info.Env(), info[0], &type, &length, &data, nullptr,
                                                nullptr) == napi_ok &&
                       type == napi_uint32_array && length > 0;
  if (own == nullptr || !is_list) return info.Env().Undefined();
  auto job = std::make_unique<PageJob>();
  job->own = pool.pages;
  const auto* const numbers = static_cast<const PageNumber*>(data);
  job->to_read.assign(numbers, numbers + length);
  std::sort(job->to_read.begin(), job->to_read.end());
  return begin_job(info, std::move(job));
}

/// `takeUnread()`: what failed of one page; undefined when there is none.
Value take_unread(const CallbackInfo& info, EnvironmentPool& pool) {
  if (pool.pages == nullptr || pool.pages->unread().empty()) return info.Env().Undefined();
  const pages::Failure failure = pool.pages->unread().back();
  pool.pages->unread().pop_back();
  return failure_object(info.Env(), failure);
}

/// `checkpoint(isNow)`: writes all that is dirty, and syncs. A FILE_FAULT, or a promise of one.
Value checkpoint(const CallbackInfo& info, EnvironmentPool& pool) {
  CachedPages* const own = pages_of(pool);
  if (own == nullptr) return number(info, -static_cast<double>(pages::Fault::kClosed));
  pages::Failure failure = own->cache().begin_checkpoint();
  if (bool_at(info, 0)) {
    if (failure.ok()) failure = own->cache().finish_checkpoint();
    own->note_checkpoint(failure);
    return fault_value(info, *own, failure);
  }
  if (failure.ok()) {
    auto job = std::make_unique<PageJob>();
    job->own = pool.pages;
    const Value promise = begin_job(info, std::move(job));
    if (!promise.IsUndefined()) return promise;
    failure = own->cache().finish_checkpoint();  // without a thread it is done here
  }
  own->end_checkpoint(failure);
  return fault_value(info, *own, failure);
}

/// `checkpointsEnded()`: of those that `checkpoint(false)` has begun.
Value checkpoints_ended(const CallbackInfo& info, EnvironmentPool& pool) {
  return number(info, pool.pages == nullptr ? 0 : pool.pages->checkpoints_ended());
}

/// `checkpointFailure()`: of the last checkpoint that has ended; undefined if it did not fail.
Value checkpoint_failure(const CallbackInfo& info, EnvironmentPool& pool) {
  if (pool.pages == nullptr || pool.pages->checkpoint_failure().ok()) return info.Env().Undefined();
  return failure_object(info.Env(), pool.pages->checkpoint_failure());
}

// The file
// -----------------------------------------------------------------------------------------

/// `flushPage(page)`: 1 when it was written, 0 when there was no need; a FILE_FAULT below 0.
Value flush_page(const CallbackInfo& info, EnvironmentPool& pool) {
  CachedPages* const own = pages_of(pool);
  if (own == nullptr) return number(info, -static_cast<double>(pages::Fault::kClosed));
  bool is_written = false;
  const pages::Failure failure = own->cache().flush(page_at(info, 0), &is_written);
  return failure.ok() ? number(info, is_written ? 1 : 0) : fault_value(info, *own, failure);
}

/// `growPages(count)`: the number of the first new page; a FILE_FAULT below 0.
Value grow_pages(const CallbackInfo& info, EnvironmentPool& pool) {
  CachedPages* const own = pages_of(pool);
  const auto count = whole_at(info, 0, pages::kMostPages);
  if (own == nullptr || !count) return number(info, -static_cast<double>(pages::Fault::kClosed));
  PageNumber first = 0;
  const pages::Failure failure = own->cache().grow(static_cast<PageNumber>(*count), &first);
  return failure.ok() ? number(info, first) : fault_value(info, *own, failure);
}

/// `pageCount()`
Value page_count(const CallbackInfo& info, EnvironmentPool& pool) {
  return number(info, pool.pages == nullptr ? 0 : pool.pages->cache().page_count());
}

/// `closePages()`: nothing is read or written from now on.
void close_pages(const CallbackInfo&, EnvironmentPool& pool) {
  if (pool.pages != nullptr) pool.pages->close();
}

/// `pageFailure()`: { fault, status, errno, what, where } of the last call that failed.
Value page_failure(const CallbackInfo& info, EnvironmentPool& pool) {
  return failure_object(info.Env(), pool.pages == nullptr ? pages::Failure{pages::Fault::kClosed}
                                                          : pool.pages->failure());
}

// Figures
// ------------------------------------------------------------------------------------------

/// `pageFigures()`: what is counted of the pages; undefined for a pool that has none.
Value page_figures(const CallbackInfo& info, EnvironmentPool& pool) {
  const Napi::Env env = info.Env();
  if (pool.pages == nullptr) return env.Undefined();
  const pages::PageFigures figures = pool.pages->cache().figures();
  Napi::Object out = Napi::Object::New(env);
  const auto set = [&](const char* name, std::uint64_t value) {
    out[name] = Napi::Number::New(env, static_cast<double>(value));
  };
  set("filePages", figures.file_pages);
  set("frames", figures.frames);
  set("pages", figures.pages);
  set("pinned", figures.pinned);
  set("dirty", figures.dirty);
  set("misses", figures.misses);
  set("prefetches", figures.prefetches);
  set("reads", figures.reads);
  set("writes", figures.writes);
  set("writeCalls", figures.write_calls);
  set("writesAhead", figures.writes_ahead);
  set("evictions", figures.evictions);
  set("waits", figures.waits);
  set("checkpoints", figures.checkpoints);
  set("damaged", figures.damaged);
  set("writeFailures", figures.write_failures);
  return out;
}

/// `pinnedPages(most)`: { page, pins } of as many pages that are pinned.
Value pinned_pages(const CallbackInfo& info, EnvironmentPool& pool) {
  const Napi::Env env = info.Env();
  Napi::Array out = Napi::Array::New(env);
  const auto most = whole_at(info, 0, pages::kMostFrames);
  if (pool.pages == nullptr || !most) return out;
  pool.pages->cache().for_each_pinned(static_cast<std::uint32_t>(*most),
                                      [&](PageNumber page, std::uint32_t pins) {
                                        Napi::Object row = Napi::Object::New(env);
                                        row["page"] = Napi::Number::New(env, page);
                                        row["pins"] = Napi::Number::New(env, pins);
                                        out[out.Length()] = row;
                                      });
  return out;
}

/// `pageContradiction()`: what contradicts itself in the books; undefined when nothing does.
Value page_contradiction(const CallbackInfo& info, EnvironmentPool& pool) {
  const Napi::Env env = info.Env();
  const char* found = pool.pages == nullptr ? nullptr : pool.pages->cache().contradiction();
  return found == nullptr ? env.Undefined() : Napi::String::New(env, found);
}

}  // namespace

void add_pool_page_methods(Methods& methods) {
  add_shared_method<EnvironmentPool, hold_pages>(methods, "holdPages");
  add_shared_method<EnvironmentPool, page_rows>(methods, "pageRows");
  add_hot_method<EnvironmentPool, add_frame>(methods, "addFrame");
  add_hot_method<EnvironmentPool, lend_frame>(methods, "lendFrame");
  add_hot_method<EnvironmentPool, give_frame>(methods, "giveFrame");
  add_hot_method<EnvironmentPool, drop_frame>(methods, "dropFrame");
  add_hot_method<EnvironmentPool, pin_page>(methods, "pinPage");
  add_hot_method<EnvironmentPool, pin_page_into>(methods, "pinPageInto");
  add_hot_method<EnvironmentPool, pin_scanned>(methods, "pinScanned");
  add_hot_method<EnvironmentPool, prefetch_page>(methods, "prefetchPage");
  add_hot_method<EnvironmentPool, read_pages>(methods, "readPages");
  add_shared_method<EnvironmentPool, take_unread>(methods, "takeUnread");
  add_shared_method<EnvironmentPool, checkpoint>(methods, "checkpoint");
  add_shared_method<EnvironmentPool, checkpoints_ended>(methods, "checkpointsEnded");
  add_shared_method<EnvironmentPool, checkpoint_failure>(methods, "checkpointFailure");
  add_hot_method<EnvironmentPool, flush_page>(methods, "flushPage");
  add_shared_method<EnvironmentPool, grow_pages>(methods, "growPages");
  add_shared_method<EnvironmentPool, page_count>(methods, "pageCount");
  add_shared_method<EnvironmentPool, close_pages>(methods, "closePages");
  add_shared_method<EnvironmentPool, page_failure>(methods, "pageFailure");
  add_shared_method<EnvironmentPool, page_figures>(methods, "pageFigures");
  add_shared_method<EnvironmentPool, pinned_pages>(methods, "pinnedPages");
  add_shared_method<EnvironmentPool, page_contradiction>(methods, "pageContradiction");
}

}  // namespace superslab
