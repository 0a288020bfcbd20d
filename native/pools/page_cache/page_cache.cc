// How pages come into frames, and go.
#include "pools/page_cache/page_cache.h"

#include <sched.h>

#include <algorithm>
#include <cassert>
#include <utility>

#include "base/bits.h"
#include "base/clock.h"

namespace superslab::pages {
namespace {

using State = FrameState;

/// Places of a chain that are looked at without the lock: others may lead it anywhere meanwhile.
constexpr std::uint32_t kMostSteps = 32;

/// A wait of which nobody tells the end: for pages that are being written.
constexpr Nanos kShortWait = kMillisecond;

}  // namespace

// Lists
// --------------------------------------------------------------------------------------------

FrameIndex PageCache::pop(FrameIndex& list) {
  const FrameIndex frame = list;
  if (frame != kNoFrame) list = FrameIndex{table_->next(frame).load(std::memory_order_relaxed)};
  return frame;
}

void PageCache::push(FrameIndex& list, FrameIndex frame) {
  table_->next(frame).store(to_word(list), std::memory_order_relaxed);
  list = frame;
}

FrameIndex PageCache::add(void* memory, std::uint32_t block) {
  assert(memory != nullptr && address_of(memory) % kMinPageBytes == 0);
  LockGuard guard(lock_);
  FrameIndex frame = pop(vacant_);
  const std::uint32_t made = this->made();
  if (frame == kNoFrame && made < options_.frames) {
    frame = FrameIndex{made};
    made_.store(made + 1, std::memory_order_release);
  }
  if (frame == kNoFrame) return kNoFrame;
  memory_[to_word(frame)] = memory;
  table_->block(frame).store(block, std::memory_order_relaxed);
  table_->state(frame).store(State::kThere | 1, std::memory_order_release);
  there_.fetch_add(1, std::memory_order_relaxed);
  return frame;
}

FrameIndex PageCache::lend(bool may_evict) {
  const PinRequest request{.may_evict = may_evict};
  for (bool skips_dirty = false;;) {
    FrameIndex frame = kNoFrame;
    Step step;
    {
      LockGuard guard(lock_);
      step = claim(request, skips_dirty, frame);
      if (frame != kNoFrame)
        table_->state(frame).store(State::kThere | 1, std::memory_order_release);
    }
    if (step == Step::kDone || step == Step::kBusy) return frame;
    if (step == Step::kClean) {
      if (skips_dirty) return kNoFrame;
      skips_dirty = !make_room(request).ok();
    }
  }
}

void PageCache::give_back(FrameIndex frame) {
  LockGuard guard(lock_);
  assert(is_lent(frame));
  table_->state(frame).store(State::kThere, std::memory_order_release);
  push(empty_, frame);
}

FrameIndex PageCache::drop(std::uint32_t most_use, std::uint32_t* block) {
  LockGuard guard(lock_);
  const bool even_dirty = is_closed();
  FrameIndex frame = pop(empty_);
  const std::uint32_t made = this->made();
  for (std::uint32_t i = 0; frame == kNoFrame && i < made; ++i) {
    drop_hand_ = drop_hand_ + 1 >= made ? 0 : drop_hand_ + 1;
    const FrameIndex next{drop_hand_};
    const State state = table_->look(next);
    const bool may_go =
        state.is_at_rest() && state.use() <= most_use && (even_dirty || !state.has(State::kDirty));
    if (may_go && evict(next, state)) frame = next;
  }
  if (frame == kNoFrame) return kNoFrame;
  memory_[to_word(frame)] = nullptr;
  *block = table_->block(frame).load(std::memory_order_relaxed);
  table_->turn(frame).fetch_add(1, std::memory_order_relaxed);
  table_->state(frame).store(0, std::memory_order_release);
  push(vacant_, frame);
  there_.fetch_sub(1, std::memory_order_relaxed);
  return frame;
}

// Pins
// ---------------------------------------------------------------------------------------------

PageCache::Step PageCache::pin_found(const PinRequest& request, PinResult& out) {
  const FrameIndex frame = out.frame;
  const State state = table_->look(frame);
  if (state.has(State::kLoading)) {
    if (request.reading != Reading::kNow) {
      out.status = PinStatus::kLoading;
      return Step::kDone;
    }
    if (state.has(State::kReading)) return Step::kAwait;
    table_->set(frame, State::kReading);
    ++accesses_;
    return Step::kRead;
  }
  if (state.has(State::kCopying)) return Step::kCopied;
  if (state.has(State::kDue)) return Step::kWriteDue;
  if (state.pins() == State::kPins) {
    out.status = PinStatus::kTooManyPins;
    return Step::kDone;
  }
  const State pinned{state.used(request.is_scan ? 1 : State::kMostUse).word + 1};
  if (!table_->change(frame, state, pinned)) return Step::kAgain;
  out.status = PinStatus::kPinned;
  out.is_first = state.pins() == 0;
  return Step::kDone;
}

void PageCache::enter(FrameIndex frame, PageNumber page, std::uint32_t state) {
  table_->link(frame, page);
  if ((state & State::kNew) != 0) new_.add(frame);
  table_->state(frame).store(State::kThere | state, std::memory_order_release);
}

/// The page, which was in that state, is in the frame no more.
void PageCache::leave(FrameIndex frame, FrameState state) {
  table_->unlink(frame);
  if (state.has(State::kNew)) new_.remove(frame);
}

/// Whether the page has to show that it is used. Not one that was here not long ago; nor one of a
/// scan, which has a ring, or one that is prefetched, which nobody can have used yet.
bool PageCache::is_new_page(const PinRequest& request) {
  return new_.is_used() && !request.is_scan && request.reading != Reading::kLater &&
         !new_.take_gone(request.page);
}

PageCache::Step PageCache::begin_load(const PinRequest& request, bool skips_dirty, PinResult& out) {
  if (!broken_.ok()) {
    out.failure = broken_;
    return Step::kDone;
  }
  FrameIndex frame = request.given;
  if (frame == kNoFrame) {
    const Step step = claim(request, skips_dirty, frame);
    // Nobody reads for those who wait here; and who need not wait is not made to.
    if (step == Step::kBusy && request.reading == Reading::kNow) frame = cancel_load();
    const bool is_refused = step == Step::kBusy && request.reading != Reading::kNow;
    if (step != Step::kDone && frame == kNoFrame && !is_refused) return step;
  }
  if (frame == kNoFrame) {
    out.status = PinStatus::kNoFrame;
    return Step::kDone;
  }
  out.frame = frame;
  out.is_new = true;
  out.is_first = frame != request.given;
  const bool reads = request.reading == Reading::kNow ||
                     (request.reading == Reading::kIfInMemory && !options_.is_direct);
  const std::uint32_t state = reads ? State::kLoading | State::kReading : State::kLoading;
  enter(frame, request.page, is_new_page(request) ? state | State::kNew : state);
  accesses_ += reads;
  out.status = PinStatus::kToBeRead;
  return reads ? Step::kRead : Step::kDone;
}

PageCache::Step PageCache::begin_pin(const PinRequest& request, bool skips_dirty, PinResult& out) {
  out = {};
  if (is_closed()) {
    out.failure = {Fault::kClosed};
    return Step::kDone;
  }
  if (request.page >= page_count()) {
    out.failure = {Fault::kNoPage, {}, "page", request.page};
    return Step::kDone;
  }
  out.frame = table_->find(request.page);
  if (out.frame != kNoFrame) return pin_found(request, out);
  return begin_load(request, skips_dirty, out);
}

PinResult PageCache::pin(const PinRequest& request) {
  PinResult out;
  for (bool skips_dirty = false;;) {
    Step step;
    {
      LockGuard guard(lock_);
      step = begin_pin(request, skips_dirty, out);
    }
    switch (step) {
      case Step::kDone:
        if (out.is_new) misses_.shared_add(1);
        return out;
      case Step::kAgain:
        break;
      case Step::kRead:
        if (out.is_new) misses_.shared_add(1);
        read_pinned(request, out);
        return out;
      case Step::kAwait:
      case Step::kBusy:
        wait_for_change();
        break;
      case Step::kCopied:
        sched_yield();
        break;
      case Step::kWriteDue:
        // If this fails the checkpoint fails, and the page is not its any more.
        if (!write({&out.frame, 1}, false).ok()) table_->clear(out.frame, State::kDue);
        break;
      case Step::kClean:
        if (skips_dirty) {
          out.failure = last_write_failure();
          return out;
        }
        skips_dirty = !make_room(request).ok();
    }
  }
}

FrameIndex PageCache::try_pin(PageNumber page) {
  FrameIndex frame = table_->first(page);
  for (std::uint32_t left = kMostSteps; left > 0 && to_word(frame) < made(); --left) {
    if (table_->number(frame).load(std::memory_order_relaxed) != page) {
      frame = FrameIndex{table_->next(frame).load(std::memory_order_relaxed)};
      continue;
    }
    for (State state = table_->look(frame); state.may_be_pinned(); state = table_->look(frame)) {
      if (!table_->change(frame, state, {state.used(State::kMostUse).word + 1})) continue;
      if (table_->number(frame).load(std::memory_order_relaxed) == page) return frame;
      unpin(frame);  // another page has come into the frame
      break;
    }
    break;
  }
  return kNoFrame;
}

bool PageCache::is_pinned(FrameIndex frame, PageNumber page) const {
  if (to_word(frame) >= made()) return false;
  const State state = table_->look(frame);
  return state.has(State::kValid) && state.pins() != 0 &&
         table_->number(frame).load(std::memory_order_relaxed) == page;
}

bool PageCache::unpin(FrameIndex frame) {
  const State before{table_->state(frame).fetch_sub(1, std::memory_order_acq_rel)};
  assert(before.pins() != 0);
  return before.pins() == 1;
}

PinResult PageCache::prefetch(PageNumber page, bool may_evict) {
  const PinRequest request{.page = page, .reading = Reading::kLater, .may_evict = may_evict};
  PinResult out;
  LockGuard guard(lock_);
  if (is_closed() || page >= page_count() || table_->find(page) != kNoFrame) return out;
  // What is dirty is not worth a write for a page that nobody needs yet.
  if (begin_load(request, true, out) == Step::kDone && out.is_new) prefetches_.shared_add(1);
  return out;
}

// Reading
// ------------------------------------------------------------------------------------------

void PageCache::read_pinned(const PinRequest& request, PinResult& out) {
  const FrameIndex frame = out.frame;
  const PageNumber page = table_->number(frame).load(std::memory_order_relaxed);
  const ByteCount offset = ByteCount{page} * options_.page_bytes;
  const FileError error = request.reading == Reading::kIfInMemory
                              ? file_->try_read_at(memory(frame), options_.page_bytes, offset)
                              : file_->read_at(memory(frame), options_.page_bytes, offset);
  if (error.status == FileStatus::kWouldBlock) {
    put_off(frame);
    out.status = out.is_new ? PinStatus::kToBeRead : PinStatus::kLoading;
    return;
  }
  const bool is_given = frame == request.given;
  out.failure = end_read(frame, error, 1, is_given);
  out.status = out.failure.ok() ? PinStatus::kPinned : PinStatus::kFailed;
  out.is_first = !is_given;
}

Failure PageCache::read(PageNumber page) {
  FrameIndex frame;
  {
    LockGuard guard(lock_);
    frame = table_->find(page);
    if (frame == kNoFrame) return {};
    const State state = table_->look(frame);
    if (!state.has(State::kLoading) || state.has(State::kReading)) return {};
    if (is_closed()) return {Fault::kClosed};
    table_->set(frame, State::kReading);
    ++accesses_;
  }
  const FileError error =
      file_->read_at(memory(frame), options_.page_bytes, ByteCount{page} * options_.page_bytes);
  return end_read(frame, error, 0, false);
}

void PageCache::read_asked() {
  std::vector<PageNumber> asked;
  for (std::uint32_t i = 0; i < made(); ++i) {
    const State state = table_->look(FrameIndex{i});
    if (state.has(State::kLoading) && !state.has(State::kReading))
      asked.push_back(table_->number(FrameIndex{i}).load(std::memory_order_relaxed));
  }
  std::sort(asked.begin(), asked.end());
  // Who wants a page that could not be read is told when he pins it.
  for (const PageNumber page : asked) static_cast<void>(read(page));
}

/// The page is in the frame now, with so many pins; or it is in none.
Failure PageCache::end_read(FrameIndex frame, FileError error, std::uint32_t pins,
                            bool stays_lent) {
  const PageNumber page = table_->number(frame).load(std::memory_order_relaxed);
  Failure failure;
  if (error.status == FileStatus::kShort)
    failure = {Fault::kLost, error, "page", page};
  else if (!error.ok())
    failure = {Fault::kFailed, error, "reading page", page};
  else if (options_.checksum != PageChecksum::kNone &&
           !is_page_intact(options_.checksum, memory(frame), options_.page_bytes, page)) {
    failure = {Fault::kDamaged, error, "page", page};
    damaged_.shared_add(1);
  }
  reads_.shared_add(failure.ok());
  LockGuard guard(lock_);
  if (failure.ok()) {
    const std::uint32_t is_new = table_->look(frame).word & State::kNew;
    // One that nobody has pinned yet is not to go before; of a new one, search_new() sees to that.
    const bool is_used = is_new != 0 ? pins != 0 : pins == 0;
    table_->state(frame).store(
        State::kThere | State::kValid | is_new | (is_used ? State::kOneUse : 0) | pins,
        std::memory_order_release);
  } else {
    leave(frame, table_->look(frame));
    table_->state(frame).store(stays_lent ? State::kThere | 1 : State::kThere,
                               std::memory_order_release);
    if (!stays_lent) push(empty_, frame);
  }
  end_access();
  return failure;
}

void PageCache::put_off(FrameIndex frame) {
  LockGuard guard(lock_);
  table_->clear(frame, State::kReading);
  end_access();
}

void PageCache::end_access() {
  --accesses_;
  if (waiting_ > 0) changed_.notify_all();
}

void PageCache::wait_for_change() {
  LockGuard guard(lock_);
  ++waiting_;
  bool is_over = false;
  changed_.wait_for(lock_, kShortWait, [&is_over] { return std::exchange(is_over, true); });
  --waiting_;
}

}  // namespace superslab::pages
