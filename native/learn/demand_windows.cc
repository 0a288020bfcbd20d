#include "learn/demand_windows.h"

#include <algorithm>
#include <cassert>
#include <functional>
#include <limits>

namespace superslab {
namespace {

/// Intervals that must have taken as much before it is expected again: see usual_peak().
constexpr std::size_t kEvidence = 3;

void add_up_to_most(std::uint32_t& sum, std::uint64_t n) {
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint32_t>::max();
  sum = static_cast<std::uint32_t>(std::min(kMost, sum + std::min(n, kMost)));
}

/// What was counted since; 0 for a sum that fell.
std::uint64_t since(std::uint64_t& before, std::uint64_t now) {
  const std::uint64_t more = now > before ? now - before : 0;
  before = std::max(before, now);
  return more;
}

}  // namespace

void DemandWindows::begin_interval() {
  for (std::size_t i = 0; i < kClassSlots; ++i) {
    const std::uint32_t busy = busy_before_[i];
    demand_[i][place(0)] = {.acquires = 0, .peak_slabs = busy};
    slabs_[i][recent_place(number_)] = {busy, busy};
  }
  huge_acquires_[place(0)] = 0;
  peak_bytes_[recent_place(number_)] = bytes_before_;
}

void DemandWindows::advance(std::uint64_t number) {
  assert(number >= number_);
  // Those that passed unseen were like the last thing that was seen. No more than there are places.
  if (number - number_ > kIntervals) number_ = number - kIntervals;
  while (number_ < number) {
    ++number_;
    count_ = std::min(count_ + 1, kIntervals);
    begin_interval();
  }
}

void DemandWindows::note_class(std::size_t i, const ClassSample& sample) {
  ClassDemand& demand = demand_[i][place(0)];
  add_up_to_most(demand.acquires, since(acquires_before_[i], sample.acquires));
  demand.peak_slabs = std::max(demand.peak_slabs, sample.peak_busy_slabs);
  Levels& levels = slabs_[i][recent_place(number_)];
  levels.peak = std::max<ByteCount>(levels.peak, sample.peak_busy_slabs);
  levels.low = std::min<ByteCount>(levels.low, sample.low_busy_slabs);
  busy_before_[i] = sample.busy_slabs;
}

void DemandWindows::note(const Samples& samples, Nanos now) {
  if (count_ == 0) {
    origin_ = noted_at_ = now;
    count_ = 1;
  }
  assert(now >= noted_at_);
  const Nanos when = now - std::min(now - noted_at_, interval_ / 10);
  advance((when - origin_) / interval_);
  noted_at_ = now;
  ByteCount busy = 0;
  ByteCount peak = 0;
  for (std::size_t i = 0; i < kClassSlots; ++i) {
    const ClassSample& one = samples.classes[i];
    note_class(i, one);
    busy += one.busy_slabs * one.slab_bytes;
    peak += one.peak_busy_slabs * one.slab_bytes;
  }
  ByteCount& most = peak_bytes_[recent_place(number_)];
  most = std::max(most, peak);
  bytes_before_ = busy;
  add_up_to_most(huge_acquires_[place(0)],
                 since(huge_before_, samples.huge_hits + samples.huge_misses));
}

template <class Value>
ByteCount DemandWindows::third_most(Value value) const {
  const std::size_t recent = std::min(count_, kRecent);
  if (recent < kEvidence) return 0;
  std::array<ByteCount, kRecent> values{};
  for (std::size_t age = 0; age < recent; ++age) values[age] = value(recent_place(number_ - age));
  std::sort(values.begin(), values.end(), std::greater<>());
  return values[kEvidence - 1];
}

std::uint32_t DemandWindows::usual_peak(ClassIndex c) const {
  const Recent& slabs = slabs_[to_index(c)];
  return static_cast<std::uint32_t>(third_most([&](std::size_t at) { return slabs[at].peak; }));
}

std::uint32_t DemandWindows::usual_rise(ClassIndex c) const {
  const Recent& slabs = slabs_[to_index(c)];
  return static_cast<std::uint32_t>(
      third_most([&](std::size_t at) { return slabs[at].peak - slabs[at].low; }));
}

ByteCount DemandWindows::usual_peak_bytes() const {
  return third_most([&](std::size_t at) { return peak_bytes_[at]; });
}

bool DemandWindows::is_wanted(ClassIndex c) const {
  for (std::size_t age = 0; age < std::min<std::size_t>(count_, 2); ++age)
    if (of(c, age).acquires != 0) return true;
  return false;
}

}  // namespace superslab
