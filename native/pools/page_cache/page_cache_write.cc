// How dirty pages come to the file.
#include <algorithm>
#include <cassert>
#include <cstring>

#include "pools/page_cache/page_cache.h"

namespace superslab::pages {
namespace {

using State = FrameState;

/// Pages that are written together are so many bytes at most: a run of 256 KiB is as fast as any.
constexpr ByteCount kRunBytes = 256 * kKiB;

std::uint32_t run_pages(ByteCount page_bytes) {
  return static_cast<std::uint32_t>(std::max<ByteCount>(kRunBytes / page_bytes, 1));
}

}  // namespace

ByteCount PageCache::staging_bytes() const {
  return run_pages(options_.page_bytes) * options_.page_bytes;
}

/// Frames ahead of the hand that the writer looks at: PostgreSQL's writer writes 100 a round.
std::uint32_t PageCache::ahead() const { return std::clamp(options_.frames / 8, 4u, 256u); }

Failure PageCache::broken() {
  LockGuard guard(lock_);
  return broken_;
}

Failure PageCache::last_write_failure() {
  LockGuard guard(lock_);
  return last_write_failure_;
}

/// A full disk may have room again; after any other failure nobody knows what the disk has.
Failure PageCache::fail(FileError error, const char* what) {
  write_failures_.shared_add(1);
  LockGuard guard(lock_);
  const bool is_full = error.status == FileStatus::kNoSpace;
  last_write_failure_ = {is_full ? Fault::kNoSpace : Fault::kFailed, error, what,
                         options_.page_bytes};
  if (!is_full && broken_.ok()) broken_ = last_write_failure_;
  return last_write_failure_;
}

/// Copies a dirty page, so that it may be changed while it is written. False when it is not to be
/// written now.
bool PageCache::stage(FrameIndex frame, bool even_pinned, std::uint32_t place) {
  const State state = table_->look(frame);
  const bool may = state.has(State::kValid | State::kDirty) &&
                   (state.word & (State::kCopying | State::kWriting)) == 0 &&
                   (even_pinned || state.pins() == 0);
  const State copying{(state.word & ~(State::kDirty | State::kDue)) | State::kCopying |
                      State::kWriting};
  if (!may || !table_->change(frame, state, copying)) return false;
  std::byte* const to = staging_ + place * options_.page_bytes;
  std::memcpy(to, memory(frame), options_.page_bytes);
  table_->clear(frame, State::kCopying);
  if (options_.checksum != PageChecksum::kNone)
    stamp_page(options_.checksum, to, options_.page_bytes,
               table_->number(frame).load(std::memory_order_relaxed));
  return true;
}

/// Writes the first `count` pages that were staged, which are neighbours in the file.
Failure PageCache::write_staged(std::uint32_t count) {
  if (count == 0) return {};
  const FileError error = file_->write_at(staging_, count * options_.page_bytes,
                                          ByteCount{first_staged_} * options_.page_bytes);
  // Dirty again before it may be evicted.
  if (!error.ok())
    for (std::uint32_t i = 0; i < count; ++i) table_->set(staged_[i], State::kDirty);
  for (std::uint32_t i = 0; i < count; ++i) table_->clear(staged_[i], State::kWriting);
  write_calls_.shared_add(1);
  if (!error.ok()) return fail(error, "writing");
  writes_.shared_add(count);
  return {};
}

/// Writes those of the frames that are dirty, in the order of the file. With `even_pinned` by the
/// thread of whoever has them pinned. The first failure; what failed is dirty as before.
Failure PageCache::write(std::span<FrameIndex> frames, bool even_pinned) {
  const auto number = [this](FrameIndex f) {
    return table_->number(f).load(std::memory_order_relaxed);
  };
  std::vector<std::pair<PageNumber, FrameIndex>> order;
  order.reserve(frames.size());
  for (const FrameIndex f : frames) order.emplace_back(number(f), f);
  std::sort(order.begin(), order.end());
  LockGuard guard(writing_);
  if (is_closed()) return {Fault::kClosed};
  if (Failure failure = broken(); !failure.ok()) return failure;
  Failure first;
  const auto write_run = [&](std::uint32_t count) NO_THREAD_SAFETY_ANALYSIS {
    const Failure failure = write_staged(count);
    if (first.ok()) first = failure;
  };
  std::uint32_t run = 0;
  for (const auto& [expected, frame] : order) {
    const bool goes_on = run > 0 && run < staged_.size() && expected == first_staged_ + run;
    if (!goes_on) {
      write_run(run);
      run = 0;
    }
    if (!stage(frame, even_pinned, run)) continue;
    const PageNumber page = number(frame);  // another one than before where it was evicted since
    if (run > 0 && page != first_staged_ + run) {
      write_run(run);
      std::memcpy(staging_, staging_ + run * options_.page_bytes, options_.page_bytes);
      run = 0;
    }
    if (run == 0) first_staged_ = page;
    staged_[run++] = frame;
  }
  write_run(run);
  return first;
}

/// Writes the page of a frame, and those behind it in the file that are dirty too.
Failure PageCache::write_around(FrameIndex frame) {
  std::vector<FrameIndex> frames;
  {
    LockGuard guard(lock_);
    PageNumber page = table_->number(frame).load(std::memory_order_relaxed);
    for (FrameIndex f = frame; f != kNoFrame && frames.size() < run_pages(options_.page_bytes);
         f = table_->find(++page)) {
      const State state = table_->look(f);
      if (!state.is_at_rest() || !state.has(State::kDirty)) break;
      frames.push_back(f);
    }
  }
  return write(frames, false);
}

/// Up to ahead() dirty pages that are to go next: of the oldest new ones, and of those that the
/// hand comes to. Of each it looks at `most`.
std::vector<FrameIndex> PageCache::dirty_ahead(std::uint32_t most) {
  std::vector<FrameIndex> frames;
  const auto is_next = [this](FrameIndex f, bool is_new) {
    const State state = table_->look(f);
    return state.is_at_rest() && state.has(State::kDirty) && state.has(State::kNew) == is_new &&
           (is_new || state.use() == 0);
  };
  {
    LockGuard guard(lock_);
    FrameIndex f = new_.oldest();
    for (std::uint32_t i = 0; f != kNoFrame && i < most && frames.size() < ahead(); ++i) {
      if (is_next(f, true)) frames.push_back(f);
      f = new_.younger(f);
    }
  }
  const std::uint32_t made = this->made();
  const std::uint32_t from = hand_.load(std::memory_order_relaxed);
  for (std::uint32_t i = 0; i < std::min(made, most) && frames.size() < ahead(); ++i) {
    const FrameIndex f{(from + i) % made};
    if (is_next(f, false)) frames.push_back(f);
  }
  return frames;
}

/// All that could go for the page is dirty.
Failure PageCache::make_room(const PinRequest& request) {
  waits_.shared_add(1);
  if (request.again != kNoFrame && to_word(request.again) < made()) {
    const State state = table_->look(request.again);
    if (state.is_at_rest() && state.has(State::kDirty)) return write_around(request.again);
  }
  std::vector<FrameIndex> frames = dirty_ahead(made());
  return write(frames, false);
}

std::uint32_t PageCache::write_ahead() {
  evictions_before_.set(evictions_.get());
  std::vector<FrameIndex> frames = dirty_ahead(ahead());
  if (frames.empty() || !write(frames, false).ok()) return 0;
  writes_ahead_.shared_add(frames.size());
  return static_cast<std::uint32_t>(frames.size());
}

Failure PageCache::flush(PageNumber page, bool* is_written) {
  FrameIndex frame;
  {
    LockGuard guard(lock_);
    if (is_closed()) return {Fault::kClosed};
    if (page >= page_count()) return {Fault::kNoPage, {}, "page", page};
    if (!broken_.ok()) return broken_;
    frame = table_->find(page);
  }
  *is_written = frame != kNoFrame && table_->look(frame).has(State::kDirty);
  return *is_written ? write({&frame, 1}, true) : Failure{};
}

// Checkpoints
// --------------------------------------------------------------------------------------

Failure PageCache::begin_checkpoint() {
  if (is_closed()) return {Fault::kClosed};
  if (Failure failure = broken(); !failure.ok()) return failure;
  failures_before_ = write_failures_.get();
  std::vector<FrameIndex> pinned;
  for (std::uint32_t i = 0; i < made(); ++i) {
    const FrameIndex f{i};
    State state = table_->look(f);
    while (state.has(State::kDirty) && state.pins() == 0 &&
           !table_->change(f, state, {state.word | State::kDue}))
      state = table_->look(f);
    if (state.has(State::kDirty) && state.pins() != 0) pinned.push_back(f);
  }
  // What fails here, finish_checkpoint() tells.
  if (!pinned.empty()) static_cast<void>(write(pinned, true));
  return {};
}

std::vector<FrameIndex> PageCache::due_frames() {
  std::vector<FrameIndex> frames;
  for (std::uint32_t i = 0; i < made(); ++i)
    if (table_->look(FrameIndex{i}).has(State::kDue)) frames.push_back(FrameIndex{i});
  return frames;
}

Failure PageCache::finish_checkpoint() {
  std::vector<FrameIndex> frames = due_frames();
  Failure failure = write(frames, false);
  // Where the cache is broken they are left as they are: dirty, and nobody's to wait for.
  for (const FrameIndex f : frames) table_->clear(f, State::kDue);
  if (failure.ok() && write_failures_.get() != failures_before_) failure = last_write_failure();
  if (!failure.ok()) return failure;
  {
    LockGuard guard(lock_);
    if (is_closed()) return {Fault::kClosed};
    ++accesses_;
  }
  const FileError error = file_->sync(SyncLevel::kData);
  if (!error.ok()) failure = fail(error, "syncing");
  if (failure.fault == Fault::kNoSpace) failure = break_by(failure);
  checkpoints_.shared_add(failure.ok());
  LockGuard guard(lock_);
  end_access();
  return failure;
}

/// A failed sync is never tried again, whatever it says.
Failure PageCache::break_by(Failure failure) {
  LockGuard guard(lock_);
  failure.fault = Fault::kFailed;
  if (broken_.ok()) broken_ = failure;
  return broken_;
}

}  // namespace superslab::pages
