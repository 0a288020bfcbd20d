// What each size class was asked for, by interval: the last 60 of them, in constant memory. It is
// made of samples, by their differences.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/types.h"
#include "policy/samples.h"

namespace superslab {

/// One class in one interval.
struct ClassDemand {
  std::uint32_t acquires = 0;    // blocks that callers were lent; no more than the type holds
  std::uint32_t peak_slabs = 0;  // most slabs of which blocks were out at once
};

class DemandWindows {
 public:
  static constexpr std::size_t kIntervals = 60;
  /// Those that controllers look at.
  static constexpr std::size_t kRecent = 6;

  /// `interval`: how long each is.
  explicit DemandWindows(Nanos interval) : interval_(interval) {}

  /// What happened since the last call, which is at most an interval's tenth ago: what took longer
  /// to be told happened lately, for who does not ask for long has seen that nothing does.
  void note(const Samples& samples, Nanos now);

  Nanos interval() const { return interval_; }
  /// Intervals so far, the running one included: at most kIntervals.
  std::size_t count() const { return count_; }

  // `age`, below count(): 0 is the running interval, 1 the one before.

  /// In the time of note().
  Nanos started(std::size_t age) const { return origin_ + (number_ - age) * interval_; }
  const ClassDemand& of(ClassIndex c, std::size_t age) const {
    return demand_[to_index(c)][place(age)];
  }
  /// Blocks beyond 2 MiB that callers were lent.
  std::uint32_t huge_acquires(std::size_t age) const { return huge_acquires_[place(age)]; }

  /// How many slabs or bytes (of all classes) the third-most of the recent intervals took at once,
  /// and how many it took beside those that it had throughout: what comes and goes. 0 before there
  /// are three. So that much is told by three intervals at least.
  std::uint32_t usual_peak(ClassIndex c) const;
  std::uint32_t usual_rise(ClassIndex c) const;
  ByteCount usual_peak_bytes() const;

  /// Fewest slabs of which blocks were out in the running interval.
  std::uint32_t low(ClassIndex c) const {
    return static_cast<std::uint32_t>(slabs_[to_index(c)][recent_place(number_)].low);
  }

  /// Whether callers were lent blocks of the class in this interval or the one before.
  bool is_wanted(ClassIndex c) const;

 private:
  struct Levels {
    ByteCount peak = 0;
    ByteCount low = 0;
  };
  using Recent = std::array<Levels, kRecent>;

  std::size_t place(std::size_t age) const { return (number_ - age) % kIntervals; }
  static std::size_t recent_place(std::uint64_t number) { return number % kRecent; }
  void advance(std::uint64_t number);
  void begin_interval();
  void note_class(std::size_t i, const ClassSample& sample);
  template <class Value>
  ByteCount third_most(Value value) const;

  const Nanos interval_;
  Nanos origin_ = 0;
  Nanos noted_at_ = 0;
  std::uint64_t number_ = 0;  // of the running interval, from origin_ on
  std::size_t count_ = 0;
  std::array<std::array<ClassDemand, kIntervals>, kClassSlots> demand_{};
  std::array<std::uint32_t, kIntervals> huge_acquires_{};
  std::array<Recent, kClassSlots> slabs_{};      // of each class
  std::array<ByteCount, kRecent> peak_bytes_{};  // of all together
  // Of the sample before.
  std::array<std::uint64_t, kClassSlots> acquires_before_{};
  std::array<std::uint32_t, kClassSlots> busy_before_{};
  ByteCount bytes_before_ = 0;
  std::uint64_t huge_before_ = 0;
};

}  // namespace superslab
