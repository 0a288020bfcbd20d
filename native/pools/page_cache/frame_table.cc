#include "pools/page_cache/frame_table.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <new>

namespace superslab::pages {

/// At least two buckets, so that the shift is less than a word.
FrameTable::FrameTable(std::uint32_t frames)
    : frames_(frames),
      bucket_shift_(32 - static_cast<unsigned>(std::bit_width(std::max(frames, 2u) - 1))) {
  words_.reset(new (std::nothrow) Word[std::size_t{kRows} * frames_ + buckets()]);
}

std::shared_ptr<FrameTable> FrameTable::make(std::uint32_t frames) {
  assert(frames >= 1 && frames <= 1u << 31);
  std::shared_ptr<FrameTable> made(new (std::nothrow) FrameTable(frames));
  if (made == nullptr || made->words_ == nullptr) return nullptr;
  for (std::uint32_t i = 0; i < frames; ++i) {
    const FrameIndex f{i};
    for (const std::uint32_t row : {0u, 3u, 4u}) made->row(row)[i] = 0;
    made->number(f) = kNoPage;
    made->next(f) = to_word(kNoFrame);
  }
  for (std::uint32_t i = 0; i < made->buckets(); ++i) made->row(kRows)[i] = to_word(kNoFrame);
  return made;
}

FrameIndex FrameTable::find(PageNumber number) const {
  std::uint32_t at = head(number).load(std::memory_order_relaxed);
  while (at != to_word(kNoFrame)) {
    const FrameIndex f{at};
    if (this->number(f).load(std::memory_order_relaxed) == number) return f;
    at = next(f).load(std::memory_order_relaxed);
  }
  return kNoFrame;
}

void FrameTable::link(FrameIndex f, PageNumber number) {
  assert(find(number) == kNoFrame);
  Word& first = head(number);
  this->number(f).store(number, std::memory_order_relaxed);
  turn(f).fetch_add(1, std::memory_order_relaxed);
  next(f).store(first.load(std::memory_order_relaxed), std::memory_order_relaxed);
  first.store(to_word(f), std::memory_order_release);
}

void FrameTable::unlink(FrameIndex f) {
  Word* at = &head(number(f).load(std::memory_order_relaxed));
  while (at->load(std::memory_order_relaxed) != to_word(f)) {
    assert(at->load(std::memory_order_relaxed) != to_word(kNoFrame) && "it is in its chain");
    at = &next(FrameIndex{at->load(std::memory_order_relaxed)});
  }
  at->store(next(f).load(std::memory_order_relaxed), std::memory_order_relaxed);
  number(f).store(kNoPage, std::memory_order_relaxed);
  turn(f).fetch_add(1, std::memory_order_relaxed);
}

}  // namespace superslab::pages
