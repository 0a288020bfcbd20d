// How many of an owner's slabs have blocks out, by class: now, and most and fewest since somebody
// began to look.
#pragma once

#include "base/counter.h"
#include "base/types.h"

namespace superslab {

/// Whoever works with the owner's slabs writes, any thread reads and restarts. A change at the very
/// moment of a restart may be missed or told twice: these are for statistics.
class BusySlabs {
 public:
  void add(ClassIndex c) {
    One& one = classes_[to_index(c)];
    const std::uint32_t now = one.now.get() + 1;
    one.now.set(now);
    if (now > one.most.get()) one.most.set(now);
  }
  void remove(ClassIndex c) {
    One& one = classes_[to_index(c)];
    const std::uint32_t now = one.now.get() - 1;
    one.now.set(now);
    if (now < one.fewest.get()) one.fewest.set(now);
  }
  /// None of the owner's slabs is known any more.
  void forget() {
    for (One& one : classes_) one.now.set(0);
    restart();
  }

  std::uint32_t now(ClassIndex c) const { return classes_[to_index(c)].now.get(); }
  std::uint32_t most(ClassIndex c) const { return classes_[to_index(c)].most.get(); }
  std::uint32_t fewest(ClassIndex c) const { return classes_[to_index(c)].fewest.get(); }

  void restart() {
    for (One& one : classes_) {
      one.most.set(one.now.get());
      one.fewest.set(one.now.get());
    }
  }

 private:
  struct One {
    Level now;
    Level most;
    Level fewest;
  };
  One classes_[kClassSlots];
};

}  // namespace superslab
