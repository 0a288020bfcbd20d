// Which page goes where another is to come in.
//
// New pages go first, oldest first, while they have more than their part of the frames: unless
// they were used since, and then they stay with the others. Of those the hand of the clock takes
// the first that was not used since it came by as often as the page has uses.
#include <cassert>

#include "pools/page_cache/page_cache.h"

namespace superslab::pages {
namespace {

using State = FrameState;

/// Dirty pages that are passed by before somebody writes: clean ones cost less.
constexpr std::uint32_t kMostDirtyPassed = 32;

/// Uses that show that a new page is used again: the first is why it came in.
constexpr std::uint32_t kProvenUse = 3;

}  // namespace

bool PageCache::evict(FrameIndex frame, FrameState state) {
  const PageNumber page = table_->number(frame).load(std::memory_order_relaxed);
  if (!table_->change(frame, state, {State::kThere})) return false;
  leave(frame, state);
  if (state.has(State::kNew)) new_.note_gone(page);
  evictions_.shared_add(1);
  return true;
}

bool PageCache::Search::has_enough_dirty() const {
  return !skips_dirty && dirty > kMostDirtyPassed;
}

/// Of a page that may go. Whether it went.
bool PageCache::take_if_clean(Search& search, FrameIndex frame, FrameState state) {
  if (state.has(State::kDirty)) {
    ++search.dirty;
    return false;
  }
  if (!evict(frame, state)) return false;
  search.found = frame;
  return true;
}

/// `even_few`: new pages go although they have no more than their part.
void PageCache::search_new(Search& search, bool even_few) {
  for (FrameIndex next = new_.oldest(); next != kNoFrame && (even_few || new_.is_full());) {
    const FrameIndex frame = next;
    next = new_.younger(frame);
    const State state = table_->look(frame);
    if (!state.has(State::kValid) || state.has(State::kWriting)) {
      search.is_busy = true;
    } else if (state.pins() != 0 || state.use() >= kProvenUse) {
      // It has to be used anew to stay there.
      if (table_->change(frame, state, {state.word & ~(State::kNew | State::kUse)}))
        new_.remove(frame);
    } else if (state.use() == 0) {
      // Somebody had it read who has not pinned it yet: the next time it goes.
      static_cast<void>(table_->change(frame, state, state.used(State::kMostUse)));
      search.is_busy = true;
    } else if (take_if_clean(search, frame, state) || search.has_enough_dirty()) {
      return;
    }
  }
}

void PageCache::search_clock(Search& search) {
  const std::uint32_t made = this->made();
  for (std::uint32_t left = made; left > 0;) {
    const FrameIndex next{hand_.load(std::memory_order_relaxed) % made};
    hand_.store((to_word(next) + 1) % made, std::memory_order_relaxed);
    const State state = table_->look(next);
    if (!state.is_at_rest() || state.has(State::kNew)) {
      search.is_busy |= state.has(State::kThere) && !state.has(State::kNew) && state.pins() == 0 &&
                        state.word != State::kThere;
      --left;
    } else if (state.use() > 0) {
      static_cast<void>(table_->change(next, state, {state.word - State::kOneUse}));
      left = made;
    } else {
      if (take_if_clean(search, next, state) || search.has_enough_dirty()) return;
      if (state.has(State::kDirty)) --left;
    }
  }
}

PageCache::Step PageCache::sweep(bool skips_dirty, FrameIndex& frame) {
  Search search{.skips_dirty = skips_dirty};
  search_new(search, false);
  if (search.found == kNoFrame && !search.has_enough_dirty()) search_clock(search);
  // Where all others are used or dirty.
  if (search.found == kNoFrame && (search.dirty == 0 || skips_dirty)) search_new(search, true);
  frame = search.found;
  if (frame != kNoFrame) return Step::kDone;
  if (search.dirty > 0) return Step::kClean;
  return search.is_busy ? Step::kBusy : Step::kDone;
}

/// The frame of a page that nobody has begun to read: who wants it asks again. kNoFrame for none.
FrameIndex PageCache::cancel_load() {
  for (std::uint32_t i = 0; i < made(); ++i) {
    const FrameIndex frame{i};
    const State state = table_->look(frame);
    if (!state.has(State::kLoading) || state.has(State::kReading)) continue;
    leave(frame, state);
    table_->state(frame).store(State::kThere, std::memory_order_release);
    return frame;
  }
  return kNoFrame;
}

/// Without a frame in it, kDone says that there is none.
PageCache::Step PageCache::claim(const PinRequest& request, bool skips_dirty, FrameIndex& frame) {
  if (const FrameIndex again = request.again; to_word(again) < made()) {
    const State state = table_->look(again);
    const bool is_same = table_->turn(again).load(std::memory_order_relaxed) == request.again_turn;
    if (is_same && state.is_at_rest() && state.use() <= 1) {
      if (state.has(State::kDirty) && !skips_dirty) return Step::kClean;
      if (!state.has(State::kDirty) && evict(again, state)) frame = again;
    }
  }
  if (frame == kNoFrame) frame = pop(empty_);
  if (frame != kNoFrame) return Step::kDone;
  if (!request.may_evict && !is_full()) return Step::kDone;
  return sweep(skips_dirty, frame);
}

}  // namespace superslab::pages
