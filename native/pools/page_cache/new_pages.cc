#include "pools/page_cache/new_pages.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <new>

namespace superslab::pages {
namespace {

/// Of all frames: a tenth, as in the paper.
constexpr std::uint32_t kPart = 10;
constexpr std::uint32_t kLeastFrames = 64;

}  // namespace

bool NewPages::make(std::uint32_t frames) {
  if (frames < kLeastFrames) return true;
  const std::uint32_t places = std::bit_ceil(frames);
  links_.reset(new (std::nothrow) Link[frames + 1]);
  gone_.reset(new (std::nothrow) PageNumber[places]);
  if (links_ == nullptr || gone_ == nullptr) return false;
  std::fill_n(gone_.get(), places, kNoPage);
  gone_shift_ = static_cast<unsigned>(std::countl_zero(places - 1));
  most_ = frames / kPart;
  end_ = FrameIndex{frames};
  links_[frames] = {end_, end_};
  return true;
}

void NewPages::add(FrameIndex frame) {
  Link& end = links_[to_word(end_)];
  links_[to_word(frame)] = {end.before, end_};
  links_[to_word(end.before)].after = frame;
  end.before = frame;
  ++count_;
}

void NewPages::remove(FrameIndex frame) {
  const Link link = links_[to_word(frame)];
  assert(count_ > 0);
  links_[to_word(link.before)].after = link.after;
  links_[to_word(link.after)].before = link.before;
  --count_;
}

bool NewPages::take_gone(PageNumber page) {
  PageNumber& last = gone(page);
  if (last != page) return false;
  last = kNoPage;
  return true;
}

}  // namespace superslab::pages
